import { describe, expect, it } from 'vitest';
import {
  applyUpdate,
  destroyThroughMarks,
  destroyThroughMarksAsync,
  isExpectation,
  isMoment,
  isRecord,
  LAST_MOMENT,
  mismatchOf,
  moveForward,
  presentAt,
  textOf,
  type DestroyStep,
} from './record-operations.js';

const NOW = 1_700_000_000_000;
const record = { expiresAt: NOW + 1_000, lastSeenAt: NOW, meta: 'm', data: { 'd:a': '1', 'd:b': '2' } };
const moments = { expiresAt: NOW + 1_000, lastSeenAt: NOW };

describe('isMoment', () => {
  it.each([NOW, 0, -1, LAST_MOMENT, -LAST_MOMENT])('takes %s', value => {
    expect(isMoment(value)).toBe(true);
  });

  it.each([LAST_MOMENT + 1, Infinity, NaN, 1e308, '5', null, undefined, true, {}])('refuses %s', value => {
    expect(isMoment(value)).toBe(false);
  });
});

describe('isRecord', () => {
  it('accepts a record, with or without data', () => {
    expect(isRecord(record)).toBe(true);
    expect(isRecord({ ...record, data: {} })).toBe(true);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'record'],
    ['no moments', { meta: 'm', data: {} }],
    ['a moment in words', { ...record, expiresAt: 'tomorrow' }],
    ['a last use of null', { ...record, lastSeenAt: null }],
    ['a meta that is a number', { ...record, meta: 1 }],
    ['no data', { ...record, data: undefined }],
    ['data that is a list', { ...record, data: [] }],
    ['a number in its data', { ...record, data: { 'd:a': 1 } }],
    ['null in its data', { ...record, data: { 'd:a': null } }],
  ])('refuses %s', (_, value) => {
    expect(isRecord(value)).toBe(false);
  });
});

describe('isExpectation', () => {
  it('accepts texts and null, and nothing else', () => {
    expect(isExpectation({ 'd:a': '1', 'd:b': null })).toBe(true);
    for (const value of [undefined, null, '', [], { 'd:a': 1 }, { 'd:a': undefined }])
      expect(isExpectation(value)).toBe(false);
  });
});

describe('presentAt', () => {
  it('is the record until it expires, and undefined exactly at its expiry', () => {
    expect(presentAt(record, NOW + 999)).toBe(record);
    expect(presentAt(record, NOW + 1_000)).toBeUndefined();
    expect(presentAt(undefined, NOW)).toBeUndefined();
  });
});

describe('mismatchOf', () => {
  it('is undefined if all expectations hold, or if there are none', () => {
    expect(mismatchOf(record.data, { 'd:a': '1', 'd:z': null })).toBeUndefined();
    expect(mismatchOf(record.data, {})).toBeUndefined();
    expect(mismatchOf(record.data, undefined)).toBeUndefined();
  });

  it('names all expected fields if one expectation does not hold', () => {
    expect(mismatchOf(record.data, { 'd:a': '1', 'd:b': '3', 'd:z': null })).toEqual({
      current: { 'd:a': '1', 'd:b': '2', 'd:z': null },
    });
  });

  it('does not treat a property of a prototype as a field', () => {
    expect(textOf(record.data, 'constructor')).toBeNull();
    expect(mismatchOf(record.data, { toString: null })).toBeUndefined();
  });
});

describe('applyUpdate', () => {
  it('sets and deletes the named fields, keeps the others, and leaves the given record as it was', () => {
    const before = structuredClone(record);
    const update = { set: { 'd:a': '9', 'd:n': '3' }, delete: ['d:b', 'd:z'], ...moments };
    expect(applyUpdate(record, update)).toEqual({ ...record, data: { 'd:a': '9', 'd:n': '3' } });
    expect(record).toEqual(before);
  });

  it('sets a field of any name, and changes no prototype', () => {
    const set = JSON.parse('{"__proto__":"1","constructor":"2"}') as Record<string, string>;
    const { data } = applyUpdate(record, { set, delete: [], ...moments });
    expect(Object.keys(data)).toEqual(['d:a', 'd:b', '__proto__', 'constructor']);
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    expect(textOf(data, '__proto__')).toBe('1');
  });

  it('moves each moment forward only, independently of the other', () => {
    const update = { set: {}, delete: [], expiresAt: NOW, lastSeenAt: NOW + 5 };
    expect(applyUpdate(record, update)).toEqual({ ...record, lastSeenAt: NOW + 5 });
    expect(moveForward(record, { expiresAt: NOW + 2_000, lastSeenAt: NOW - 5 })).toEqual({
      ...record,
      expiresAt: NOW + 2_000,
    });
  });
});

const idOf = (n: number): string => n.toString(16).padStart(64, '0');

describe.each([
  [
    'destroyThroughMarks',
    async (id: string, endAt: (id: string) => DestroyStep) => destroyThroughMarks(id, endAt),
  ],
  [
    'destroyThroughMarksAsync',
    (id: string, endAt: (id: string) => DestroyStep) =>
      destroyThroughMarksAsync(id, async each => endAt(each)),
  ],
])('%s', (_, destroy) => {
  /** Walks over these steps, `0` first, and returns the visited ids. */
  async function walk(steps: readonly DestroyStep[], from = idOf(0)) {
    const visited: string[] = [];
    const ended = await destroy(from, id => {
      visited.push(id);
      return steps[Number.parseInt(id, 16)] ?? 'gone';
    });
    return { ended, visited: visited.length };
  }

  it('ends the session under the id', async () => {
    expect(await walk([record])).toEqual({ ended: record, visited: 1 });
    expect(await walk(['gone'])).toEqual({ ended: undefined, visited: 1 });
  });

  it('follows the marks to the end of a chain of any length', async () => {
    const marks = Array.from({ length: 100 }, (_mark, i) => ({ successor: idOf(i + 1) }));
    expect(await walk([...marks, record])).toEqual({ ended: record, visited: 101 });
  });

  it('ends nothing if the marks form a circle', async () => {
    const circle = [{ successor: idOf(1) }, { successor: idOf(2) }, { successor: idOf(1) }];
    expect(await walk(circle)).toEqual({ ended: undefined, visited: 3 });
    expect(await walk([{ successor: idOf(0) }])).toEqual({ ended: undefined, visited: 1 });
  });

  it('never asks for a text that is not an id', async () => {
    expect(await walk([record], '../x')).toEqual({ ended: undefined, visited: 0 });
    expect(await walk([{ successor: '../x' }])).toEqual({ ended: undefined, visited: 1 });
  });
});
