import { describe, expect, it } from 'vitest';
import {
  categoryOfField,
  fieldOfKey,
  flashField,
  isDataField,
  isFlashField,
  keyOfField,
} from './session-fields.js';

const ODD = [
  '',
  'a',
  '__proto__',
  'constructor',
  'd:',
  'f:',
  ':',
  'a:b',
  '.',
  '$set',
  '\0',
  '😀',
  'line\nbreak',
];

const at = (now: number, count: string, category: string): string =>
  flashField(now, `${count}ffffffff`, category);

describe('the fields of a record', () => {
  it.each(ODD)('a data key %j is not confused with a flash message, and is read back', key => {
    const field = fieldOfKey(key);
    expect([isDataField(field), isFlashField(field), keyOfField(field)]).toEqual([true, false, key]);
  });

  it.each(ODD)('a flash category %j is not confused with data, and is read back', category => {
    const field = flashField(1_800_000_000_000, '0001deadbeef', category);
    expect([isDataField(field), isFlashField(field), categoryOfField(field)]).toEqual([
      false,
      true,
      category,
    ]);
  });

  it('flash fields sort by time, then by their order in the process, for any category', () => {
    const ordered = [
      at(35, '0000', 'z'),
      at(36, '0000', 'a'),
      at(1_800_000_000_000, '0000', 'z'),
      at(1_800_000_000_000, '0001', ''),
      at(1_800_000_000_000, '000a', 'a'),
      at(1_800_000_000_000, '0010', ' '),
      at(1_800_000_000_001, '0000', 'a'),
      at(36 ** 9 - 1, '0000', 'a'), // the year 5188
    ];
    expect(ordered.toReversed().toSorted()).toEqual(ordered);
    expect(new Set(ordered).size).toBe(ordered.length);
  });
});
