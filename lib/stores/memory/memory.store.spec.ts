import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { sessionStoreCases } from '../../testing/index.js';
import { MemorySessionStore } from './memory.store.js';

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

const idOf = (n: number) => n.toString(16).padStart(64, '0');
const recordUntil = (expiresAt: number) => ({ expiresAt, lastSeenAt: NOW, meta: '', data: { 'd:a': '1' } });

describe('MemorySessionStore', () => {
  const cases = sessionStoreCases({
    create: () => new MemorySessionStore(),
    stranger: () => new MemorySessionStore(),
    abilities: ['index', 'prune', 'ping', 'open', 'close'],
  });
  for (const test of cases) it(test.name, () => test.run());
});

describe('MemorySessionStore answers synchronously', () => {
  it('returns no promise from any of the five methods', () => {
    const store = new MemorySessionStore();
    const moments = { expiresAt: NOW + HOUR, lastSeenAt: NOW };
    expect(store.create(idOf(1), recordUntil(NOW + HOUR))).toBe(true);
    expect(store.touch(idOf(1), moments, NOW)).toBe(true);
    expect(store.update(idOf(1), { set: { 'd:b': '2' }, delete: [], ...moments }, NOW)).toBe('done');
    expect(store.load(idOf(1))).toEqual({ ...recordUntil(NOW + HOUR), data: { 'd:a': '1', 'd:b': '2' } });
    expect(store.destroy(idOf(1), NOW)).toMatchObject({ data: { 'd:b': '2' } });
    store.close();
  });

  it('returns its own frozen record without a copy', () => {
    const store = new MemorySessionStore();
    store.create(idOf(1), recordUntil(NOW + HOUR));
    const record = store.load(idOf(1));
    expect(store.load(idOf(1))).toBe(record);
    expect(Object.isFrozen(record)).toBe(true);
    expect(Object.isFrozen(record?.data)).toBe(true);
    store.touch(idOf(1), { expiresAt: NOW + 2 * HOUR, lastSeenAt: NOW }, NOW);
    expect(store.load(idOf(1))?.data).toBe(record?.data);
    store.close();
  });

  it('keeps a field named __proto__, and does not treat inherited names as fields', () => {
    const store = new MemorySessionStore();
    const data = JSON.parse('{"__proto__":"1"}') as Record<string, string>;
    store.create(idOf(1), { ...recordUntil(NOW + HOUR), data });
    const change = {
      set: data,
      delete: [],
      expiresAt: 0,
      lastSeenAt: 0,
      expect: { constructor: null, toString: null },
    };
    expect(store.update(idOf(1), change as never, NOW)).toBe('done');
    expect(Object.entries(store.load(idOf(1))?.data ?? {})).toEqual([['__proto__', '1']]);
    store.close();
  });

  it('answers a ping', () => {
    expect(new MemorySessionStore().ping()).toBeUndefined();
  });
});

describe('MemorySessionStore with maxSessions', () => {
  const clock = { now: () => NOW };
  const full = (expiresAt: (n: number) => number) => {
    const store = new MemorySessionStore({ maxSessions: 3, clock });
    for (let n = 0; n < 3; n++) store.create(idOf(n), recordUntil(expiresAt(n)));
    return store;
  };

  it('refuses a new session if it is full of live ones, and removes none of them', () => {
    const store = full(() => NOW + 1);
    expect(() => store.create(idOf(9), recordUntil(NOW + HOUR))).toThrow(StoreRefusedError);
    expect(() => store.create(idOf(9), recordUntil(NOW + HOUR))).toThrow(
      '[session:memory] the store is full: it holds 3 live sessions',
    );
    expect(store.load(idOf(9))).toBeUndefined();
    for (let n = 0; n < 3; n++) expect(store.load(idOf(n))).toBeDefined();
    store.close();
  });

  it('still reads, updates, touches and destroys when it is full', () => {
    const store = full(() => NOW + HOUR);
    const moments = { expiresAt: NOW + 2 * HOUR, lastSeenAt: NOW };
    expect(store.create(idOf(0), recordUntil(NOW + HOUR))).toBe(false);
    expect(store.load(idOf(0))).toBeDefined();
    expect(store.touch(idOf(0), moments, NOW)).toBe(true);
    expect(store.update(idOf(0), { set: { 'd:b': '1' }, delete: [], ...moments }, NOW)).toBe('done');
    expect(store.destroy(idOf(0), NOW)).toBeDefined();
    expect(store.create(idOf(9), recordUntil(NOW + HOUR))).toBe(true);
    store.close();
  });

  it('removes expired sessions to make room, also one that expires at this moment, and keeps the live ones', () => {
    const store = full(n => NOW - 1 + n);
    expect(store.create(idOf(10), recordUntil(NOW + HOUR))).toBe(true);
    expect(store.create(idOf(11), recordUntil(NOW + HOUR))).toBe(true);
    expect(() => store.create(idOf(12), recordUntil(NOW + HOUR))).toThrow(StoreRefusedError);
    expect([0, 1, 2].map(n => store.load(idOf(n)) !== undefined)).toEqual([false, false, true]);
    store.close();
  });

  it('uses the expiry after a touch: a touched session is not removed', () => {
    const later = { now: () => NOW + 2 };
    const aged = new MemorySessionStore({ maxSessions: 2_000, clock: later });
    for (let n = 0; n < 2_000; n++) {
      aged.create(idOf(n), recordUntil(NOW + 1));
      if (n !== 1_234) aged.touch(idOf(n), { expiresAt: NOW + HOUR, lastSeenAt: NOW }, NOW);
    }
    expect(aged.create(idOf(9_999), recordUntil(NOW + HOUR))).toBe(true);
    expect(aged.load(idOf(1_234))).toBeUndefined();
    expect(aged.load(idOf(1_233))).toBeDefined();
    expect(() => aged.create(idOf(9_998), recordUntil(NOW + HOUR))).toThrow(StoreRefusedError);
    aged.close();
  });

  it('does not count the marks of rotations', () => {
    const store = full(() => NOW + HOUR);
    store.destroy(idOf(0), NOW, { successor: idOf(1) });
    expect(store.create(idOf(9), recordUntil(NOW + HOUR))).toBe(true);
    expect(() => store.create(idOf(8), recordUntil(NOW + HOUR))).toThrow(StoreRefusedError);
    store.close();
  });

  it.each([0, -1, 1.5, NaN, Infinity, '5' as never, null as never])(
    'refuses %s at construction',
    maxSessions => {
      expect(() => new MemorySessionStore({ maxSessions })).toThrow(TypeError);
      expect(() => new MemorySessionStore({ maxSessions })).toThrow(
        `[session:memory] "maxSessions" is ${maxSessions};`,
      );
    },
  );
});

