import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FileSessionStore } from './index.js';
import { SweepLease } from './sweep-lease.js';

const now = 1_700_000_000_000;
const MINUTE = 60_000;
const idOf = (n: number): string =>
  `${(n % 256).toString(16).padStart(2, '0')}${n.toString(16).padStart(62, '0')}`;
const until = (expiresAt: number) => ({ expiresAt, lastSeenAt: now, meta: 'm', data: {} });

const root = mkdtempSync(join(tmpdir(), 'nestjs-http-session-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(root, 'place-')), 'sessions');
});

const lease = (owner: string) => new SweepLease(join(root, 'lease'), owner);
const leaseEnd = () => Number(readFileSync(join(directory, 'sweep.lock'), 'utf8').split(' ')[1]);

describe('the lease', () => {
  afterEach(() => rmSync(join(root, 'lease'), { force: true }));

  it('belongs to one process, which can renew it, and to another one after its end', () => {
    expect(lease('a').take(now, now + 10)).toBe(true);
    expect(lease('b').take(now, now + 10)).toBe(false);
    expect(lease('b').take(now + 9, now + 20)).toBe(false);
    expect(lease('a').take(now + 9, now + 30)).toBe(true);
    expect(lease('b').take(now + 29, now + 50)).toBe(false);
    expect(lease('b').take(now + 30, now + 50)).toBe(true);
    expect(lease('a').take(now + 31, now + 60)).toBe(false);
  });

  it.each(['', 'nonsense', 'a', 'a later', `a ${now + 1e12}`])(
    'that this library cannot have written is taken over: %j',
    text => {
      writeFileSync(join(root, 'lease'), text);
      expect(lease('b').take(now, now + 10)).toBe(true);
      expect(readFileSync(join(root, 'lease'), 'utf8')).toMatch(/^b /);
    },
  );
});

describe('the sweep', () => {
  it('runs regularly in one process at a time, and in another one after that process has ended', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let time = now;
      const clock = { now: () => time };
      const [first, second] = [
        new FileSessionStore({ directory, clock }),
        new FileSessionStore({ directory, clock }),
      ];
      const isThere = (n: number) => first.load(idOf(n)) !== undefined;
      const pass = async (ms: number) => {
        time += ms;
        await vi.advanceTimersByTimeAsync(ms);
      };
      first.create(idOf(1), until(now + 1));
      await pass(MINUTE);
      await vi.waitFor(() => expect(isThere(1)).toBe(false));
      await vi.waitFor(() => expect(leaseEnd()).toBe(now + 6 * MINUTE));

      second.create(idOf(2), until(time + 1));
      for (let i = 0; i < 4; i++) await pass(MINUTE);
      expect(isThere(2)).toBe(true); // the next round is not due

      first.close();
      await pass(MINUTE);
      await vi.waitFor(() => expect(isThere(2)).toBe(false));
      second.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it('lets other work run after every 64 files or 4 removals', async () => {
    const store = new FileSessionStore({ directory });
    // All files are in one folder, because the sweep waits for the disk between two folders anyway.
    for (let i = 0; i < 600; i++) store.create(idOf(i * 256), until(i < 200 ? now : now + MINUTE));
    let turns = 0;
    let isSweeping = true;
    const turn = () => {
      turns++;
      if (isSweeping) setImmediate(turn);
    };
    setImmediate(turn);
    expect(await store.prune(now)).toBe(200);
    isSweeping = false;
    expect(turns).toBeGreaterThan(50);
  });

  it('keeps files that are not ours or cannot be read, and continues', async () => {
    const store = new FileSessionStore({ directory });
    store.create(idOf(1), until(now));
    const folder = join(directory, 'sessions', '0', '1');
    const foreign = ['README.txt', 'x.tmp', 'AB'.repeat(32), `${idOf(1)}.tmp`, `${idOf(1)}.bak`, idOf(257)];
    for (const name of foreign) writeFileSync(join(folder, name), 'mine');
    writeFileSync(join(directory, 'notes'), 'mine');
    expect(await store.prune(now + 365 * 24 * 60 * MINUTE)).toBe(1);
    for (const name of foreign) expect(readFileSync(join(folder, name), 'utf8')).toBe('mine');
    expect(existsSync(join(directory, 'notes'))).toBe(true);
    expect(existsSync(join(folder, idOf(1)))).toBe(false);
  });

  it('rejects if the directory is gone', async () => {
    const store = new FileSessionStore({ directory });
    store.create(idOf(1), until(now));
    rmSync(directory, { recursive: true });
    await expect(store.prune(now)).rejects.toThrow(/removed/);
    store.close();
  });
});
