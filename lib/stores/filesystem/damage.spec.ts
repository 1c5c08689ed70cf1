import {
  appendFileSync,
  chownSync,
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { hashOf } from '../../crypto/hash.js';
import { frameOf, seedOf, type Entry } from './frame.js';
import { FileSessionStore } from './index.js';
import { EMPTY_HEAD, HEAD_BYTES } from './journal-reader.js';

const now = 1_700_000_000_000;
const expiresAt = now + 3_600_000;
const moments = { expiresAt, lastSeenAt: now };
const id = 'a1'.repeat(32);
const other = 'a1'.repeat(31) + 'b2';
const record = { ...moments, meta: '{"user":"alice"}', data: { 'd:n': '0' } };

const root = mkdtempSync(join(tmpdir(), 'nestjs-http-session-'));
const fileOf = (name: string, kind = 'sessions') => join(directory, kind, name[0]!, name[1]!, name);
let directory: string;
let store: FileSessionStore;
beforeEach(() => {
  directory = mkdtempSync(join(root, 'place-'));
  store = new FileSessionStore({ directory });
  store.create(id, record);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const write = (text: string) => store.update(id, { set: { 'd:n': text }, delete: [], ...moments }, now);

/** Changes each of these bytes to each of these values, one at a time, and reads the file. */
function withEachByteChanged(
  from: number,
  to: number,
  bytes: (was: number) => number[],
  look: (where: string) => void,
): void {
  const whole = readFileSync(fileOf(id));
  const fd = openSync(fileOf(id), 'r+');
  for (let at = from; at < to; at++) {
    const was = whole[at] ?? 0;
    for (const byte of bytes(was).filter(one => one !== was)) {
      writeSync(fd, Buffer.of(byte), 0, 1, at);
      look(`byte ${at} as ${byte}`);
    }
    writeSync(fd, Buffer.of(was), 0, 1, at);
  }
  closeSync(fd);
}

/** A file with right checksums around these entries. */
const forge = (...entries: Entry[]) =>
  writeFileSync(fileOf(id), Buffer.concat([EMPTY_HEAD, ...entries.map(entry => frameOf(entry, seedOf(id)))]));

function expectBroken(): void {
  const before = readFileSync(fileOf(id));
  expect(store.load(id)).toBe('broken');
  expect(write('1')).toBe('gone');
  expect(store.touch(id, { expiresAt: expiresAt + 1, lastSeenAt: now + 1 }, now)).toBe(false);
  expect(store.destroy(id, now)).toBeUndefined();
  expect(store.create(id, record)).toBe(false);
  expect(readFileSync(fileOf(id)).equals(before)).toBe(true);
}

describe('a damaged byte', () => {
  it('before the last entry never makes an older version look like the newest', () => {
    write('1');
    const lastBegins = statSync(fileOf(id)).size;
    write('2');
    withEachByteChanged(
      HEAD_BYTES,
      lastBegins,
      was => [0, 10, 32, 48, 55, 102, 125, was ^ 1],
      where => expect(store.load(id), where).toBe('broken'),
    );
    expect(store.load(id)).toMatchObject({ data: { 'd:n': '2' } });
  });

  it('in the last entry makes the file read as the version before, or as broken', () => {
    const lastBegins = statSync(fileOf(id)).size;
    write('1');
    withEachByteChanged(
      lastBegins,
      statSync(fileOf(id)).size,
      () => [0, 10, 48, 125],
      where => {
        const read = store.load(id);
        if (read !== 'broken') expect(read, where).toEqual(record);
      },
    );
  });

  it('in the line with the format makes the file broken', () => {
    withEachByteChanged(
      0,
      32,
      was => [was ^ 1],
      where => expect(store.load(id), where).toBe('broken'),
    );
  });

  it('in a slot for touches changes nothing', () => {
    withEachByteChanged(
      32,
      HEAD_BYTES,
      () => [48],
      where => expect(store.load(id), where).toEqual(record),
    );
  });
});

describe('a write that was cut off', () => {
  it('at any byte leaves the version before it, and the next write succeeds', () => {
    write('1');
    const before = readFileSync(fileOf(id));
    write('2');
    const whole = readFileSync(fileOf(id));
    for (let length = before.length; length < whole.length; length++) {
      writeFileSync(fileOf(id), whole.subarray(0, length));
      expect(store.load(id), `${length} bytes`).toMatchObject({ data: { 'd:n': '1' } });
      expect(store.update(id, { set: { 'd:m': 'x' }, delete: [], ...moments }, now)).toBe('done');
      expect(store.load(id), `${length} bytes`).toEqual({ ...record, data: { 'd:n': '1', 'd:m': 'x' } });
    }
  });

  it('between two other writes is skipped, wherever it was cut off', () => {
    write('1');
    const before = readFileSync(fileOf(id));
    write('2');
    const torn = readFileSync(fileOf(id)).subarray(before.length);
    const next = frameOf(['U', 'x', now, expiresAt, now, { 'd:m': 'x' }, []], seedOf(id));
    for (let length = 1; length < torn.length; length++) {
      writeFileSync(fileOf(id), Buffer.concat([before, torn.subarray(0, length), next]));
      expect(store.load(id), `${length} bytes`).toEqual({ ...record, data: { 'd:n': '1', 'd:m': 'x' } });
    }
  });
});

describe('a file with right checksums', () => {
  it('of another session is broken: a record belongs to its id', () => {
    store.create(other, { ...record, meta: '{"user":"bob"}' });
    copyFileSync(fileOf(other), fileOf(id));
    expectBroken();
    expect(store.load(other)).toMatchObject({ meta: '{"user":"bob"}' });
  });

  it('behind a symbolic link is broken, even if the link leads to the right file', () => {
    const elsewhere = join(directory, id);
    renameSync(fileOf(id), elsewhere);
    symlinkSync(elsewhere, fileOf(id));
    expectBroken();
  });

  it.each<[what: string, entries: Entry[]]>([
    ['no entry at all', []],
    ['an update and no beginning', [['U', 'x', now, expiresAt, now, {}, []]]],
    [
      'two beginnings',
      [
        ['C', '', expiresAt, now, '', {}],
        ['C', '', expiresAt, now, '', {}],
      ],
    ],
    ['no moments', [['C', '', undefined, undefined, '', {}]]],
    ['an expiry of null', [['C', '', null, now, '', {}]]],
    ['an expiry in words', [['C', '', 'tomorrow', now, '', {}]]],
    ['an expiry of true', [['C', '', true, now, '', {}]]],
    ['an expiry of 1e308', [['C', '', 1e308, now, '', {}]]],
    ['a last use of null', [['C', '', expiresAt, null, '', {}]]],
    ['no meta', [['C', '', expiresAt, now, null, {}]]],
    ['a list for data', [['C', '', expiresAt, now, '', []]]],
    ['a number for a field', [['C', '', expiresAt, now, '', { 'd:a': 1 }]]],
    ['null for a field', [['C', '', expiresAt, now, '', { 'd:a': null }]]],
    [
      'an update with an expiry of null',
      [
        ['C', '', expiresAt, now, '', {}],
        ['U', 'x', now, null, now, {}, []],
      ],
    ],
    [
      'an update with a number for a field',
      [
        ['C', '', expiresAt, now, '', {}],
        ['U', 'x', now, expiresAt, now, { a: 1 }, []],
      ],
    ],
    [
      'a touch in words',
      [
        ['C', '', expiresAt, now, '', {}],
        ['T', 'x', now, 'later', now],
      ],
    ],
    [
      'a destroy at no time',
      [
        ['C', '', expiresAt, now, '', {}],
        ['D', 'x', null],
      ],
    ],
    [
      'an entry of a newer version',
      [
        ['C', '', expiresAt, now, '', {}],
        ['Z', 'x', now],
      ],
    ],
  ])('and %s is broken, absent for all other methods, and kept', (_, entries) => {
    forge(...entries);
    expectBroken();
  });

  it('and moments at zero or below is a record that has expired', () => {
    forge(['C', '', 0, -1, 'm', {}]);
    expect(store.load(id)).toEqual({ expiresAt: 0, lastSeenAt: -1, meta: 'm', data: {} });
    expect(write('1')).toBe('gone');
  });
});

describe('a file of another user', () => {
  const STRANGER = 65_534;
  beforeEach(context => {
    if (process.geteuid?.() !== 0) context.skip('needs root, to give a file to another user');
  });

  it('is broken, absent for all other methods, and kept', () => {
    chownSync(fileOf(id), STRANGER, STRANGER);
    expectBroken();
    chownSync(fileOf(id), 0, 0);
    expect(store.load(id)).toEqual(record);
  });

  it('is kept by a sweep: a session, a list and a temporary file', async () => {
    void store.index.add('alice', id, expiresAt, now);
    const halfMade = `${fileOf(id)}.${'c'.repeat(32)}.tmp`;
    writeFileSync(halfMade, 'half');
    utimesSync(halfMade, new Date(0), new Date(0));
    const files = [fileOf(id), fileOf(hashOf('alice'), 'users'), halfMade];
    for (const file of files) chownSync(file, STRANGER, STRANGER);
    expect(await store.prune(expiresAt)).toBe(0);
    for (const file of files) expect(statSync(file).uid).toBe(STRANGER);
    for (const file of files) chownSync(file, 0, 0);
    expect(await store.prune(expiresAt)).toBe(1);
    for (const file of files) expect(() => statSync(file)).toThrow(/ENOENT/);
  });

  it('is never used as the list of a user: that is a fault, not an empty list', () => {
    void store.index.add('alice', id, expiresAt, now);
    chownSync(fileOf(hashOf('alice'), 'users'), STRANGER, STRANGER);
    expect(() => store.index.list('alice', now)).toThrow(/damaged/);
    expect(() => store.index.add('alice', id, expiresAt, now)).toThrow(/damaged/);
  });

  it('cannot be recognised where files have no owner, as on Windows', () => {
    chownSync(fileOf(id), STRANGER, STRANGER);
    vi.stubGlobal('process', Object.create(process, { geteuid: { value: undefined } }));
    try {
      expect(store.load(id)).toEqual(record);
      expect(write('1')).toBe('done');
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe('a value that would make a file unreadable', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, null, '1', 1e308])(
    'is refused before it is written: %s',
    value => {
      const bad = { expiresAt: value as number, lastSeenAt: now };
      expect(() => store.create(other, { ...record, ...bad })).toThrow(TypeError);
      expect(() => store.update(id, { set: {}, delete: [], ...bad }, now)).toThrow(TypeError);
      expect(() => store.touch(id, bad, now)).toThrow(TypeError);
      expect(store.load(id)).toEqual(record);
      expect(store.load(other)).toBeUndefined();
    },
  );
});

describe('the list of a user', () => {
  it('is a fault if it is damaged, never an empty list, which would make a revoke end nothing', () => {
    void store.index.add('alice', id, expiresAt, now);
    const path = fileOf(hashOf('alice'), 'users');
    appendFileSync(path, 'damage');
    expect(() => store.index.list('alice', now)).toThrow(/damaged/);
    expect(() => store.index.confirm('alice', id)).toThrow(/damaged/);
    expect(() => store.index.remove('alice', [id])).toThrow(/damaged/);
    expect(() => store.index.add('alice', id, expiresAt, now)).toThrow(/damaged/);
  });
});
