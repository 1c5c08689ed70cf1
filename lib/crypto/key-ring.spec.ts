import { hkdfSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KeyRing } from './key-ring.js';
import { KEY_COMMAND, weaknessOf } from './key-strength.js';
import { execFileSync } from 'node:child_process';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const GOOD = 'q0Zr3m9XcVbT1yKf7LwEhJ2nUaSgDpOi5RtM8xQvB4s';
const OTHER = 'x7Qd2kVn9BsLw4TfZj1RyGm6HcPeUa3oXi8KtMv5NqY';

describe('KeyRing', () => {
  it('derives by HKDF-SHA-256, and never changes: sealed sessions survive an upgrade', () => {
    const [key] = new KeyRing([bytes(GOOD)]).derive('nestjs-http-session token v1 sid');
    expect(key?.export()).toEqual(
      Buffer.from(hkdfSync('sha256', GOOD, '', 'nestjs-http-session token v1 sid', 32)),
    );
    expect(key?.export().toString('hex')).toBe(
      '51dd421c6a5bae88cf1f7a94d8579a74bdfea19c3bdb04ffa01d0d92ed73f4b0',
    );
  });

  it('has one key per key of the ring, in order, and others for another purpose', () => {
    const ring = new KeyRing([bytes(GOOD), bytes(OTHER)]);
    const hex = (purpose: string) => ring.derive(purpose).map(key => key.export().toString('hex'));
    expect(hex('a')).toHaveLength(2);
    expect(hex('a')).toEqual(hex('a'));
    expect(new Set([...hex('a'), ...hex('b'), ...hex('')]).size).toBe(6);
    expect(new KeyRing([bytes(OTHER)]).derive('a')[0]?.export().toString('hex')).toBe(hex('a')[1]);
  });
});

describe('weaknessOf', () => {
  it.each([
    ['nothing', '', /has 0 bytes/],
    ['31 bytes', GOOD.slice(0, 31), /has 31 bytes, and needs at least 32/],
    ['one character', 'a'.repeat(64), /repeats the same few characters/],
    ['two characters', 'ab'.repeat(32), /repeats/],
    ['a counted row', '1234567'.repeat(8), /repeats/],
    ['an example', 'complex_password_at_least_32_characters_long', /example/],
    ['an example in capitals', 'AVERYLOGPHRASEBIGGERTHANTHIRTYTWOCHARS', /example/],
    ['a short example, repeated', 'keyboard cat keyboard cat keyboard cat', /example/],
  ])('refuses %s', (_, key, message) => {
    expect(weaknessOf(bytes(key))).toMatch(message);
  });

  it('accepts random keys: base64url, hex, bytes', () => {
    for (let round = 0; round < 1_000; round++) {
      const random = crypto.getRandomValues(Buffer.alloc(32));
      for (const key of [random, bytes(random.toString('base64url')), bytes(random.toString('hex'))]) {
        expect(weaknessOf(key)).toBeUndefined();
      }
    }
  });

  it('the command makes a good key', () => {
    const made = execFileSync('sh', ['-c', KEY_COMMAND], { encoding: 'utf8' }).trim();
    expect(made).toHaveLength(43);
    expect(weaknessOf(bytes(made))).toBeUndefined();
  });
});
