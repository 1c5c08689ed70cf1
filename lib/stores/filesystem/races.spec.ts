import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFileStore } from '../../../test/support/built-file-store.js';
import type { BuiltLib } from '../../../test/support/built-lib.js';
import { startWorker, type Worker } from '../../../test/support/file-store-processes.js';
import { hashOf } from '../../crypto/hash.js';
import { frameOf, seedOf, type Entry } from './frame.js';
import { FileSessionStore } from './index.js';

const now = 1_700_000_000_000;
const expiresAt = now + 3_600_000;
const DAY = 86_400_000;
const moments = { expiresAt, lastSeenAt: now };
const idOf = (n: number): string => n.toString(16).padStart(64, 'd');
const record = { ...moments, meta: 'm', data: { 'd:n': '0' } };

const root = mkdtempSync(join(tmpdir(), 'nestjs-http-session-'));
const directory = join(root, 'sessions');
const store = new FileSessionStore({ directory });
let lib: BuiltLib;
beforeAll(async () => {
  lib = await buildFileStore();
});
afterAll(() => {
  store.close();
  lib.dispose();
  rmSync(root, { recursive: true, force: true });
});

const fileOf = (name: string, kind = 'sessions') => join(directory, kind, name[0]!, name[1]!, name);
const work = (job: string, options: object): Worker =>
  startWorker(lib, directory, job, { now, expiresAt, ...options });

/** Makes these processes call a method for each session at the same instant. Returns a list of results per process. */
async function inStep(workers: readonly Worker[]): Promise<unknown[][]> {
  await Promise.all(workers.map(({ ready }) => ready));
  for (const { process } of workers) process.stdin?.end(String(Date.now() + 20));
  const lines = await Promise.all(workers.map(({ ended }) => ended));
  return lines.map(list => list.map(line => JSON.parse(line) as unknown));
}

describe('at the same instant in several processes', () => {
  it('of three creates of one id one succeeds, and its record is stored', async () => {
    const ids = Array.from({ length: 150 }, (_, i) => idOf(1_000 + i));
    const outcomes = await inStep(
      ['x', 'y', 'z'].map(meta => work('inStep', { ids, verb: 'create', args: [{ ...record, meta }] })),
    );
    for (const [i, id] of ids.entries()) {
      const winners = ['x', 'y', 'z'].filter((_, process) => outcomes[process]![i] === true);
      expect(winners).toHaveLength(1);
      expect(store.load(id)).toEqual({ ...record, meta: winners[0] });
    }
  });

  it('a logout and a rotation end one session each: the old one, and its successor if there is one', async () => {
    const ids = Array.from({ length: 150 }, (_, i) => idOf(2_000 + i));
    const successors = ids.map((_, i) => idOf(2_500 + i));
    for (const id of ids) store.create(id, record);
    for (const id of successors) store.create(id, { ...record, meta: 'new' });
    const [rotated, ended] = await inStep([
      work('rotateInStep', { ids, successors }),
      work('inStep', { ids, verb: 'destroy', args: [now] }),
    ]);
    for (const [i, id] of ids.entries()) {
      const isRotated = rotated![i] !== null;
      expect(ended![i], `round ${i}`).toMatchObject({ meta: isRotated ? 'new' : 'm' });
      expect(store.load(id)).toBeUndefined();
      expect(store.load(successors[i]!) === undefined, `round ${i}`).toBe(isRotated);
    }
  });

  it('a touch and the sweep agree: either it was touched and stays, or it is gone', async () => {
    const ids = Array.from({ length: 150 }, (_, i) => idOf(3_000 + i));
    for (const id of ids) store.create(id, record);
    const sweeping = work('sweep', { now: expiresAt });
    await sweeping.ready;
    const args = [{ expiresAt: expiresAt + DAY, lastSeenAt: now + 1 }, expiresAt - 1];
    const [touched] = await inStep([work('inStep', { ids, verb: 'touch', args })]);
    await store.prune(expiresAt);
    sweeping.process.kill('SIGKILL');
    await sweeping.ended;
    for (const [i, id] of ids.entries()) {
      const stored = store.load(id);
      expect(touched![i], `round ${i}`).toBe(stored !== undefined);
      if (stored !== undefined) expect(stored).toMatchObject({ expiresAt: expiresAt + DAY });
    }
  });
});

