import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildLib, type BuiltLib } from '../../../test/support/built-lib.js';
import { startWorker } from '../../../test/support/file-store-processes.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { frameOf, seedOf } from './frame.js';
import { FileSessionStore } from './index.js';
import { HEAD_BYTES } from './journal-reader.js';

const now = 1_700_000_000_000;
const expiresAt = now + 3_600_000;
const idOf = (n: number): string => n.toString(16).padStart(64, '0');
const id = idOf(1);
const moments = { expiresAt, lastSeenAt: now };
const record = { ...moments, meta: 'm', data: { 'd:a': '"ä€😀"', 'd:n': '0' } };

let root: string;
let directory: string;
let store: FileSessionStore;
let places = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'nestjs-http-session-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  directory = join(root, `place-${++places}`);
  store = new FileSessionStore({ directory });
});

const fileOf = (session: string, of = directory): string =>
  join(of, 'sessions', session[0] ?? '', session[1] ?? '', session);
const write = (field: string, text: string) =>
  store.update(id, { set: { [field]: text }, delete: [], ...moments }, now);

const opening = (path: string) => () => new FileSessionStore({ directory: path }).open();

describe('the directory', () => {
  it.each([0o000, 0o077, 0o777])('is made for its owner only, as are the files, with the umask %o', mask => {
    const umask = process.umask(mask);
    try {
      store.create(id, record);
      void store.index.add('alice', id, expiresAt, now);
    } finally {
      process.umask(umask);
    }
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const entries = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(name =>
      join(directory, name),
    );
    const files = entries.filter(path => statSync(path).isFile());
    expect(files).toHaveLength(2);
    for (const path of files) expect(statSync(path).mode & 0o777).toBe(0o600);
    for (const path of entries) if (!files.includes(path)) expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('holds lower-case hex names only, in two levels of folders', () => {
    store.create(id, record);
    void store.index.add('../Alice/CON', id, expiresAt, now);
    const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(path =>
      path.split('/').slice(1),
    );
    for (const path of names) for (const name of path) expect(name).toMatch(/^[0-9a-f]+$/);
  });

  it('is refused at start-up if it is a file, a link, or writable by others', () => {
    writeFileSync(join(root, 'a-file'), '');
    expect(opening(join(root, 'a-file'))).toThrow(StoreRefusedError);
    mkdirSync(join(root, 'target'), { mode: 0o700 });
    symlinkSync(join(root, 'target'), join(root, 'a-link'));
    expect(opening(join(root, 'a-link'))).toThrow(/symbolic link/);
    mkdirSync(join(root, 'shared'));
    chmodSync(join(root, 'shared'), 0o777);
    expect(opening(join(root, 'shared'))).toThrow(/chmod 700/);
    mkdirSync(join(root, 'readable'));
    chmodSync(join(root, 'readable'), 0o755);
    expect(new FileSessionStore({ directory: join(root, 'readable') }).open()).toEqual([
      expect.stringContaining('can be read by others'),
    ]);
  });

  it('is refused at start-up if its file system gives our files to another user', () => {
    vi.spyOn(process, 'geteuid').mockReturnValue(12_345);
    try {
      expect(opening(directory)).toThrow(/gives our files to another user/);
    } finally {
      vi.restoreAllMocks();
    }
  });

  it('causes faults if it is removed or replaced during use, never an absent session, and is not created again', () => {
    store.create(id, record);
    renameSync(directory, `${directory}-away`);
    expect(() => store.load(id)).toThrow(StoreRefusedError);
    expect(() => store.create(idOf(2), record)).toThrow(StoreRefusedError);
    expect(() => write('d:n', '1')).toThrow(StoreRefusedError);
    expect(() => store.touch(id, moments, now)).toThrow(StoreRefusedError);
    expect(() => store.destroy(id, now)).toThrow(StoreRefusedError);
    expect(() => store.index.list('alice', now)).toThrow(StoreRefusedError);
    expect(() => store.ping()).toThrow(StoreRefusedError);
    expect(existsSync(directory)).toBe(false);
    mkdirSync(directory);
    expect(() => store.load(id)).toThrow(/replaced/);
  });

  it('refuses invalid options', () => {
    expect(() => new FileSessionStore({ directory: '' })).toThrow(/"directory"/);
    expect(() => new FileSessionStore({ durable: 'yes' as unknown as boolean })).toThrow(/"durable"/);
  });
});

describe('a file', () => {
  it('cut off at any byte reads as an earlier version or as broken, never as anything else', () => {
    const versions = [record.data['d:n']];
    store.create(id, record);
    for (let i = 1; i <= 4; i++) {
      write('d:n', `"${i}€"`);
      versions.push(`"${i}€"`);
    }
    const whole = readFileSync(fileOf(id));
    const seen = new Set<string>();
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(fileOf(id), whole.subarray(0, length));
      const read = store.load(id);
      if (read === 'broken') seen.add('broken');
      else {
        expect(read?.data['d:a']).toBe(record.data['d:a']);
        expect(versions).toContain(read?.data['d:n']);
        seen.add(read?.data['d:n'] ?? '');
      }
    }
    expect(seen.size).toBe(1 + versions.length - 1);
  });

  it('can be written after a torn write: the next entry begins on a new line', () => {
    store.create(id, record);
    write('d:n', '1');
    const length = statSync(fileOf(id)).size;
    write('d:n', '2');
    truncateSync(fileOf(id), length + 30);
    expect(write('d:m', '3')).toBe('done');
    expect(store.load(id)).toMatchObject({ data: { 'd:n': '1', 'd:m': '3' } });
  });

  it('with any byte changed reads as broken or as a version that was written, and is kept as it is', () => {
    store.create(id, record);
    write('d:n', '1');
    const whole = readFileSync(fileOf(id));
    let broken = 0;
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x01;
      writeFileSync(fileOf(id), damaged);
      const read = store.load(id);
      if (read === 'broken') broken++;
      else expect(['0', '1']).toContain(read?.data['d:n']);
      expect(readFileSync(fileOf(id)).equals(damaged)).toBe(true);
    }
    expect(broken).toBeGreaterThan((whole.length - HEAD_BYTES) * 0.8); // the slots of the head may hold anything
  });

  it.each<[what: string, plant: (path: string) => void]>([
    ['empty', path => writeFileSync(path, '')],
    ['of spaces', path => writeFileSync(path, ' '.repeat(1_000_000))],
    ['of another program', path => writeFileSync(path, '{"cookie":{"expires":null}}')],
    ['of bytes', path => writeFileSync(path, Buffer.from([0xff, 0xfe, 0, 10, 0xc0]))],
    ['a folder', path => mkdirSync(path)],
    ['a pipe', path => execFileSync('mkfifo', [path])],
    ['a link to another file', path => symlinkSync('/etc/passwd', path)],
    ['a link to the file of another session', path => symlinkSync(fileOf(idOf(2)), path)],
    ['a link to itself', path => symlinkSync(path, path)],
    ['two gigabytes of nothing', path => (writeFileSync(path, ''), truncateSync(path, 2 ** 31))],
  ])('that is %s is broken: kept, and absent for all other methods', (_, plant) => {
    store.create(idOf(2), record); // makes the folder
    plant(fileOf(id));
    expect(store.load(id)).toBe('broken');
    expect(write('d:n', '1')).toBe('gone');
    expect(store.touch(id, { ...moments, lastSeenAt: now + 1 }, now)).toBe(false);
    expect(store.destroy(id, now)).toBeUndefined();
    expect(store.create(id, record)).toBe(false);
    expect(lstatSync(fileOf(id), { throwIfNoEntry: false })).toBeDefined();
  });

  it('does not grow without limit, however often the session is used', () => {
    store.create(id, record);
    for (let i = 1; i <= 500; i++) {
      expect(store.touch(id, { expiresAt: expiresAt + i, lastSeenAt: now + i }, now)).toBe(true);
      expect(write('d:n', String(i))).toBe('done');
    }
    expect(statSync(fileOf(id)).size).toBeLessThan(16_384);
    expect(store.load(id)).toMatchObject({ expiresAt: expiresAt + 500, data: { 'd:n': '500' } });
    expect(readdirSync(join(fileOf(id), '..'))).toEqual([id]);
  });

  it('with an unfinished rewrite of a dead process is rewritten by the next writer', () => {
    store.create(id, record);
    const leftover = `${id}.${'a'.repeat(32)}.tmp`;
    writeFileSync(join(fileOf(id), '..', leftover), 'half');
    appendFileSync(fileOf(id), frameOf(['S', leftover], seedOf(id)));
    expect(store.load(id)).toEqual(record);
    expect(write('d:n', '1')).toBe('done');
    expect(store.load(id)).toMatchObject({ data: { 'd:n': '1' } });
    expect(readdirSync(join(fileOf(id), '..'))).toEqual([id]);
  });

  it('cannot make a rewrite remove a file outside its folder', () => {
    store.create(id, record);
    const outside = join(directory, `victim.${'a'.repeat(32)}.tmp`);
    writeFileSync(outside, '');
    appendFileSync(fileOf(id), frameOf(['S', `../../../victim.${'a'.repeat(32)}.tmp`], seedOf(id)));
    expect(write('d:n', '1')).toBe('done');
    expect(existsSync(outside)).toBe(true);
  });

  it('is the same with durable: true', () => {
    const durable = new FileSessionStore({ directory, durable: true });
    durable.create(id, record);
    for (let i = 0; i < 40; i++) write('d:n', String(i));
    expect(durable.load(id)).toMatchObject({ data: { 'd:n': '39' } });
    expect(durable.destroy(id, now)?.data['d:n']).toBe('39');
  });
});

