import { describe, expect, it } from 'vitest';
import { hashOf, scriptHashOf } from './hash.js';

describe('hashOf', () => {
  it('is 64 lower-case hex digits, the same for the same text', () => {
    for (const text of ['', 'alice', '../../etc', 'u'.repeat(10_000)]) {
      expect(hashOf(text)).toMatch(/^[0-9a-f]{64}$/);
      expect(hashOf(text)).toBe(hashOf(text));
    }
  });

  it('keeps texts apart that UTF-8 or Unicode take for the same', () => {
    const texts = ['\ud800', '\udfff', '\ufffd', 'é', 'e\u0301', 'a', 'a\u0000', 'A', ''];
    expect(new Set(texts.map(hashOf)).size).toBe(texts.length);
  });
});

describe('scriptHashOf', () => {
  it('is what Redis calls the script by', () => {
    expect(scriptHashOf('return 1')).toBe('e0e1f9fabfc9d4800c877a703b823ac0578ff8db');
  });
});
