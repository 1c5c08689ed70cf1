import { Buffer } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { encodeJsonWithin, jsonCodec } from './json.codec.js';

/** Mulberry32: the same numbers on every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const TEXTS = ['', 'a', '$', '$$', '$date', '$map', '$set', '$$const', '$const', '$bytes', '{"$', 'NaN', '"', '\\', '\u2028', '\ud800', '\udc00x', '__proto__', 'constructor', 'prototype', 'toJSON', '0', '-1', '2024-05-01T12:00:00.000Z', 'AAH/', '[{'.repeat(60)]; // prettier-ignore
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  NaN,
  Infinity,
  -Infinity,
  0.1,
  1e21,
  5e-324,
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_VALUE,
];
const FRAGMENTS = ['{"$date":null}', '{"$map":[[', '{"$set":[', ']]}', '{"$$', '"$const":"-0"', '"__proto__":', '{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '[', ']', '{', '}', '"', '\\', ',', ':', '\u0000', '\ud800', '$', '[['.repeat(60)]; // prettier-ignore

function pick<T>(random: (below: number) => number, from: readonly T[]): T {
  return from[random(from.length)] as T;
}

function randomValue(random: (below: number) => number, depth: number): unknown {
  const some = (): unknown[] => Array.from({ length: random(5) }, () => randomValue(random, depth - 1));
  switch (random(depth > 0 ? 16 : 9)) {
    case 0:
      return pick(random, NUMBERS);
    case 1:
      return pick(random, [true, false, null, undefined]);
    case 2:
      return BigInt(random(1000) - 500) ** BigInt(random(20));
    case 3:
      return new Date(
        pick(random, [0, NaN, 8.64e15, -8.64e15, random(2 ** 31) * 1000 + 1, -random(2 ** 31)]),
      );
    case 4:
      return Uint8Array.from({ length: random(9) }, () => random(256));
    case 5:
      return Buffer.from(Uint8Array.from({ length: random(9) }, () => random(256)));
    case 6:
      return random(2 ** 31) / (1 + random(1000));
    case 7:
      return pick(random, TEXTS) + String.fromCharCode(random(0x10000));
    case 8:
      return pick(random, TEXTS);
    case 9:
    case 10:
      return some();
    case 11:
      return new Map(some().map(key => [key, randomValue(random, depth - 1)]));
    case 12:
      return new Set(some());
    case 13:
      return { [`$${pick(random, TEXTS)}`]: randomValue(random, depth - 1) };
    default: {
      const object = {};
      for (const value of some()) {
        const key = pick(random, TEXTS);
        Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
      }
      return object;
    }
  }
}

function mutate(random: (below: number) => number, text: string): string {
  const at = random(text.length + 1);
  const until = at + random(8);
  switch (random(5)) {
    case 0:
      return text.slice(0, at) + text.slice(until);
    case 1:
      return text.slice(0, at) + pick(random, FRAGMENTS) + text.slice(at);
    case 2:
      return text.slice(0, at) + pick(random, FRAGMENTS) + text.slice(until);
    case 3:
      return text.slice(0, at) + String.fromCharCode(32 + random(95)) + text.slice(at + 1);
    default:
      // Another tag, key or name: most of these are still JSON.
      return text.replace(/"[^"\\]*"/g, found =>
        random(4) === 0 ? JSON.stringify(pick(random, TEXTS)) : found,
      );
  }
}

/** For Node two invalid dates are not equal, so values that contain one are compared by their texts. */
function comesBackEqual(value: unknown): boolean {
  const text = jsonCodec.encode(value);
  const back = jsonCodec.decode(text);
  return jsonCodec.encode(back) === text && (text.includes('"$date":null') || isDeepStrictEqual(back, value));
}

/** The outcome of decoding: whether the value can be encoded again, or the error. */
function outcome(text: string): unknown {
  try {
    return comesBackEqual(jsonCodec.decode(text));
  } catch (error) {
    return error;
  }
}

it('random values are read back equal, and have the same text again', () => {
  const random = randomFrom(20_240_501);
  const values = Array.from({ length: 4000 }, () => randomValue(random, 5));
  expect(values.filter(value => !comesBackEqual(value)).map(value => jsonCodec.encode(value))).toEqual([]);
});

it('random values are never reported as longer than their text', () => {
  const random = randomFrom(42);
  const values = Array.from({ length: 4000 }, () => randomValue(random, 5));
  const exact = values.map(value => encodeJsonWithin(value, Buffer.byteLength(jsonCodec.encode(value))));
  expect(exact).toEqual(values.map(value => jsonCodec.encode(value)));
});

it('random JSON is written exactly as by JSON, unless an object looks like an escape', () => {
  const random = randomFrom(7);
  const texts = Array.from({ length: 4000 }, () =>
    JSON.stringify(randomValue(random, 4), (_, value: unknown) => (typeof value === 'bigint' ? 1 : value)),
  ).filter(text => text !== undefined && !text.includes('{"$'));
  expect(texts.length).toBeGreaterThan(2000);
  expect(texts.map(text => jsonCodec.encode(JSON.parse(text)))).toEqual(texts);
});

it('a randomly damaged text is a valid value or an error, and changes no prototype', () => {
  const random = randomFrom(42);
  const pristine = Reflect.ownKeys(Object.prototype).length;
  const counts = { kept: 0, refused: 0 };
  const wrong: unknown[] = [];
  for (let round = 0; round < 12_000; round++) {
    let text = jsonCodec.encode(randomValue(random, 4));
    for (let times = random(3); times >= 0; times--) text = mutate(random, text);
    const result = outcome(text);
    if (result === true) counts.kept++;
    else if (result instanceof SyntaxError) counts.refused++;
    else wrong.push([text, result]);
  }
  expect(wrong).toEqual([]);
  expect(Math.min(counts.kept, counts.refused)).toBeGreaterThan(1500);
  expect(Reflect.ownKeys(Object.prototype)).toHaveLength(pristine);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});
