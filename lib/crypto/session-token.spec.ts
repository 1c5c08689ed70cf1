import { createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KeyRing } from './key-ring.js';
import { newSid } from './session-id.js';
import { plainTokens, SignedTokens } from './session-token.js';

const FIRST = Buffer.from('q0Zr3m9XcVbT1yKf7LwEhJ2nUaSgDpOi5RtM8xQvB4s');
const SECOND = Buffer.from('x7Qd2kVn9BsLw4TfZj1RyGm6HcPeUa3oXi8KtMv5NqY');
const SID = 'pZ3yKq0vVb-1mXc9_TfLw8sRhQ2eJ6nUaGiDoB5kYtE';

const tokensOf = (keys: Buffer[], name = 'sid', acceptsUnsigned = false) =>
  new SignedTokens(new KeyRing(keys), name, acceptsUnsigned);

describe('a signed token', () => {
  const tokens = tokensOf([FIRST]);
  const token = tokens.tokenOf(SID);

  it('is the sid, a dot and an HMAC-SHA-256', () => {
    const key = Buffer.from(hkdfSync('sha256', FIRST, '', 'nestjs-http-session token v1 sid', 32));
    expect(token).toBe(`${SID}.${createHmac('sha256', key).update(SID).digest('base64url')}`);
  });

  it('never changes: cookies survive an upgrade', () => {
    expect(token).toBe(`${SID}.c09vg-BE8lFxMFWBtpmjeW9yINMXuRezH1wB5FixwG0`);
  });

  it('is genuine, leads to its sid, and is up to date', () => {
    expect(tokens.judge(token)).toBe('genuine');
    expect(tokens.sidOf(token)).toBe(SID);
    expect(tokens.upToDate(token)).toBe(token);
  });

  it('is forged for another cookie name and for another key', () => {
    expect(tokensOf([FIRST], '__Host-sid').judge(token)).toBe('forged');
    expect(tokensOf([SECOND]).judge(token)).toBe('forged');
  });

  it('that an older key has signed is genuine, and the first key signs the one that replaces it', () => {
    const rotated = tokensOf([SECOND, FIRST]);
    expect(rotated.judge(token)).toBe('genuine');
    expect(rotated.sidOf(token)).toBe(SID);
    expect(rotated.upToDate(token)).toBe(tokensOf([SECOND]).tokenOf(SID));
    expect(rotated.upToDate(rotated.tokenOf(SID))).toBe(rotated.tokenOf(SID));
  });

  it('a sid without a signature is forged, or accepted and replaced', () => {
    expect(tokens.judge(SID)).toBe('forged');
    const lenient = tokensOf([FIRST], 'sid', true);
    expect(lenient.judge(SID)).toBe('genuine');
    expect(lenient.sidOf(SID)).toBe(SID);
    expect(lenient.upToDate(SID)).toBe(token);
    expect(lenient.judge(`${SID}.${'A'.repeat(43)}`)).toBe('forged');
  });

  it.each([
    '',
    '.',
    SID.slice(1),
    `${SID}.`,
    `.${token}`,
    `${token}.`,
    `${token}=`,
    `${token}\n`,
    ` ${token}`,
    token.replace('.', ':'),
    token.slice(0, -1),
    `${SID}${token.slice(43)}${token.slice(43)}`,
    'é'.repeat(87),
    '\ud800'.repeat(87),
    `s:${SID}.x`,
    'x'.repeat(10_000),
  ])('%j is malformed', value => {
    expect(tokens.judge(value)).toBe('malformed');
  });

  it('its MAC has one form: the spare bits of the last character are not ignored', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const genuine = alphabet.split('').filter(last => tokens.judge(token.slice(0, -1) + last) === 'genuine');
    expect(genuine).toEqual([token.at(-1)]);
  });

  it('a character beyond Latin-1 that ends in the same byte is no signature', () => {
    const wide = token.slice(0, -1) + String.fromCharCode(0x100 + token.charCodeAt(86));
    expect(tokens.judge(wide)).toBe('forged');
  });

  it('100 000 mutations of genuine tokens: none is genuine', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=%+/ \u00e9';
    const others = Array.from({ length: 50 }, () => tokens.tokenOf(newSid()));
    const verdicts = { genuine: 0, forged: 0, malformed: 0 };
    for (let round = 0; round < 100_000; round++) {
      const original = others[round % others.length] as string;
      const at = Math.floor(Math.random() * original.length);
      const other = others[(round * 7 + 1) % others.length] as string;
      const letter = alphabet[Math.floor(Math.random() * alphabet.length)] as string;
      const mutated = [
        original.slice(0, at) + letter + original.slice(at + 1),
        original.slice(0, at) + original.slice(at + 1),
        original.slice(0, at) + letter + original.slice(at),
        original.slice(0, 43) + other.slice(43),
      ][round % 4] as string;
      if (mutated !== original) verdicts[tokens.judge(mutated)]++;
    }
    expect(verdicts.genuine).toBe(0);
    expect(verdicts.forged).toBeGreaterThan(30_000);
    expect(verdicts.malformed).toBeGreaterThan(30_000);
  });
});

describe('a plain token', () => {
  it('is the sid', () => {
    expect(plainTokens.tokenOf(SID)).toBe(SID);
    expect(plainTokens.sidOf(SID)).toBe(SID);
    expect(plainTokens.upToDate(SID)).toBe(SID);
    expect([plainTokens.judge(SID), plainTokens.judge(`${SID}.x`)]).toEqual(['genuine', 'malformed']);
  });
});
