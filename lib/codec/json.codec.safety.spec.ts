import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { jsonCodec } from './json.codec.js';

const roundTrip = (value: unknown): unknown => jsonCodec.decode(jsonCodec.encode(value));

const own = (key: string, value: unknown): Record<string, unknown> =>
  Object.defineProperty({}, key, { value, enumerable: true, writable: true, configurable: true });

const pristine = Reflect.ownKeys(Object.prototype).length;
afterEach(() => {
  if (Reflect.ownKeys(Object.prototype).length !== pristine) throw new Error('Object.prototype was polluted');
});

describe('names of prototypes are ordinary data', () => {
  it.each(['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'then', 'toString'])(
    'an own key %s comes back as an own key',
    key => {
      for (const held of [{ admin: true }, new Date(0), undefined, new Map([[own(key, 1n), own(key, -0)]])]) {
        const back = roundTrip({ list: [own(key, held)] }) as { list: [object] };
        expect(Object.getPrototypeOf(back.list[0])).toBe(Object.prototype);
        expect(Object.keys(back.list[0])).toEqual([key]);
        expect(isDeepStrictEqual(Object.getOwnPropertyDescriptor(back.list[0], key)?.value, held)).toBe(true);
      }
    },
  );

  it('a parsed __proto__ does not become the prototype of its object', () => {
    for (const inner of ['{"admin":true}', '{"$set":[{"$date":null}]}', '{"$map":[["admin",true]]}']) {
      const back = roundTrip(JSON.parse(`{"a":{"__proto__":${inner}},"d":1}`)) as { a: { admin?: boolean } };
      expect(back.a.admin).toBeUndefined();
      expect(Object.keys(back.a)).toEqual(['__proto__']);
      const read = jsonCodec.decode(`{"a":{"__proto__":${inner},"n":{"$bigint":"1"}}}`) as {
        a: { admin?: boolean };
      };
      expect(read.a.admin).toBeUndefined();
      expect(Object.getPrototypeOf(read.a)).toBe(Object.prototype);
    }
  });

  it('constructor.prototype changes no prototype', () => {
    const text = '{"constructor":{"prototype":{"polluted":{"$const":"NaN"}}}}';
    expect(jsonCodec.encode(jsonCodec.decode(text))).toBe(text);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('an object without a prototype, such as a parsed query of Fastify, is read back as an ordinary object', () => {
    const bare = Object.assign(Object.create(null) as object, { a: new Date(0) });
    Object.defineProperty(bare, '__proto__', { value: 1, enumerable: true });
    const back = roundTrip(bare) as object;
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(Object.entries(back)).toEqual([['a', new Date(0)], ['__proto__', 1]]); // prettier-ignore
    expect(
      roundTrip(Object.assign(Object.create(Object.create(null) as object) as object, { q: '1' })),
    ).toEqual({ q: '1' });
  });

  it('an inherited enumerable property is not data', () => {
    const texts: string[] = [];
    const polluted = Object.prototype as { leak?: unknown };
    polluted.leak = { $date: null };
    try {
      texts.push(
        jsonCodec.encode({ a: 1n }),
        jsonCodec.encode(jsonCodec.decode('{"a":{"$bigint":"1"},"b":{}}')),
      );
    } finally {
      delete polluted.leak;
    }
    expect(texts).toEqual(['{"a":{"$bigint":"1"}}', '{"a":{"$bigint":"1"},"b":{}}']);
  });
});

describe('values of another realm', () => {
  it('are stored like those of this realm', () => {
    const source = `({ o: { n: null }, a: [1, [2]], d: new Date(7), m: new Map([[{ k: 1 }, new Set([1n])]]),
      u: new Uint8Array([1, 2]), e: Object.create(null), x: [undefined, -0] })`;
    const here = { o: { n: null }, a: [1, [2]], d: new Date(7), m: new Map([[{ k: 1 }, new Set([1n])]]) };
    const rest = { u: new Uint8Array([1, 2]), e: {}, x: [undefined, -0] };
    expect(isDeepStrictEqual(roundTrip(runInNewContext(source)), { ...here, ...rest })).toBe(true);
  });
});

describe('a text that the codec did not write', () => {
  it.each([
    ['undefined', '{', '{"a":1', '[1,]', "{'a':1}", 'NaN', '{"a":1}x', '\ufeff1', '"\u0000"', 's:{"a":1}'],
    [
      '{"$date":1}',
      '{"$date":"yesterday"}',
      '{"$date":"2024-05-01"}',
      '{"$date":"2024-02-30T00:00:00.000Z"}',
    ],
    [
      '{"$map":{}}',
      '{"$map":[1]}',
      '{"$map":[[1]]}',
      '{"$map":[[1,2,3]]}',
      '{"$set":"abc"}',
      '{"$set":null}',
    ],
    ['{"$bigint":1}', '{"$bigint":""}', '{"$bigint":"0x1"}', '{"$bigint":"-0"}', '{"$bigint":"1.5"}'],
    ['{"$bytes":"A"}', '{"$bytes":"AAH_"}', '{"$bytes":null}', '{"$buffer":"!"}', '{"$buffer":[1]}'],
    [
      '{"$const":"toString"}',
      '{"$const":NaN}',
      '{"$const":null}',
      '{"$regexp":"x"}',
      '{"$":1}',
      '{"$proto":1}',
    ],
  ])('throws an error that quotes nothing of it (%#)', (...texts) => {
    for (const text of texts) {
      expect(() => jsonCodec.decode(text), text).toThrow(/^the text (is not JSON|holds an escape)/);
      expect(() => jsonCodec.decode(`{"x":[${text}]}`), text).toThrow(SyntaxError);
    }
  });

  it.each(['', ' ', ' '.repeat(1_000_000)])('throws if it is empty or blank (%#)', text => {
    expect(() => jsonCodec.decode(text)).toThrow('the text is not JSON');
  });

  it('throws if it was cut off anywhere: it is never read as a shorter value', () => {
    const text = jsonCodec.encode({ a: [new Date(0), { b: 'x' }], m: new Map([[1n, new Uint8Array(9)]]) });
    for (let length = 0; length < text.length; length++) {
      expect(() => jsonCodec.decode(text.slice(0, length))).toThrow(SyntaxError);
    }
  });
});
