import { Buffer } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { jsonCodec } from './json.codec.js';
import { MAX_DEPTH, UnencodableValueError } from './session-codec.interface.js';

function expectRoundTrip(value: unknown): void {
  const back = jsonCodec.decode(jsonCodec.encode(value));
  expect(isDeepStrictEqual(back, value), `${jsonCodec.encode(value)} came back as another value`).toBe(true);
}

function refusal(value: unknown): UnencodableValueError {
  try {
    jsonCodec.encode(value);
  } catch (error) {
    if (error instanceof UnencodableValueError) return error;
    throw error;
  }
  throw new Error('the value was not refused');
}

function nested(levels: number, wrap: (inner: unknown) => unknown, inner: unknown = 1): unknown {
  let value = inner;
  for (let level = 0; level < levels; level++) value = wrap(value);
  return value;
}

/** The shortest of three runs, in milliseconds: other work on the machine can only make a run longer. */
function quickest(run: () => void): number {
  const runs = [1, 2, 3].map(() => {
    const started = performance.now();
    run();
    return performance.now() - started;
  });
  return Math.min(...runs);
}

describe('depth', () => {
  const wraps: [string, (inner: unknown) => unknown, (inner: string) => string][] = [
    ['arrays', inner => [inner], inner => `[${inner}]`],
    ['objects', inner => ({ a: inner, b: 1 }), inner => `{"a":${inner},"b":1}`],
    ['objects like escapes', inner => ({ $set: inner }), inner => `{"$$set":${inner}}`],
    ['maps', inner => new Map([[1, inner]]), inner => `{"$map":[[1,${inner}]]}`],
    ['maps in keys', inner => new Map([[inner, 1]]), inner => `{"$map":[[${inner},1]]}`],
    ['sets', inner => new Set([inner]), inner => `{"$set":[${inner}]}`],
  ];

  it.each(wraps)(
    '%s: 100 levels come back and can be written again, 101 are refused both ways',
    (_, wrap, wrapText) => {
      for (const leaf of [1, new Date(0), 'x]}', undefined]) {
        const deepest = nested(MAX_DEPTH, wrap, leaf);
        const text = jsonCodec.encode(deepest);
        expect(jsonCodec.encode(jsonCodec.decode(text))).toBe(text);
        const error = refusal(wrap(deepest));
        expect(error.what).toBe('a value nested deeper than 100 levels');
        expect(error.path).toHaveLength(MAX_DEPTH);
        expect(() => jsonCodec.decode(wrapText(text))).toThrow(/nested/);
      }
      for (const leaf of [[], {}, new Map(), new Set()]) {
        expect(refusal(nested(MAX_DEPTH, wrap, leaf)).what).toBe('a value nested deeper than 100 levels');
        const text = nested(MAX_DEPTH, inner => wrapText(inner as string), jsonCodec.encode(leaf)) as string;
        expect(() => jsonCodec.decode(text)).toThrow(/nested/);
      }
    },
  );

  it('brackets in strings do not count', () => {
    expectRoundTrip({ text: '[{'.repeat(500), closing: ['\\"]}'.repeat(100), '"[["'] });
    expectRoundTrip(['[{\\"'.repeat(50_000), '\\', { a: '{' }]);
  });

  it('many brackets side by side are allowed, also in a long text', () => {
    expectRoundTrip(Array.from({ length: 20_000 }, (_, n) => ({ n, list: [[]] })));
    expectRoundTrip(nested(MAX_DEPTH, inner => new Map([['long'.repeat(500), inner]]), new Date(0)));
  });

  it.each([10_000, 1_000_000])('a text of %i levels is refused quickly, without a RangeError', levels => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
      ['["]",', ']'],
      ['{"$map":[[1,', ']]}'],
    ] as const) {
      // prettier-ignore
      // By way of bytes, so that it is one flat string as a store gives it.
      const text = Buffer.from(`${open.repeat(levels)}1${close.repeat(levels)}`).toString();
      const elapsed = quickest(() => {
        expect(() => jsonCodec.decode(text)).toThrow(SyntaxError);
      });
      expect(elapsed).toBeLessThan(20);
    }
  });

  it('a value of a million levels is refused quickly, without a RangeError', () => {
    const value = nested(1_000_000, inner => [inner]);
    const elapsed = quickest(() => {
      expect(refusal(value).what).toBe('a value nested deeper than 100 levels');
    });
    expect(elapsed).toBeLessThan(20);
  });
});
