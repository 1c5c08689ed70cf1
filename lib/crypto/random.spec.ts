import type * as crypto from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { randomBase64url, randomHex } from './random.js';

const generator = vi.hoisted(() => ({ fails: false }));

// The real generator, which a test can make fail.
vi.mock('node:crypto', async original => {
  const real = await original<typeof crypto>();
  return {
    ...real,
    randomBytes: (size: number): Buffer => {
      if (generator.fails) throw new Error('no entropy');
      return real.randomBytes(size);
    },
  };
});

afterEach(() => {
  generator.fails = false;
});

describe.each([
  ['randomHex', randomHex, 'hex', /^[0-9a-f]{64}$/],
  ['randomBase64url', randomBase64url, 'base64url', /^[A-Za-z0-9_-]{43}$/],
] as const)('%s', (_, random, encoding, pattern) => {
  it('returns the requested number of bytes', () => {
    expect(random(32)).toMatch(pattern);
    for (const bytes of [1, 6, 4_096]) expect(Buffer.from(random(bytes), encoding)).toHaveLength(bytes);
  });

  it('returns different bytes each time', () => {
    expect(new Set(Array.from({ length: 1_000 }, () => random(32))).size).toBe(1_000);
  });

  it('throws if the generator throws, and never uses another source', () => {
    generator.fails = true;
    expect(() => random(32)).toThrow('no entropy');
    expect(() => random(32)).toThrow('no entropy');
  });

  it.each([-1, Number.NaN])('refuses a length of %d bytes', bytes => {
    expect(() => random(bytes)).toThrow(RangeError);
  });
});