describe('the list of a user', () => {
  it('loses no login and revives none, while others log in and out and empty lists are swept', async () => {
    const sweeping = work('sweep', { now });
    await sweeping.ready;
    const complaints = await Promise.all(
      [1, 2, 3].map(n => work('logInAndOut', { user: 'alice', id: idOf(n), times: 250 }).ended),
    );
    sweeping.process.kill('SIGKILL');
    await sweeping.ended;
    expect(complaints.flat()).toEqual([]);
    expect(store.index.list('alice', now)).toEqual([]);
  });

  it('is replaced by the next login if the process that began to remove it has died', async () => {
    const path = fileOf(hashOf('bob'), 'users');
    await store.index.add('bob', idOf(1), expiresAt, now);
    appendTo(path, ['X', 'dead', expiresAt]);
    expect(store.index.list('bob', now)).toEqual([]);
    expect(store.index.confirm('bob', idOf(1))).toBe(false);
    await store.index.add('bob', idOf(2), expiresAt, now);
    expect(store.index.list('bob', now)).toEqual([idOf(2)]);
  });

  it('is removed when it is empty, and not before', async () => {
    const path = fileOf(hashOf('carol'), 'users');
    await store.index.add('carol', idOf(1), expiresAt, now);
    await store.index.add('carol', idOf(2), expiresAt + 1, now);
    await store.prune(expiresAt);
    expect(store.index.list('carol', now)).toEqual([idOf(1), idOf(2)]);
    await store.prune(expiresAt + 1);
    expect(existsSync(path)).toBe(false);
    expect(store.index.list('carol', now)).toEqual([]);
    await store.index.add('carol', idOf(3), expiresAt + DAY, now);
    expect(store.index.list('carol', now)).toEqual([idOf(3)]);
  });
});

describe('a journal that others left in between', () => {
  it('ended before its SEAL is ended: absent for all methods, and its mark is still followed', () => {
    const [old, next] = [idOf(4_001), idOf(4_002)];
    store.create(old, record);
    store.create(next, { ...record, meta: 'new' });
    appendTo(fileOf(old), ['D', 'x', now, next], ['S', `${old}.${'a'.repeat(32)}.tmp`]);
    expect(store.load(old)).toBeUndefined();
    expect(store.update(old, { set: { 'd:n': '1' }, delete: [], ...moments }, now)).toBe('gone');
    expect(store.touch(old, { expiresAt: expiresAt + 1, lastSeenAt: now }, now)).toBe(false);
    expect(store.destroy(old, now)).toMatchObject({ meta: 'new' });
  });

  it('does not change by an entry after its SEAL', () => {
    const id = idOf(4_003);
    store.create(id, record);
    appendTo(
      fileOf(id),
      ['S', `${id}.${'a'.repeat(32)}.tmp`],
      ['U', 'x', now, expiresAt, now, { 'd:n': 'late' }, []],
      ['D', 'y', now],
    );
    expect(store.load(id)).toEqual(record);
    expect(store.update(id, { set: { 'd:m': '1' }, delete: [], ...moments }, now)).toBe('done');
    expect(store.load(id)).toEqual({ ...record, data: { 'd:n': '0', 'd:m': '1' } });
  });

  it('ended but not removed stays absent until it is swept', async () => {
    const id = idOf(4_004);
    store.create(id, record);
    appendTo(fileOf(id), ['D', 'x', now]);
    expect(store.load(id)).toBeUndefined();
    expect(store.create(id, record)).toBe(false);
    expect(await store.prune(now)).toBe(0);
    expect(store.create(id, record)).toBe(true);
  });
});

function appendTo(path: string, ...entries: Entry[]): void {
  const seed = seedOf(path.slice(-64));
  appendFileSync(path, Buffer.concat(entries.map(entry => frameOf(entry, seed))));
}