describe('MemorySessionStore removes expired sessions', () => {
  let now = NOW;
  const clock = { now: () => now };

  beforeEach(() => {
    now = NOW;
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const pass = (ms: number) => {
    now += ms;
    vi.advanceTimersByTime(ms);
  };

  it('removes expired records within a minute and keeps the others', () => {
    const store = new MemorySessionStore({ clock });
    store.create(idOf(1), recordUntil(NOW + 10_000));
    store.create(idOf(2), recordUntil(NOW + HOUR));
    store.create(idOf(3), recordUntil(NOW + 10_000));
    store.touch(idOf(3), { expiresAt: NOW + HOUR, lastSeenAt: NOW }, NOW);
    pass(60_000);
    expect([1, 2, 3].map(n => store.load(idOf(n)) !== undefined)).toEqual([false, true, true]);
    store.close();
  });

  it('removes the marks of rotations', () => {
    const store = new MemorySessionStore({ clock });
    store.create(idOf(1), recordUntil(NOW + HOUR));
    store.destroy(idOf(1), NOW, { successor: idOf(2) });
    expect(store.create(idOf(1), recordUntil(NOW + HOUR))).toBe(false);
    pass(120_000);
    expect(vi.getTimerCount()).toBe(0);
    expect(store.create(idOf(1), recordUntil(NOW + HOUR))).toBe(true);
    store.close();
  });

  it('removes index entries of users who never sign in again', () => {
    const store = new MemorySessionStore({ clock });
    void store.index.add('u', idOf(1), NOW + 10_000, NOW);
    void store.index.add('u', idOf(2), NOW + 10_000, NOW);
    void store.index.add('u', idOf(2), NOW + HOUR, NOW);
    pass(60_000);
    expect(store.index.confirm('u', idOf(1))).toBe(false);
    expect(store.index.confirm('u', idOf(2))).toBe(true);
    pass(HOUR);
    expect(store.index.confirm('u', idOf(2))).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
    store.close();
  });

  it('works in small batches', () => {
    const store = new MemorySessionStore({ clock });
    for (let n = 0; n < 2_000; n++) store.create(idOf(n), recordUntil(NOW + n));
    pass(30_000);
    const left = () => Array.from({ length: 2_000 }, (_, n) => store.load(idOf(n))).filter(Boolean).length;
    expect(left()).toBe(1_800);
    pass(1_000);
    expect(left()).toBe(0);
    store.close();
  });

  it('has a timer only while it holds something, and none after close', () => {
    const store = new MemorySessionStore({ clock });
    expect(vi.getTimerCount()).toBe(0);
    store.create(idOf(1), recordUntil(NOW + 10_000));
    expect(vi.getTimerCount()).toBe(1);
    pass(60_000);
    expect(vi.getTimerCount()).toBe(0);
    store.create(idOf(1), recordUntil(now + HOUR));
    void store.index.add('u', idOf(1), now + HOUR, now);
    expect(vi.getTimerCount()).toBe(2);
    store.close();
    store.close();
    expect(vi.getTimerCount()).toBe(0);
    store.create(idOf(2), recordUntil(now + HOUR));
    expect(vi.getTimerCount()).toBe(0);
    expect(store.load(idOf(1))).toBeDefined();
  });
});

/** How many timers keep the process alive. */
const holding = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;

describe('MemorySessionStore while the process does other work', () => {
  it('does not keep the process alive', () => {
    const before = holding();
    const store = new MemorySessionStore();
    store.create(idOf(1), recordUntil(NOW + HOUR));
    void store.index.add('u', idOf(1), NOW + HOUR, NOW);
    expect(holding()).toBe(before);
    store.close();
  });

  it('lets other work run while it prunes', async () => {
    const store = new MemorySessionStore();
    for (let n = 0; n < 5_000; n++) store.create(idOf(n), recordUntil(NOW));
    let turns = 0;
    const count = () => {
      turns++;
      turn = setImmediate(count);
    };
    let turn = setImmediate(count);
    expect(await store.prune(NOW)).toBe(5_000);
    clearImmediate(turn);
    expect(turns).toBeGreaterThanOrEqual(20);
    store.close();
  });
});
