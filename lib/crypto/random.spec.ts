import type * as crypto from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type * as random from './random.js';

interface Generator {
  calls: number;
  fails: boolean;
  last: Buffer | undefined;
}

const generator = vi.hoisted((): Generator => ({ calls: 0, fails: false, last: undefined }));

// The real generator, watched: only so can it be seen to fail, and what stays behind in the pool.
vi.mock('node:crypto', async original => {
  const real = await original<typeof crypto>();
  return {
    ...real,
    randomBytes: (size: number): Buffer => {
      generator.calls++;
      if (generator.fails) throw new Error('no entropy');
      generator.last = real.randomBytes(size);
      return generator.last;
    },
  };
});

async function freshModule(): Promise<typeof random> {
  vi.resetModules();
  generator.calls = 0;
  generator.last = undefined;
  return import('./random.js');
}

afterEach(() => {
  generator.fails = false;
});

describe('random', () => {
  it('gives as many bytes as were asked for, in either notation', async () => {
    const { randomHex, randomBase64url } = await freshModule();
    expect(randomHex(6)).toMatch(/^[0-9a-f]{12}$/);
    expect(randomBase64url(32)).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(randomBase64url(4096), 'base64url')).toHaveLength(4096);
  });

  it.each([0, -1, 1.5, NaN, 4097])('refuses to give %d bytes', async bytes => {
    const { randomHex } = await freshModule();
    expect(() => randomHex(bytes)).toThrow(RangeError);
  });

  it('asks the generator at the first use, not at import, and once for 128 sids', async () => {
    const { randomBase64url } = await freshModule();
    expect(generator.calls).toBe(0);
    for (let count = 0; count < 128; count++) randomBase64url(32);
    expect(generator.calls).toBe(1);
    randomBase64url(32);
    expect(generator.calls).toBe(2);
  });

  it('gives out each byte of the pool once, and wipes what it gave', async () => {
    const { randomHex } = await freshModule();
    const first = randomHex(32);
    const pool = generator.last!;
    const untouched = pool.subarray(32).toString('hex');
    expect(pool.subarray(0, 32).every(byte => byte === 0)).toBe(true);

    let rest = '';
    for (let count = 0; count < 127; count++) rest += randomHex(32);
    expect(rest).toBe(untouched);
    expect(rest).not.toContain(first);
    expect(pool.every(byte => byte === 0)).toBe(true);
  });

  it('throws when the generator throws, each time anew, and never falls back', async () => {
    const { randomBase64url } = await freshModule();
    generator.fails = true;
    expect(() => randomBase64url(32)).toThrow('no entropy');
    expect(() => randomBase64url(32)).toThrow('no entropy');

    generator.fails = false;
    expect(randomBase64url(32)).not.toBe('A'.repeat(43));
  });

  it('throws when the generator fails at a refill, and does not give used bytes again', async () => {
    const { randomHex } = await freshModule();
    randomHex(4090);
    generator.fails = true;
    expect(() => randomHex(32)).toThrow('no entropy');
    expect(randomHex(6)).not.toBe('000000000000');
    expect(() => randomHex(1)).toThrow('no entropy');
  });
});
