import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { encodeJsonWithin, jsonCodec } from './json.codec.js';

const bytesOf = (text: string): number => Buffer.byteLength(text);

/** A wide value that records whether its last part was read. */
function wide(parts: number) {
  let isLastRead = false;
  const value: unknown[] = Array.from({ length: parts }, () => 1);
  Object.defineProperty(value, parts, {
    enumerable: true,
    get: () => {
      isLastRead = true;
      return 1;
    },
  });
  return { value, isLastRead: () => isLastRead };
}

describe('a limit in bytes', () => {
  const long = 'x'.repeat(50);
  it.each<[string, unknown]>([
    ['text', long],
    ['text of several bytes a character', '😀é\ud800\0"'],
    ['an empty text', ''],
    ['true', true],
    ['a number', -1.5],
    ['null', null],
    ['undefined', undefined],
    ['an empty object', {}],
    ['an empty array', []],
    ['one digit', 7],
    ['an array', [1, 2, [3, []], '', long]],
    ['an object', { a: 1, '': {}, [long]: [{ b: long }] }],
    ['an object like an escape', { $a: [] }],
    ['a Map', new Map<unknown, unknown>([['a', 1], [{}, long]])], // prettier-ignore
    ['an empty Map', new Map()],
    ['a Set', new Set([1, 2, long])],
    ['an empty Set', new Set()],
    ['bytes', new Uint8Array(100)],
    ['no bytes', Buffer.alloc(0)],
    ['a Date', new Date(0)],
    ['a bigint', 2n ** 100n],
  ])('allows %s if its text has exactly as many bytes', (_, value) => {
    const text = jsonCodec.encode(value);
    expect(encodeJsonWithin(value, bytesOf(text))).toBe(text);
    expect(encodeJsonWithin([value, value], bytesOf(text) * 2 + 3)).toBe(`[${text},${text}]`);
  });

  it.each<[string, unknown]>([
    ['text', 'x'.repeat(99)],
    ['many elements', Array(101).fill(1)],
    ['many keys', Object.fromEntries(Array.from({ length: 25 }, (_, n) => [n, 1]))],
    ['a long key', { ['k'.repeat(99)]: 1 }],
    ['a large Map', new Map(Array.from({ length: 101 }, (_, n) => [n, 1]))],
    ['a large Set', new Set(Array(101).keys())],
    ['a large Buffer', Buffer.alloc(101)],
    ['texts that only together are too long', [{ a: 'x'.repeat(50) }, { a: 'x'.repeat(50) }]],
  ])('refuses %s if its text needs more', (_, value) => {
    expect(encodeJsonWithin(value, 100)).toBeUndefined();
    expect(encodeJsonWithin({ deep: [new Map([['in', value]])] }, 100)).toBeUndefined();
  });

  it('refuses a value that cannot be stored with its path, if that comes first', () => {
    expect(() => encodeJsonWithin([() => 1, 'x'.repeat(200)], 100)).toThrow('a function cannot be kept');
    expect(() => encodeJsonWithin(Array(1_000_000), 100)).toThrow('a hole in an array cannot be kept');
  });
});

describe('a value that is far too large is not encoded', () => {
  it('a text of 128 MB, which is too long for JSON itself', () => {
    const text = '\0'.repeat(2 ** 27);
    expect(encodeJsonWithin(text, 65_536)).toBeUndefined();
    expect(encodeJsonWithin({ user: [{ name: text }] }, 65_536)).toBeUndefined();
  });

  it('the end of a wide value is not read', () => {
    const { value, isLastRead } = wide(70_000);
    expect(encodeJsonWithin({ list: value }, 65_536)).toBeUndefined();
    expect(isLastRead()).toBe(false);
    expect(encodeJsonWithin({ list: value }, 1_000_000)).toBeDefined();
    expect(isLastRead()).toBe(true);
  });

  it('a graph that doubles on each of 45 levels, which would take forever', () => {
    for (const join of [
      (part: unknown) => [part, part],
      (part: unknown) => ({ a: part, b: part }),
      (part: unknown) => new Map([[1, part], [2, part]]), // prettier-ignore
      (part: unknown) => new Set([[part], part]),
    ]) {
      let value: unknown = [];
      for (let level = 0; level < 45; level++) value = join(value);
      expect(encodeJsonWithin(value, 65_536)).toBeUndefined();
    }
  });
});
