import { rm } from 'node:fs/promises';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { SessionRecord } from '../../lib/store/session-record.interface.js';
import { StoreRefusedError } from '../../lib/store/store-refused.error.js';
import { RedisSessionStore } from '../../lib/stores/redis/redis.store.js';
import {
  errorOf,
  HOUR,
  idOf,
  NOW,
  printed,
  recordOf,
  untilItWorks,
  updateOf,
} from '../support/redis-records.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';

const now = NOW;
const moments = { expiresAt: now + 2 * HOUR, lastSeenAt: now + 1 };
const usual = {
  maxmemory: 0,
  'maxmemory-policy': 'noeviction',
  'min-replicas-to-write': 0,
  'replica-serve-stale-data': 'yes',
  maxclients: 1_000,
  requirepass: '',
};
const write = updateOf({ set: { 'd:new': 'text' } });

/** Asserts that a call rejects if Redis answers with this error, and does not report the session as absent. */
async function expectTrouble(
  promise: Promise<unknown>,
  said: RegExp,
  kind: 'refused' | 'trouble',
): Promise<void> {
  const error = await errorOf(promise);
  expect(error.message).toMatch(/^\[session:redis\] /);
  expect(error.message).toMatch(said);
  expect(error instanceof StoreRefusedError ? 'refused' : 'trouble').toBe(kind);
  expect(printed(error)).not.toContain(idOf('a'));
  expect(printed(error)).not.toContain('text');
}