describe('the sweep', () => {
  it('removes expired sessions, whole folders of them, and nothing else', async () => {
    const ids = Array.from(
      { length: 1_500 },
      (_, i) => `${(i % 256).toString(16).padStart(2, '0')}${idOf(i).slice(2)}`,
    );
    for (const one of ids) store.create(one, record);
    for (const one of ids.slice(0, 500))
      store.touch(one, { expiresAt: expiresAt + 10_000, lastSeenAt: now }, now);
    const foreign = join(fileOf(ids[600] as string), '..', 'README.txt');
    writeFileSync(foreign, 'mine');
    const later = expiresAt + 1;
    expect(await store.prune(later)).toBe(1_000);
    expect(ids.filter(one => store.load(one) !== undefined)).toEqual(ids.slice(0, 500));
    expect(readFileSync(foreign, 'utf8')).toBe('mine');
    expect(await store.prune(later)).toBe(0);
  });

  it('keeps a session that is used while it runs', async () => {
    store.create(id, record);
    const swept = store.prune(expiresAt + 1); // it has not reached the file yet
    store.touch(id, { expiresAt: expiresAt + 10_000, lastSeenAt: now }, now);
    expect(await swept).toBe(0);
    expect(store.load(id)).toMatchObject({ expiresAt: expiresAt + 10_000 });
  });

  it('removes marks of rotations after a minute, and old temporary files; broken files stay', async () => {
    store.create(id, record);
    store.create(idOf(2), record);
    store.destroy(id, now, { successor: idOf(2) });
    const folder = join(fileOf(id), '..');
    const fresh = `${id}.${'b'.repeat(32)}.tmp`;
    const old = `${id}.${'c'.repeat(32)}.tmp`;
    for (const name of [fresh, old, idOf(3)]) writeFileSync(join(folder, name), 'half');
    utimesSync(join(folder, old), new Date(0), new Date(0));
    await store.prune(now + 59_999);
    expect(readdirSync(folder).toSorted()).toEqual([id, fresh, idOf(2), idOf(3)].toSorted());
    await store.prune(now + 60_000);
    expect(readdirSync(folder).toSorted()).toEqual([fresh, idOf(2), idOf(3)].toSorted());
  });

  it('is the only place that lists a folder', () => {
    const folder = fileURLToPath(new URL('.', import.meta.url));
    const lists = readdirSync(folder)
      .filter(name => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
      .filter(name => /readdir|opendir/.test(readFileSync(join(folder, name), 'utf8')));
    expect(lists).toEqual(['sweeper.ts']);
  });

  it('does not keep the process alive', () => {
    store.open();
    const timers = process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;
    const other = new FileSessionStore({ directory });
    other.open();
    expect(process.getActiveResourcesInfo().filter(name => name === 'Timeout')).toHaveLength(timers);
    store.close();
    other.close();
  });
});

describe('when the disk refuses', () => {
  let lib: BuiltLib;
  beforeAll(() => {
    lib = buildLib();
  });
  afterAll(() => lib.dispose());

  it('a file without the permission to read is a fault, not an absent session', async context => {
    const uid = 65_534;
    if (process.getuid?.() === 0) chmodSync(root, 0o711);
    else context.skip('needs root, to act as a user without rights');
    store.create(id, record);
    const call = (verb: string, args: unknown[]) =>
      startWorker(lib, directory, 'call', { verb, args }, { uid }).ended.then(
        ([line = '']) => JSON.parse(line) as object,
      );
    expect(await call('load', [id])).toEqual({ error: 'StoreRefusedError' });
    expect(await call('destroy', [id, now])).toEqual({ error: 'StoreRefusedError' });
  });

  it('a full disk keeps the old versions; reads and logouts work, and writes work again when there is room', context => {
    const disk = join(root, 'small-disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96k,mode=700', 'tmpfs', disk], { stdio: 'pipe' });
    } catch {
      context.skip('needs root and the right to mount a small tmpfs');
    }
    try {
      const small = new FileSessionStore({ directory: join(disk, 'sessions') });
      small.open();
      const ids = [idOf(1), idOf(2), idOf(3)];
      for (const one of ids) small.create(one, record);
      writeFileSync(join(disk, 'ballast'), '');
      expect(() => appendFileSync(join(disk, 'ballast'), 'x'.repeat(200_000))).toThrow(/ENOSPC/);

      const versions = new Map(ids.map(one => [one, '0']));
      let refused = 0;
      for (let i = 1; i <= 200; i++) {
        const one = ids[i % 3] as string;
        const text = JSON.stringify('v'.repeat((i * 397) % 5_000));
        try {
          small.update(one, { set: { 'd:n': text }, delete: [], ...moments }, now);
          versions.set(one, text);
        } catch (error) {
          expect(error).toBeInstanceOf(StoreRefusedError);
          refused++;
        }
        for (const [each, version] of versions)
          expect(small.load(each)).toMatchObject({ data: { 'd:n': version } });
      }
      expect(refused).toBeGreaterThan(100);
      expect(() => small.create(idOf(4), { ...record, data: { 'd:n': 'x'.repeat(9_000) } })).toThrow(
        StoreRefusedError,
      );
      expect(small.load(idOf(4))).toBeUndefined();

      expect(small.destroy(ids[0] as string, now)?.data['d:n']).toBe(versions.get(ids[0] as string));
      expect(small.load(ids[0] as string)).toBeUndefined();

      rmSync(join(disk, 'ballast'));
      const again = { set: { 'd:n': '"again"' }, delete: [], ...moments };
      expect(small.update(ids[1] as string, again, now)).toBe('done');
      expect(small.load(ids[1] as string)).toMatchObject({ data: { 'd:n': '"again"' } });
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});
