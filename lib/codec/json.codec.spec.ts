import { Buffer } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { jsonCodec } from './json.codec.js';

const roundTrip = (value: unknown): unknown => jsonCodec.decode(jsonCodec.encode(value));

/** `isDeepStrictEqual` tells -0 from 0, Date from text, Buffer from Uint8Array and undefined from absent. */
function expectRoundTrip(value: unknown): void {
  const back = roundTrip(value);
  expect(isDeepStrictEqual(back, value), `${jsonCodec.encode(value)} came back as another value`).toBe(true);
}

describe('plain JSON', () => {
  it.each([
    ['text', 'a "quoted" word'],
    ['text that starts like an escape', '{"$date":null}'],
    ['text with dollars', '$date'],
    ['a number', -1.5e-7],
    ['the largest number', Number.MAX_VALUE],
    ['true', true],
    ['null', null],
    ['an empty object', {}],
    ['an empty array', []],
    ['a mixed object', { a: [1, 'x', null, { b: false }], 2: 'two', '': '', 'a.b': '\u2028\0' }],
    ['several keys with dollars', { $date: 'x', $set: [1] }],
    ['a dollar key that is not the only one', { $price: 1, name: 'n' }],
    ['dollars in values', { price: '$5', list: ['$a', '{"$set":[]}'] }],
  ])('%s is written exactly as by JSON', (_, value) => {
    expect(jsonCodec.encode(value)).toBe(JSON.stringify(value));
    expectRoundTrip(value);
  });

  it('lone surrogates keep the same text', () => {
    const text = '{"\\udc00":"\\ud800"}';
    expect(jsonCodec.encode(jsonCodec.decode(text))).toBe(text);
    expectRoundTrip(['\ud800', { '\udfff': '\ud83d\ude00 \udc00\ud800' }]);
  });

  it('of a repeated key the last value counts', () => {
    expect(jsonCodec.decode('{"uid":1,"uid":2}')).toEqual({ uid: 2 });
    expect(jsonCodec.decode('{"$bigint":"1","$bigint":"2"}')).toBe(2n);
  });

  it('each call builds a new value, and the given value stays unchanged', () => {
    const value = Object.freeze({ at: new Date(5), list: Object.freeze([1n, 'x']) });
    const text = jsonCodec.encode(value);
    expect(value).toEqual({ at: new Date(5), list: [1n, 'x'] });
    expect(jsonCodec.decode(text)).not.toBe(jsonCodec.decode(text));
  });
});

describe('what JSON does not know', () => {
  it.each([
    ['a date', new Date('2024-05-01T12:00:00.123Z'), '{"$date":"2024-05-01T12:00:00.123Z"}'],
    ['a date of long ago', new Date(-8.64e15), '{"$date":"-271821-04-20T00:00:00.000Z"}'],
    ['undefined', undefined, '{"$const":"undefined"}'],
    ['NaN', NaN, '{"$const":"NaN"}'],
    ['Infinity', Infinity, '{"$const":"Infinity"}'],
    ['-Infinity', -Infinity, '{"$const":"-Infinity"}'],
    ['-0', -0, '{"$const":"-0"}'],
    ['a bigint', -(2n ** 80n), '{"$bigint":"-1208925819614629174706176"}'],
    ['bytes', new Uint8Array([0, 1, 255]), '{"$bytes":"AAH/"}'],
    ['a Buffer', Buffer.from('é'), '{"$buffer":"w6k="}'],
    ['no bytes', new Uint8Array(0), '{"$bytes":""}'],
    ['a Map', new Map<unknown, unknown>([['a', 1]]), '{"$map":[["a",1]]}'],
    ['a Set', new Set(['a', 2]), '{"$set":["a",2]}'],
    ['an empty Map', new Map(), '{"$map":[]}'],
    ['undefined in an object', { a: undefined, b: 1 }, '{"a":{"$const":"undefined"},"b":1}'],
    ['undefined in an array', [1, undefined, 2], '[1,{"$const":"undefined"},2]'],
  ])('%s is read back', (_, value, text) => {
    expect(jsonCodec.encode(value)).toBe(text);
    expectRoundTrip(value);
    expectRoundTrip({ nested: [value, { deep: value }] });
    expectRoundTrip(new Map<unknown, unknown>([[{ key: value }, [value]]]));
    expectRoundTrip(new Set([[value]]));
  });

  it('an invalid date is read back', () => {
    // On its own, because isDeepStrictEqual calls two invalid dates unequal.
    const [back] = roundTrip([new Date(NaN)]) as [Date];
    expect(jsonCodec.encode(back)).toBe('{"$date":null}');
    expect(back).toBeInstanceOf(Date);
    expect(back.getTime()).toBeNaN();
  });

  it('a Map may have keys of any kind, and keeps their order', () => {
    const keys = [
      'a',
      1,
      NaN,
      null,
      undefined,
      true,
      10n,
      new Date(0),
      new Set([1]),
      { a: 1 },
      [1],
      '__proto__',
    ];
    const back = roundTrip(new Map(keys.map((key, position) => [key, position]))) as Map<unknown, number>;
    expect(isDeepStrictEqual([...back.keys()], keys)).toBe(true);
    expect([...back.values()]).toEqual(keys.map((_key, position) => position));
  });

  it('a part of a larger buffer is stored without the rest, and is read back into memory of its own', () => {
    const whole = new Uint8Array([1, 2, 3, 4]);
    const back = roundTrip(whole.subarray(1, 3)) as Uint8Array;
    expect(back).toEqual(new Uint8Array([2, 3]));
    expect(back.buffer.byteLength).toBe(2);
  });

  it('an object that occurs twice is read back as two', () => {
    const shared = { n: 1 };
    const back = roundTrip({ a: shared, b: [shared] }) as { a: object; b: object[] };
    expect(back).toEqual({ a: { n: 1 }, b: [{ n: 1 }] });
    expect(back.a).not.toBe(back.b[0]);
  });

  it('an accessor is read back as its value', () => {
    const value = { get total() { return { at: new Date(1) }; } }; // prettier-ignore
    expect(roundTrip(value)).toEqual({ total: { at: new Date(1) } });
  });
});

describe('objects that look like escapes', () => {
  it.each([
    [{ $date: '2024-05-01T12:00:00.000Z' }, '{"$$date":"2024-05-01T12:00:00.000Z"}'],
    [{ $$date: null }, '{"$$$date":null}'],
    [{ $: 1 }, '{"$$":1}'],
    [{ $anything: { $const: 'NaN' } }, '{"$$anything":{"$$const":"NaN"}}'],
    [{ $map: [[1, new Date(0)]] }, '{"$$map":[[1,{"$date":"1970-01-01T00:00:00.000Z"}]]}'],
  ])('%j survives', (value, text) => {
    expect(jsonCodec.encode(value)).toBe(text);
    expectRoundTrip(value);
    expectRoundTrip([value, { in: value }, new Set([value])]);
  });

  it('a text that was decoded and encoded again stays the same', () => {
    const text = jsonCodec.encode([{ $set: [] }, new Set(), { $$set: [] }]);
    expect(jsonCodec.encode(jsonCodec.decode(text))).toBe(text);
  });
});
