import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildLib, type BuiltLib } from '../../../test/support/built-lib.js';
import { startWorker, type Worker } from '../../../test/support/file-store-processes.js';
import { FileSessionStore } from './index.js';

const now = 1_700_000_000_000;
const expiresAt = now + 3_600_000;
const idOf = (n: number): string => n.toString(16).padStart(64, '0');

let lib: BuiltLib;
let directory: string;
let store: FileSessionStore;
beforeAll(() => {
  lib = buildLib();
  directory = join(mkdtempSync(join(tmpdir(), 'nestjs-http-session-')), 'sessions');
  store = new FileSessionStore({ directory });
});
afterAll(() => {
  store.close();
  lib.dispose();
  rmSync(join(directory, '..'), { recursive: true, force: true });
});

function begin(id: string): void {
  expect(store.create(id, { expiresAt, lastSeenAt: now, meta: 'm', data: { 'd:n': '0' } })).toBe(true);
}

const work = (job: string, options: object): Worker =>
  startWorker(lib, directory, job, { now, expiresAt, ...options });

function read(id: string) {
  const record = store.load(id);
  if (record === undefined || record === 'broken') throw new Error(`the session reads as ${record}`);
  return record;
}

describe('several processes on one directory', () => {
  it('four that increment one field by compare-and-set lose no count', async () => {
    const id = idOf(1);
    begin(id);
    await Promise.all(Array.from({ length: 4 }, () => work('count', { id, times: 500 }).ended));
    expect(read(id).data['d:n']).toBe('2000');
  });

  it('three that write different fields lose none, through many rewrites of the file', async () => {
    const id = idOf(2);
    begin(id);
    await Promise.all(['a', 'b', 'c'].map(name => work('fields', { id, name, times: 700 }).ended));
    const { data, ...record } = read(id);
    const expected = ['a', 'b', 'c'].flatMap(name =>
      Array.from({ length: 7 }, (_, i) => [`d:${name}${i}`, String(i === 0 ? 700 : 693 + i)]),
    );
    expect(data).toEqual({ 'd:n': '0', ...Object.fromEntries(expected) });
    expect(record).toEqual({ meta: 'm', expiresAt: expiresAt + 700, lastSeenAt: now + 700 });
  });

  it('a destroy in one ends a session that two others are writing, and nothing revives it', async () => {
    const ids = Array.from({ length: 150 }, (_, i) => idOf(1_000 + i));
    ids.forEach(begin);
    const writers = [work('writeUntilGone', { ids }), work('writeUntilGone', { ids })];
    await Promise.all(writers.map(({ ready }) => ready));
    for (const id of ids) {
      expect(store.destroy(id, now)?.meta).toBe('m');
      expect(store.load(id)).toBeUndefined();
    }
    await Promise.all(writers.map(({ ended }) => ended));
    expect(ids.map(id => store.load(id))).toEqual(ids.map(() => undefined));
  });

  it('of three that destroy the same sessions each is ended by exactly one', async () => {
    const ids = Array.from({ length: 200 }, (_, i) => idOf(2_000 + i));
    ids.forEach(begin);
    const ended = await Promise.all([1, 2, 3].map(() => work('destroy', { ids }).ended));
    expect(ended.flat().toSorted()).toEqual(ids);
  });

  it('one that is killed at any instant leaves the last acknowledged version or the next, never a torn one', async () => {
    const id = idOf(3);
    begin(id);
    let acknowledged = 0;
    for (let round = 0; round < 12; round++) {
      const worker = work('acknowledge', { id });
      await worker.ready;
      // Longer in each round, so that the kill falls on other steps, rewrites of the file among them.
      while (worker.lines.length < 1 + round * 23)
        await new Promise(resolve => worker.process.stdout?.once('data', resolve));
      worker.process.kill('SIGKILL');
      acknowledged = Math.max(acknowledged, ...(await worker.ended).map(Number));
      const stored = Number(read(id).data['d:n']);
      expect(stored - acknowledged).toBeGreaterThanOrEqual(0);
      expect(stored - acknowledged).toBeLessThanOrEqual(1);
      acknowledged = stored;
    }
    expect(store.update(id, { set: { 'd:n': 'x' }, delete: [], expiresAt, lastSeenAt: now }, now)).toBe(
      'done',
    );
  });
});
