import { describe, expect, it } from 'vitest';
import { SignedTokens } from '../crypto/session-token.js';
import { newSid } from '../crypto/session-id.js';
import type { SessionConfigError } from '../errors/session-config.error.js';
import { resolveSessionOptions } from './resolve-session-options.js';

const KEY = 'q0Zr3m9XcVbT1yKf7LwEhJ2nUaSgDpOi5RtM8xQvB4s';
const OTHER = 'x7Qd2kVn9BsLw4TfZj1RyGm6HcPeUa3oXi8KtMv5NqY';

const tokensOf = (secret: unknown, cookie = {}) =>
  resolveSessionOptions({ type: 'memory', secret, cookie } as never, { production: false }).tokens;

function problemsOf(secret: unknown): string[] {
  try {
    tokensOf(secret);
    return [];
  } catch (error) {
    return (error as SessionConfigError).problems.map(({ option, message }) => `${option}: ${message}`);
  }
}

describe('the option secret', () => {
  it.each([
    ['a text', KEY],
    ['bytes', Buffer.from(KEY)],
    ['a list', [KEY]],
    ['a list of bytes', [new Uint8Array(Buffer.from(KEY))]],
    ['an object', { keys: KEY }],
    ['an object with a list', { keys: [KEY, OTHER], acceptUnsigned: false }],
  ])('takes %s: the same tokens', (_, secret) => {
    const tokens = tokensOf(secret);
    expect(tokens).toBeInstanceOf(SignedTokens);
    const sid = newSid();
    expect(tokens.tokenOf(sid)).toBe(tokensOf(KEY).tokenOf(sid));
    expect(tokens.judge(sid)).toBe('forged');
  });

  it('acceptUnsigned accepts sids', () => {
    expect(tokensOf({ keys: KEY, acceptUnsigned: true }).judge(newSid())).toBe('genuine');
  });

  it('the name of the cookie, with its prefix, is part of what is signed', () => {
    const token = tokensOf(KEY, { name: 'one' }).tokenOf(newSid());
    expect(tokensOf(KEY, { name: 'one' }).judge(token)).toBe('genuine');
    expect(tokensOf(KEY, { name: 'two' }).judge(token)).toBe('forged');
    expect(tokensOf(KEY, { name: 'one', secure: true }).judge(token)).toBe('forged');
  });

  it('bytes that change later change nothing', () => {
    const bytes = Buffer.from(KEY);
    const tokens = tokensOf(bytes);
    bytes.fill(0);
    const sid = newSid();
    expect(tokens.tokenOf(sid)).toBe(tokensOf(KEY).tokenOf(sid));
  });

  it.each<[string, unknown, RegExp]>([
    ['a variable that is not set', undefined, /^secret: is undefined \(is the environment variable set\?\)/],
    ['null', null, /^secret: is undefined/],
    ['an empty text', '', /^secret: has 0 bytes, and needs at least 32; make a key with node -p/],
    ['a short text', 'keyboard cat', /^secret: has 12 bytes/],
    ['a number', 7, /^secret: is 7; write text or bytes/],
    ['a flag', true, /^secret: is true/],
    ['an empty list', [], /^secret: is an empty list/],
    ['a list with a gap', [KEY, undefined], /^secret: key 2 of the list is undefined \(is the environment/],
    ['a list with a weak key', [KEY, 'a'.repeat(40)], /^secret: key 2 of the list repeats/],
    ['an object without keys', { acceptUnsigned: true }, /^secret\.keys: is undefined/],
    [
      'an object with a typing mistake',
      { keys: KEY, acceptUnsiged: true },
      /Did you mean 'secret\.acceptUnsigned'\?/,
    ],
    ['a flag in quotes', { keys: KEY, acceptUnsigned: 'true' }, /^secret\.acceptUnsigned: is 'true'/],
  ])('refuses %s', (_, secret, message) => {
    const problems = problemsOf(secret);
    expect(problems).toEqual([expect.stringMatching(message)]);
  });

  it('never shows a key', () => {
    const weak = 'swordfish-swordfish';
    expect(problemsOf([weak, { keys: weak }, weak]).join()).not.toContain('swordfish');
  });
});
