import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildFileStore } from '../../../test/support/built-file-store.js';
import type { BuiltLib } from '../../../test/support/built-lib.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { FileSessionStore } from './index.js';

const now = 1_700_000_000_000;
const expiresAt = now + 3_600_000;
const moments = { expiresAt, lastSeenAt: now };
const idOf = (n: number): string => n.toString(16).padStart(64, 'c');
const id = idOf(1);
const record = { ...moments, meta: 'm', data: { 'd:n': '0' } };
const PAGE = 4096;

const root = mkdtempSync(join(tmpdir(), 'nestjs-http-session-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('on a full disk (a tmpfs of 96 KB)', () => {
  const disk = join(root, 'disk');
  let store: FileSessionStore;
  let isMounted = false;

  beforeEach(context => {
    mkdirSync(disk, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96k,mode=700', 'tmpfs', disk], { stdio: 'pipe' });
      isMounted = true;
    } catch {
      context.skip('needs root and the right to mount a small tmpfs');
    }
    store = new FileSessionStore({ directory: join(disk, 'sessions') });
    return () => {
      store.close();
      if (isMounted) execFileSync('umount', [disk]);
      isMounted = false;
    };
  });

  const fileOf = (one: string) => join(disk, 'sessions', 'sessions', one[0]!, one[1]!, one);

  /** Makes the session's file end where a block ends, and takes all other blocks: not one more byte can be appended. */
  function fillUp(one: string): void {
    store.create(one, record);
    const rest = (size: number) => PAGE - (size % PAGE);
    const pad = (text: string) => store.update(one, { set: { 'd:pad': text }, delete: [], ...moments }, now);
    pad('');
    const before = statSync(fileOf(one)).size;
    pad('');
    const empty = statSync(fileOf(one)).size - before;
    pad('x'.repeat(rest(statSync(fileOf(one)).size + empty)));
    expect(statSync(fileOf(one)).size % PAGE).toBe(0);
    expect(() => {
      for (;;) appendFileSync(join(disk, 'ballast'), 'x'.repeat(PAGE));
    }).toThrow(/ENOSPC/);
  }

  it('an update is refused, and the old version stays readable', () => {
    fillUp(id);
    const before = store.load(id);
    for (const text of ['1', 'x'.repeat(10_000)]) {
      const change = { set: { 'd:n': text }, delete: [], ...moments };
      expect(() => store.update(id, change, now)).toThrow(StoreRefusedError);
      expect(() => store.update(id, change, now)).toThrow(/ENOSPC.*free some space/);
      expect(store.load(id)).toEqual(before);
    }
    expect(() => store.create(idOf(2), record)).toThrow(StoreRefusedError);
    expect(store.load(idOf(2))).toBeUndefined();
  });

  it('a touch moves the moments forward, and other processes see it', () => {
    fillUp(id);
    const other = new FileSessionStore({ directory: join(disk, 'sessions') });
    for (const [later, seen] of [
      [1, 0],
      [5, 5],
      [3, 3],
      [5, 9],
      [77_777, 10],
    ] as const) {
      expect(store.touch(id, { expiresAt: expiresAt + later, lastSeenAt: now + seen }, now)).toBe(true);
    }
    expect(other.load(id)).toMatchObject({ expiresAt: expiresAt + 77_777, lastSeenAt: now + 10 });
    expect(store.touch(id, moments, expiresAt + 77_777)).toBe(false);
    expect(store.touch(idOf(2), moments, now)).toBe(false);
    expect(statSync(fileOf(id)).size % PAGE).toBe(0);
  });

  it('such a touch is kept when there is room again, and when the file is rewritten', () => {
    fillUp(id);
    store.touch(id, { expiresAt: expiresAt + 5, lastSeenAt: now + 5 }, now);
    rmSync(join(disk, 'ballast'));
    for (let i = 0; i < 50; i++)
      expect(store.update(id, { set: { 'd:n': String(i), 'd:pad': '' }, delete: [], ...moments }, now)).toBe(
        'done',
      );
    expect(statSync(fileOf(id)).size).toBeLessThan(PAGE);
    expect(store.load(id)).toMatchObject({
      expiresAt: expiresAt + 5,
      lastSeenAt: now + 5,
      data: { 'd:n': '49' },
    });
  });

  it('a destroy ends the session and returns it once; so does a rotation, but it leaves no mark', () => {
    store.create(idOf(2), record);
    fillUp(id);
    expect(store.destroy(id, now)?.data['d:n']).toBe('0');
    expect(store.load(id)).toBeUndefined();
    expect(store.destroy(id, now)).toBeUndefined();
    rmSync(join(disk, 'ballast'));

    fillUp(idOf(3));
    expect(store.destroy(idOf(3), now, { successor: idOf(2) })?.data['d:n']).toBe('0');
    expect(store.load(idOf(3))).toBeUndefined();
    expect(store.destroy(idOf(3), now)).toBeUndefined();
    expect(store.load(idOf(2))).toEqual(record);
  });

  it('a sweep removes expired sessions, which makes room', async () => {
    fillUp(id);
    const late = expiresAt + 120_000;
    expect(await store.prune(late)).toBe(1);
    expect(store.load(id)).toBeUndefined();
    expect(store.create(id, { ...record, expiresAt: late + 1 })).toBe(true);
  });

  it('the store starts with a warning, and ping rejects', () => {
    fillUp(id);
    const other = new FileSessionStore({ directory: join(disk, 'sessions') });
    expect(other.open()).toEqual([expect.stringContaining('is full')]);
    expect(() => other.ping()).toThrow(/ENOSPC/);
    expect(other.load(id)).toMatchObject({ meta: 'm' });
    other.close();
  });

  it('a write that fits only in part leaves the old version and no temporary file', () => {
    const ids = [idOf(1), idOf(2), idOf(3)];
    for (const one of ids) store.create(one, record);
    appendFileSync(join(disk, 'ballast'), 'x'.repeat(60_000));
    const versions = new Map(ids.map(one => [one, '0']));
    let refused = 0;
    for (let i = 1; i <= 200; i++) {
      const one = ids[i % 3]!;
      const text = JSON.stringify('v'.repeat((i * 397) % 6_000));
      try {
        if (store.update(one, { set: { 'd:n': text }, delete: [], ...moments }, now) === 'done')
          versions.set(one, text);
      } catch (error) {
        expect(error).toBeInstanceOf(StoreRefusedError);
        refused++;
      }
      for (const [each, version] of versions)
        expect(store.load(each)).toMatchObject({ data: { 'd:n': version } });
    }
    expect(refused).toBeGreaterThan(20);
    const files = readdirSync(join(disk, 'sessions'), { recursive: true, encoding: 'utf8' });
    expect(files.filter(name => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('with a limit on the size of files (ulimit -f in a process of its own)', () => {
  let lib: BuiltLib;
  beforeAll(async () => {
    lib = await buildFileStore();
  });
  afterAll(() => lib.dispose());

  it('the old version stays, and touch and destroy work (EFBIG)', () => {
    const worker = fileURLToPath(new URL('../../../test/support/file-store-limits.mjs', import.meta.url));
    const directory = join(root, 'limited');
    const command = 'ulimit -f 8 && exec "$0" "$@"'; // 8 blocks: 4 or 8 KB, by the shell
    const { status, stdout, stderr } = spawnSync(
      'sh',
      ['-c', command, process.execPath, worker, lib.directory, directory, 'size'],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      refused: 'StoreRefusedError EFBIG or ENOSPC',
      isOldVersion: true,
      touched: true,
      movedTo: 5,
      destroyed: true,
      after: null,
    });
  });

  it('too many open files are a fault that passes, not an absent session', () => {
    const worker = fileURLToPath(new URL('../../../test/support/file-store-limits.mjs', import.meta.url));
    const command = 'ulimit -n 40 && exec "$0" "$@"';
    const { status, stdout, stderr } = spawnSync(
      'sh',
      ['-c', command, process.execPath, worker, lib.directory, join(root, 'handles'), 'handles'],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const fault = { name: 'Error', code: 'EMFILE', namesTheId: false };
    expect(JSON.parse(stdout)).toEqual({
      load: fault,
      create: fault,
      update: fault,
      touch: fault,
      destroy: fault,
      afterwards: 'm',
    });
  });
});
