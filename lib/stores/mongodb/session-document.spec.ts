import { describe, expect, it } from 'vitest';
import { documentOf, nameOf, recordOf } from './session-document.js';

const UNITS = [
  'd',
  'f',
  ':',
  '.',
  '$',
  '=',
  '-',
  '_',
  'A',
  '0',
  '\0',
  ' ',
  'é',
  '\ud800',
  '\udc00',
  '\ufffd',
  '🛒',
];

/** Fixed texts that look random. */
function* texts(count: number): Generator<string> {
  let state = 7;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let i = 0; i < count; i++)
    yield Array.from({ length: next(8) }, () => UNITS[next(UNITS.length)]).join('');
}

describe('the names of fields in a document', () => {
  it('are safe for every field, and lead back to it', () => {
    for (const field of [...texts(5_000), '__proto__', 'constructor', '_id', '_bsontype', '', '=', '=ZAA']) {
      const name = nameOf(field);
      expect(name, JSON.stringify(field)).toMatch(/^(?:[a-z]:[\w-]*|=[\w-]*)$/);
      const document = {
        ...documentOf('id', { expiresAt: 2, lastSeenAt: 1, meta: '', data: { [field]: 'text' } }),
      };
      const record = recordOf(document);
      expect(record).toMatchObject({ expiresAt: 2, lastSeenAt: 1, meta: '' });
      expect(Object.entries((record as { data: object }).data)).toEqual([[field, 'text']]);
    }
  });

  it('are different for different fields', () => {
    const fields = new Set(texts(5_000));
    expect(new Set([...fields].map(nameOf)).size).toBe(fields.size);
    expect(fields.size).toBeGreaterThan(3_000);
  });

  it('are the fields themselves where MongoDB takes them, so that people can read their documents', () => {
    expect(nameOf('d:cart')).toBe('d:cart');
    expect(nameOf('f:a1-info')).toBe('f:a1-info');
    expect(nameOf('d:a.b')).toMatch(/^=/);
  });
});
