import { describe, expect, it } from 'vitest';
import { SessionDataError } from '../errors/session.error.js';
import { assertFits, valueTooLarge } from './session-size.js';
import type { SessionChange, Texts } from './session-change.js';

const change = (set: Texts, removed: string[] = []): SessionChange => ({ set, delete: removed });
/** A text with this many bytes. */
const text = (bytes: number): string => 'x'.repeat(bytes);

describe('assertFits', () => {
  it.each<[string, Texts, SessionChange, boolean]>([
    [
      'exactly the limit: key and text count, the prefix of the field does not',
      {},
      change({ 'd:ab': text(98) }),
      true,
    ],
    ['one byte more', {}, change({ 'd:ab': text(99) }), false],
    ['bytes, not characters, in texts', {}, change({ 'd:': '😀'.repeat(25) }), true],
    ['bytes, not characters, in keys', {}, change({ [`d:${'😀'.repeat(25)}`]: 'x' }), false],
    ['unchanged values count', { 'd:a': text(50) }, change({ 'd:b': text(49) }), false],
    ['replaced values do not count', { 'd:a': text(90) }, change({ 'd:a': text(99) }), true],
    ['removed values do not count', { 'd:a': text(90) }, change({ 'd:b': text(99) }, ['d:a']), true],
    ['flash messages count', {}, change({ 'f:1': text(100) }), false],
    ['too large already, and not growing', { 'd:a': text(200) }, change({ 'd:a': text(200) }), true],
    ['too large already, and shrinking', { 'd:a': text(200) }, change({ 'd:a': text(150) }), true],
    ['too large already, and growing', { 'd:a': text(200) }, change({ 'd:a': text(201) }), false],
    [
      'too large already, one grows and another shrinks as much',
      { 'd:a': text(200), 'd:b': text(10) },
      change({ 'd:a': text(190), 'd:b': text(20) }),
      true,
    ],
    ['only removals', { 'd:a': text(200), 'd:b': text(200) }, change({}, ['d:a']), true],
    ['nothing', { 'd:a': text(200) }, change({}), true],
    ['a key named __proto__', {}, change({ ['d:__proto__']: text(92) }), false],
  ])('%s', (_, texts, changed, fits) => {
    const attempt = () => assertFits(texts, changed, 100);
    if (fits) expect(attempt).not.toThrow();
    else expect(attempt).toThrow(SessionDataError);
  });

  it('names the three largest keys, largest first, and no value', () => {
    const texts = { 'd:one': text(10), 'd:two': text(40), 'f:1:info': text(50), 'd:four': text(30) };
    let error: unknown;
    try {
      assertFits(texts, change({ 'd:five': 'secret' + text(20) }), 100);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(SessionDataError);
    const { code, keys, message } = error as SessionDataError;
    expect(code).toBe('SESSION_TOO_LARGE');
    expect(keys).toEqual(['flash message', 'two', 'four']);
    expect(message).toContain('"flash message" (56 bytes), "two" (43 bytes), "four" (34 bytes)');
    expect(message).toContain('"maxSize" is 100');
    expect(message).not.toContain('secret');
  });
});

describe('valueTooLarge', () => {
  it('names the value that was too large to encode first, then the largest others', () => {
    const texts = { 'd:new': text(90), 'd:one': text(10), 'd:two': text(40), 'd:three': text(20) };
    const error = valueTooLarge(texts, 'd:new', 100);
    expect(error).toMatchObject({ code: 'SESSION_TOO_LARGE', keys: ['new', 'two', 'three'] });
    expect(error.message).toContain('have more than 174 bytes and "maxSize" is 100; largest: "new" (more than 174 bytes), "two" (43 bytes)'); // prettier-ignore
    expect(valueTooLarge({}, 'f:1:info', 100)).toMatchObject({ keys: ['flash message'] });
  });
});