describeWithRedis('RedisSessionStore and a Redis in some state', () => {
  let server: RedisServer;
  let store: RedisSessionStore;
  let record: SessionRecord;
  const stores: RedisSessionStore[] = [];
  const storeAt = (address: string): RedisSessionStore => {
    const one = new RedisSessionStore({ url: address });
    stores.push(one);
    return one;
  };

  beforeAll(async () => {
    server = await RedisServer.start(['--lua-time-limit', '50']);
  });
  beforeEach(async () => {
    store = storeAt(server.url);
    record = recordOf();
    await server.ask('FLUSHALL');
    await store.create(idOf('a'), record);
    // From here on Redis has the scripts.
    await store.touch(idOf('a'), record, now);
    await store.update(idOf('a'), updateOf(), now);
    await store.destroy(idOf('b'), now);
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map(one => one.close()));
    await server.ask('REPLICAOF', 'NO', 'ONE');
    for (const [setting, value] of Object.entries(usual)) await server.ask('CONFIG', 'SET', setting, value);
    server.login = {};
  });

  it('READONLY: writes are refused, reads go on, and after the way back all is as before', async () => {
    await server.ask('REPLICAOF', '127.0.0.1', '1');
    await expectTrouble(store.update(idOf('a'), write, now), /READONLY.*replica/, 'refused');
    await untilItWorks(() => store.load(idOf('a')), 1_000);
    for (let i = 0; i < 5; i++) {
      await expectTrouble(store.destroy(idOf('a'), now), /READONLY/, 'refused');
      await expectTrouble(store.create(idOf('b'), record), /READONLY/, 'refused');
      await expectTrouble(store.touch(idOf('a'), moments, now), /READONLY/, 'refused');
      expect(await store.load(idOf('a'))).toEqual(record);
    }
    expect(await storeAt(server.url).open()).toEqual([expect.stringContaining('read-only replica')]);
    await server.ask('REPLICAOF', 'NO', 'ONE');
    expect(await store.destroy(idOf('a'), now)).toEqual(record);
  });

  it('READONLY: it reconnects once to look for the master, not with every write', async () => {
    const received = async () =>
      Number(/total_connections_received:(\d+)/.exec(String(await server.ask('INFO', 'stats')))?.[1]);
    await server.ask('REPLICAOF', '127.0.0.1', '1');
    const before = await received();
    for (let i = 0; i < 50; i++) await errorOf(store.update(idOf('a'), write, now));
    expect((await received()) - before).toBeLessThanOrEqual(2);
  });

  it('MASTERDOWN: not even reads are answered, and no session is taken for ended', async () => {
    await server.ask('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
    await server.ask('REPLICAOF', '127.0.0.1', '1');
    await expectTrouble(store.load(idOf('a')), /MASTERDOWN/, 'trouble');
    await expectTrouble(store.destroy(idOf('a'), now), /MASTERDOWN/, 'trouble');
    await server.ask('REPLICAOF', 'NO', 'ONE');
    await server.ask('CONFIG', 'SET', 'replica-serve-stale-data', 'yes');
    expect(await store.load(idOf('a'))).toEqual(record);
  });

  it('NOREPLICAS: writes fail, a logout among them, and reads go on', async () => {
    await server.ask('CONFIG', 'SET', 'min-replicas-to-write', 1);
    await expectTrouble(store.update(idOf('a'), write, now), /NOREPLICAS/, 'trouble');
    await expectTrouble(store.destroy(idOf('a'), now), /NOREPLICAS/, 'trouble');
    await expectTrouble(store.create(idOf('b'), record), /NOREPLICAS/, 'trouble');
    expect(await store.load(idOf('a'))).toEqual(record);
    await server.ask('CONFIG', 'SET', 'min-replicas-to-write', 0);
    expect(await store.destroy(idOf('a'), now)).toEqual(record);
  });

  it('full: what needs memory is refused whole, and reads, touches, removals and logouts work', async () => {
    await store.index.add('u', idOf('a'), now + HOUR, now);
    await store.create(idOf('old'), recordOf({ data: { 'd:a': '1', 'd:b': '2' } }));
    await server.ask('CONFIG', 'SET', 'maxmemory', '100kb');

    await expectTrouble(store.create(idOf('b'), record), /OOM.*maxmemory/, 'refused');
    await expectTrouble(store.update(idOf('a'), write, now), /OOM/, 'refused');
    const mixed = updateOf({ set: { 'd:new': 'text' }, delete: ['d:a'], expiresAt: now + 3 * HOUR });
    await expectTrouble(store.update(idOf('old'), mixed, now), /OOM/, 'refused');
    await expectTrouble(Promise.resolve(store.index.add('u', idOf('b'), now + HOUR, now)), /OOM/, 'refused');
    expect(await store.load(idOf('b'))).toBeUndefined();
    expect(await store.load(idOf('a'))).toEqual(record);
    expect(await store.index.list('u', now)).toEqual([idOf('a')]);
    expect(await store.load(idOf('old'))).toMatchObject({ data: { 'd:a': '1', 'd:b': '2' } });

    expect(await store.touch(idOf('a'), moments, now)).toBe(true);
    expect(await store.load(idOf('a'))).toEqual({ ...record, ...moments });
    const removal = updateOf({ delete: ['d:a'], expect: { 'd:a': '1' }, ...moments });
    expect(await store.update(idOf('old'), removal, now)).toBe('done');
    expect(await store.destroy(idOf('old'), now, { successor: idOf('a') })).toMatchObject({
      data: { 'd:b': '2' },
    });
    expect(await store.load(idOf('old'))).toBeUndefined();
    expect(await store.destroy(idOf('old'), now)).toEqual({ ...record, ...moments });
    await store.index.remove('u', [idOf('a')]);
    expect(await store.index.list('u', now)).toEqual([]);
    await server.ask('CONFIG', 'SET', 'maxmemory', 0);
    expect(await store.create(idOf('b'), record)).toBe(true);
  });

  it('BUSY with a script of another client: an error, and not absence', async () => {
    const endless = errorOf(server.ask('EVAL', 'while true do end', 0));
    try {
      await untilItWorks(
        async () => expect((await errorOf(server.ask('PING'))).message).toMatch(/BUSY/),
        2_000,
      );
      await expectTrouble(store.load(idOf('a')), /BUSY/, 'trouble');
      await expectTrouble(store.destroy(idOf('a'), now), /BUSY/, 'trouble');
    } finally {
      await server.ask('SCRIPT', 'KILL');
      await endless;
    }
    expect(await store.load(idOf('a'))).toEqual(record);
  });

  it('too many clients: start-up goes on without it, and it comes in when there is room', async () => {
    await server.ask('CONFIG', 'SET', 'maxclients', 1);
    const late = storeAt(server.url);
    await expectTrouble(late.open(), /./, 'trouble');
    await expectTrouble(late.load(idOf('a')), /./, 'trouble');
    expect(await store.load(idOf('a'))).toEqual(record);
    await store.close();
    await server.ask('CONFIG', 'SET', 'maxclients', 1_000);
    expect(await untilItWorks(() => late.ping(), 2_000)).toBeLessThan(2_000);
    expect(await late.load(idOf('a'))).toEqual(record);
  });

  it('a password that was changed under us: refused, with what to do, and back when it is right again', async () => {
    await server.ask('CONFIG', 'SET', 'requirepass', 'changed');
    server.login = { password: 'changed' };
    await server.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await untilItWorks(async () => expect((await errorOf(store.ping())).message).toContain('NOAUTH'), 1_000);
    await expectTrouble(store.load(idOf('a')), /NOAUTH.*password/, 'refused');
    await expectTrouble(store.destroy(idOf('a'), now), /NOAUTH.*password/, 'refused');
    await server.ask('CONFIG', 'SET', 'requirepass', '');
    server.login = {};
    await untilItWorks(() => store.ping(), 2_000);
    expect(await store.load(idOf('a'))).toEqual(record);
  });

  it.each([
    ['a wrong password', 'redis://:wrong@', /WRONGPASS.*password/],
    ['no password', 'redis://', /NOAUTH.*password/],
    ['an unknown user', 'redis://somebody:right@', /WRONGPASS.*user name/],
    ['a database that is not there', 'redis://:right@', /DB index is out of range/, '/99'],
  ])('%s stops start-up and leaves no connection behind', async (_, login, said, database = '') => {
    await server.ask('CONFIG', 'SET', 'requirepass', 'right');
    server.login = { password: 'right' };
    await store.close();
    const refused = storeAt(`${login}127.0.0.1:${server.port}${database}`);
    const error = await errorOf(refused.open());
    await expectTrouble(Promise.reject(error), said, 'refused');
    expect(printed(error)).not.toMatch(/wrong|right/);
    expect(await server.connections()).toBe(0);
  });

  it('a database that Redis lacks is not exchanged for another: nothing is read or written there', async () => {
    const elsewhere = storeAt(`${server.url}/99`);
    await expectTrouble(elsewhere.load(idOf('a')), /DB index is out of range/, 'refused');
    await expectTrouble(elsewhere.create(idOf('b'), record), /DB index is out of range/, 'refused');
    expect(await store.load(idOf('b'))).toBeUndefined();
    const second = storeAt(`${server.url}/2`);
    expect(await second.load(idOf('a'))).toBeUndefined();
    expect(await second.create(idOf('a'), recordOf({ meta: 'second' }))).toBe(true);
    expect(await store.load(idOf('a'))).toEqual(record);
  });

  it.each([
    ['noeviction', false],
    ['volatile-ttl', true],
    ['volatile-lru', true],
    ['volatile-lfu', true],
    ['volatile-random', true],
    ['allkeys-lru', true],
    ['allkeys-lfu', true],
    ['allkeys-random', true],
  ])('maxmemory-policy %s: start-up warns: %s', async (policy, warns) => {
    await server.ask('CONFIG', 'SET', 'maxmemory-policy', policy);
    expect(await storeAt(server.url).open(), 'without a limit nothing is ever evicted').toEqual([]);
    await server.ask('CONFIG', 'SET', 'maxmemory', '100mb');
    const warnings = await storeAt(server.url).open();
    expect(warnings).toEqual(warns ? [expect.stringContaining(`"maxmemory-policy" is ${policy}`)] : []);
  });

  it('an evicted session is absent, never an error or half a record', async () => {
    const used = Number(/used_memory:(\d+)/.exec(String(await server.ask('INFO', 'memory')))?.[1]);
    await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'volatile-ttl');
    await server.ask('CONFIG', 'SET', 'maxmemory', used + 2_000_000);
    const text = 'x'.repeat(10_000);
    const found = { whole: 0, absent: 0 };
    for (let i = 0; i < 600; i++) {
      expect(await store.create(idOf(i), recordOf({ meta: String(i), data: { 'd:a': text } }))).toBe(true);
    }
    for (let i = 0; i < 600; i++) {
      const one = await store.load(idOf(i));
      if (one === undefined) found.absent++;
      else if (one !== 'broken' && one.meta === String(i) && one.data['d:a'] === text) found.whole++;
    }
    expect(found.whole + found.absent).toBe(600);
    expect(Math.min(found.whole, found.absent)).toBeGreaterThan(0);
  });

  it('a flush while sessions are in use ends them, and is not an error', async () => {
    const work = Array.from({ length: 50 }, async (_, i) => {
      await store.create(idOf(`f${i}`), recordOf({ meta: String(i) }));
      for (let round = 0; round < 20; round++) {
        const one = await store.load(idOf(`f${i}`));
        expect(one === undefined || (one !== 'broken' && one.meta === String(i))).toBe(true);
        expect(['done', 'gone']).toContain(await store.update(idOf(`f${i}`), write, now));
        if (i === 0 && round === 5) await server.ask('FLUSHALL');
      }
      return store.load(idOf(`f${i}`));
    });
    expect(new Set(await Promise.all(work))).toEqual(new Set([undefined]));
  });

  it('a key that ACL rules forbid is refused, and so is a command; the message says where to look', async () => {
    await server.ask('ACL', 'SETUSER', 'reader', 'on', '>pw', '~other:*', '+@read', '+info', '+ping');
    const address = `redis://reader:pw@127.0.0.1:${server.port}`;
    const reader = storeAt(address);
    await expectTrouble(reader.load(idOf('a')), /NOPERM.*README/, 'refused');
    await server.ask('ACL', 'SETUSER', 'reader', '~session:*');
    expect(await reader.load(idOf('a'))).toEqual(record);
    await expectTrouble(storeAt(address).open(), /NOPERM.*README/, 'refused');
    await expectTrouble(reader.create(idOf('b'), record), /NOPERM.*README/, 'refused');
    await server.ask('ACL', 'DELUSER', 'reader');
  });
});

