import { describe, expect, it } from 'vitest';
import { hashOf, scriptHashOf } from './hash.js';

describe('hashOf', () => {
  it('is 64 lower-case hex digits, the same for the same text', () => {
    for (const text of ['', 'alice', '../../etc', 'u'.repeat(10_000)]) {
      expect(hashOf(text)).toMatch(/^[0-9a-f]{64}$/);
      expect(hashOf(text)).toBe(hashOf(text));
    }
  });

  it('differs for texts that have the same UTF-8 bytes or the same Unicode normal form', () => {
    const texts = ['\ud800', '\udfff', '\ufffd', 'é', 'e\u0301', 'a', 'a\u0000', 'A', ''];
    expect(new Set(texts.map(hashOf)).size).toBe(texts.length);
  });
});

describe('scriptHashOf', () => {
  it('is the hash that Redis computes for the script', () => {
    expect(scriptHashOf('return 1')).toBe('e0e1f9fabfc9d4800c877a703b823ac0578ff8db');
  });
});