describeWithRedis('RedisSessionStore and a Redis that has to be started for it', () => {
  it('LOADING: an error until the data is there, and then the session is', async () => {
    const server = await RedisServer.start();
    const store = new RedisSessionStore({ url: server.url });
    const record = recordOf();
    await store.create(idOf('a'), record);
    await server.ask('EVAL', 'for i = 1, 1500 do redis.call("SET", "filler" .. i, "x") end', 0);
    await server.ask('SAVE');
    const slowly = ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024'];
    await server.restart(slowly, /Server initialized/);

    await untilItWorks(
      async () => expect((await errorOf(server.ask('PING'))).message).toMatch(/LOADING/),
      1_000,
    );
    const late = new RedisSessionStore({ url: server.url });
    for (const one of [store, late]) await expectTrouble(one.load(idOf('a')), /./, 'trouble');
    await untilItWorks(() => store.ping(), 5_000);
    expect(await store.load(idOf('a'))).toEqual(record);
    await untilItWorks(() => late.ping(), 1_000);
    expect(await late.load(idOf('a'))).toEqual(record);
    await store.close();
    await late.close();
  });

  it('MISCONF: a Redis that cannot save takes no writes, and reads go on', async () => {
    const server = await RedisServer.start(['--save', '3600 1']);
    const store = new RedisSessionStore({ url: server.url });
    const record = recordOf();
    await store.create(idOf('a'), record);
    await rm(server.folder, { recursive: true });
    await server.ask('BGSAVE');
    await untilItWorks(async () => {
      expect(String(await server.ask('INFO', 'persistence'))).toContain('rdb_last_bgsave_status:err');
    }, 5_000);
    await expectTrouble(store.update(idOf('a'), write, now), /MISCONF.*log/, 'refused');
    await expectTrouble(store.destroy(idOf('a'), now), /MISCONF/, 'refused');
    expect(await store.load(idOf('a'))).toEqual(record);
    await server.ask('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
    expect(await store.destroy(idOf('a'), now)).toEqual(record);
    await store.close();
  });
});
