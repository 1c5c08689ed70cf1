import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HOUR, idOf, NOW, recordOf, updateOf } from '../../../test/support/redis-records.js';
import {
  anyRedisUrl,
  describeWithAnyRedis,
  describeWithRedis,
  RedisServer,
} from '../../../test/support/redis-servers.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { EXPIRED_KEPT_MS } from '../../store/session-store.js';
import { sessionStoreCases, type SessionStoreHarness } from '../../testing/index.js';
import type { RedisSessionStoreOptions } from './redis-session-store-options.interface.js';
import { RedisSessionStore } from './redis.store.js';

let places = 0;
const nextPrefix = () => `test:${process.pid}:${places++}:`;

const prefixes = new WeakMap<object, string>();

/** Stores made with these options, each case under a prefix of its own. */
function harnessOf(options: () => RedisSessionStoreOptions): SessionStoreHarness<RedisSessionStore> {
  const open = (prefix: string): RedisSessionStore => {
    const store = new RedisSessionStore({ ...options(), prefix });
    prefixes.set(store, prefix);
    return store;
  };
  return {
    create: () => open(nextPrefix()),
    peer: store => open(prefixes.get(store) ?? ''),
    stranger: () => open(nextPrefix()),
    abilities: ['index', 'ping', 'open', 'close'],
  };
}

function conformance(harness: SessionStoreHarness<RedisSessionStore>): void {
  for (const { name, run } of sessionStoreCases(harness)) it(name, run);
}

describeWithAnyRedis('RedisSessionStore', () => {
  let url: string;
  let client: Redis;
  beforeAll(async () => {
    url = await anyRedisUrl();
    client = new Redis(url);
  });
  afterAll(() => client.disconnect());

  conformance({
    ...harnessOf(() => ({ url })),
    damage: (store, id) => client.hset(`${prefixes.get(store)}${id}`, 'e', 'not a moment'),
    refused: () => {
      const wrong = new URL(url);
      wrong.username = 'unknown';
      wrong.password = 'wrong';
      return new RedisSessionStore({ url: wrong.href });
    },
  });
});

describeWithRedis('RedisSessionStore whose server is full, or cannot be reached', () => {
  let server: RedisServer;
  let proxy: TcpProxy;
  beforeAll(async () => {
    server = await RedisServer.start();
    proxy = await TcpProxy.start(server.port);
  });
  afterAll(() => proxy.close());

  const cases = sessionStoreCases({
    ...harnessOf(() => ({ url: `redis://127.0.0.1:${proxy.port}` })),
    async outage() {
      await proxy.refuse();
      return () => proxy.accept();
    },
    async full() {
      await server.ask('CONFIG', 'SET', 'maxmemory', '1');
      return () => server.ask('CONFIG', 'SET', 'maxmemory', '0');
    },
  });
  for (const { name, run } of cases) if (/be reached|outage|a full/.test(name)) it(name, run);
});

describeWithAnyRedis('RedisSessionStore over a client that is set up in its own way', () => {
  let client: Redis;
  beforeAll(async () => {
    const url = await anyRedisUrl();
    // All that changes what commands are sent, when, and what comes back.
    client = new Redis(url, {
      lazyConnect: true,
      keyPrefix: 'theirs:',
      stringNumbers: true,
      protocol: 3,
      replyMapping: 'resp3',
      enableAutoPipelining: true,
      showFriendlyErrorStack: true,
      commandTimeout: 1,
    });
  });
  afterAll(() => client.disconnect());

  conformance(harnessOf(() => ({ client })));

  it('reads what its reply transformer makes of a hash, as ioredis shows it: a list of pairs', async () => {
    Redis.Command.setReplyTransformer('hgetall', (reply: string[]) =>
      reply.flatMap((name, i) => (i % 2 === 0 ? [[name, reply[i + 1]]] : [])),
    );
    const store = new RedisSessionStore({ client, prefix: nextPrefix() });
    try {
      await store.create(idOf('a'), recordOf({ data: { 'd:a': '1' } }));
      expect(await store.load(idOf('a'))).toEqual(recordOf({ data: { 'd:a': '1' } }));
    } finally {
      Redis.Command.setReplyTransformer('hgetall', (reply: string[]) =>
        Object.fromEntries(
          reply.flatMap((name, i): [string, unknown][] => (i % 2 === 0 ? [[name, reply[i + 1]]] : [])),
        ),
      );
      await store.close();
    }
  });

  it('leaves the client as it was: here it never connected', () => {
    expect(client.status).toBe('wait');
  });
});

describeWithAnyRedis('what RedisSessionStore keeps in Redis', () => {
  let redis: Redis;
  let prefix: string;
  let store: RedisSessionStore;
  const key = (label: string) => prefix + idOf(label);
  const keys = async () => (await redis.keys(`${prefix}*`)).sort();
  const keptUntil = async (name: string, moment: number) =>
    expect(Math.abs(Date.now() + (await redis.pttl(name)) - moment - EXPIRED_KEPT_MS)).toBeLessThan(5_000);

  beforeAll(async () => {
    const url = await anyRedisUrl();
    redis = new Redis(url);
    prefix = nextPrefix();
    store = new RedisSessionStore({ url, prefix });
  });
  afterEach(async () => {
    for (const name of await keys()) await redis.del(name);
  });
  afterAll(async () => {
    await store.close();
    redis.disconnect();
  });

  it('is one hash per session and one sorted set per user, and names neither the user nor the secret', async () => {
    const record = recordOf({ data: { 'd:a': '1', 'f:1': '2', 'd:\ud800': '3' } });
    await store.create(idOf('a'), record);
    await store.index.add('alice@example.com', idOf('a'), record.expiresAt, Date.now());
    expect(await keys()).toEqual([
      key('a'),
      expect.stringMatching(new RegExp(`^${prefix}user:[0-9a-f]{64}$`)),
    ]);
    expect(await redis.hgetall(key('a'))).toEqual({
      e: String(record.expiresAt),
      s: String(record.lastSeenAt),
      m: 'meta',
      'd:a': '1',
      'f:1': '2',
      'x:64003a0000d8': '3',
    });
    expect((await keys()).join()).not.toContain('alice');
  });

  it('has a TTL on every key, a minute beyond our own limit', async () => {
    const now = NOW;
    await store.create(idOf('a'), recordOf({ expiresAt: now + HOUR }));
    await keptUntil(key('a'), now + HOUR);
    await store.update(idOf('a'), updateOf({ expiresAt: now + 2 * HOUR }), now);
    await keptUntil(key('a'), now + 2 * HOUR);
    await store.update(idOf('a'), updateOf({ set: { 'd:a': '1' }, expiresAt: now + HOUR }), now);
    await keptUntil(key('a'), now + 2 * HOUR);
    await store.touch(idOf('a'), { expiresAt: now + 3 * HOUR, lastSeenAt: now }, now);
    await keptUntil(key('a'), now + 3 * HOUR);
    await store.destroy(idOf('a'), now, { successor: idOf('b') });
    await keptUntil(key('a'), now + 60_000);
    await store.index.add('u', idOf('a'), now + 2 * HOUR, now);
    await store.index.add('u', idOf('b'), now + HOUR, now);
    const list = (await keys()).find(name => name.includes('user:'))!;
    await keptUntil(list, now + 2 * HOUR);
  });

  it('is gone once nothing refers to it: a destroyed session, the list of a user without entries', async () => {
    const now = NOW;
    await store.create(idOf('a'), recordOf());
    await store.index.add('u', idOf('a'), now + HOUR, now);
    await store.destroy(idOf('a'), now);
    await store.index.remove('u', [idOf('a')]);
    expect(await keys()).toEqual([]);
  });

  it('is judged by our clock: a TTL that was taken away gives no session a longer life', async () => {
    const now = NOW;
    const record = recordOf({ expiresAt: now + 1_000 });
    await store.create(idOf('a'), record);
    await redis.persist(key('a'));
    expect(await store.touch(idOf('a'), { expiresAt: now + HOUR, lastSeenAt: now }, now + 1_000)).toBe(false);
    expect(await store.update(idOf('a'), updateOf({ expiresAt: now + HOUR }), now + 1_000)).toBe('gone');
    expect(await store.destroy(idOf('a'), now + 1_000)).toBeUndefined();
    expect(await store.load(idOf('a'))).toEqual(record);
    expect(await store.touch(idOf('a'), { expiresAt: now, lastSeenAt: now }, now + 999)).toBe(true);
    expect(await redis.pttl(key('a'))).toBeGreaterThan(0);
  });

  it('is absent when Redis dropped it early, as after a jump of its clock or an eviction', async () => {
    const now = NOW;
    await store.create(idOf('a'), recordOf());
    await redis.pexpireat(key('a'), now - 1);
    expect(await store.load(idOf('a'))).toBeUndefined();
    expect(await store.update(idOf('a'), updateOf({ set: { 'd:a': '1' } }), now)).toBe('gone');
    expect(await store.touch(idOf('a'), { expiresAt: now + HOUR, lastSeenAt: now }, now)).toBe(false);
    expect(await keys()).toEqual([]);
  });

  const strange: [string, (name: string) => Promise<unknown>][] = [
    ['a list', name => redis.rpush(name, 'x')],
    ['a text', name => redis.set(name, '{"garbage":')],
    ['a hash of something else', name => redis.hset(name, 'name', 'x')],
    ['a record without its metadata', name => redis.hset(name, 'e', '9999999999999', 's', '1', 'd:a', '1')],
    ['a record without its expiry', name => redis.hset(name, 'm', '', 's', '1')],
    [
      'a record whose expiry is not a number',
      name => redis.hset(name, 'e', '0x7fffffffffff', 's', '1', 'm', ''),
    ],
    [
      'a record whose last use is not a number',
      name => redis.hset(name, 'e', '9999999999999', 's', '', 'm', ''),
    ],
    [
      'a record whose expiry is beyond all dates',
      name => redis.hset(name, 'e', '99999999999999999', 's', '1', 'm', ''),
    ],
    ['a successor that leads there for ever', name => redis.hset(name, 'r', idOf('b'))],
    ['a successor for some other time', name => redis.hset(name, 'r', idOf('b'), 'u', 'soon')],
  ];
  it.each(strange)('%s under our key is broken for load, absent for the others, and kept', async (_, put) => {
    const now = NOW;
    await put(key('a'));
    const before = await redis.dump(key('a'));
    expect(await store.load(idOf('a'))).toBe('broken');
    expect(await store.create(idOf('a'), recordOf())).toBe(false);
    expect(await store.update(idOf('a'), updateOf({ set: { 'd:a': '1' } }), now)).toBe('gone');
    expect(await store.touch(idOf('a'), { expiresAt: now + HOUR, lastSeenAt: now }, now)).toBe(false);
    expect(await store.destroy(idOf('a'), now)).toBeUndefined();
    expect(await store.destroy(idOf('a'), now, { successor: idOf('b') })).toBeUndefined();
    expect(await redis.dump(key('a'))).toBe(before);
  });

  it('may hold fields that mean nothing to us: they are left out and left alone', async () => {
    await store.create(idOf('a'), recordOf({ data: { 'd:a': '1' } }));
    await redis.hset(key('a'), 'z', '1', '', '2', '__proto__', '3');
    expect(await store.load(idOf('a'))).toEqual(
      recordOf({ ...((await store.load(idOf('a'))) as object), data: { 'd:a': '1' } }),
    );
    await store.update(idOf('a'), updateOf({ set: { 'd:a': '2' } }), Date.now());
    expect(await redis.hget(key('a'), 'z')).toBe('1');
  });

  it('a foreign value in place of the list of a user is a fault, not an empty list', async () => {
    await store.index.add('u', idOf('a'), Date.now() + HOUR, Date.now());
    const [list] = await keys();
    await redis.set(list!, 'x');
    await expect(store.index.list('u', Date.now())).rejects.toThrow('WRONGTYPE');
    await expect(store.index.add('u', idOf('a'), Date.now() + HOUR, Date.now())).rejects.toThrow('WRONGTYPE');
  });

  it('may be a record of ten thousand fields: more than Lua takes at once', async () => {
    const data = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`d:${i}`, String(i)]));
    const record = recordOf({ data });
    const now = NOW;
    expect(await store.create(idOf('a'), record)).toBe(true);
    const next = Object.fromEntries(Object.keys(data).map(field => [field, 'next']));
    expect(
      await store.update(idOf('a'), updateOf({ set: next, expect: { ...data, 'd:9999': '-' } }), now),
    ).toEqual({
      current: data,
    });
    expect(await store.update(idOf('a'), updateOf({ set: next, expect: data }), now)).toBe('done');
    expect((await store.destroy(idOf('a'), now))?.data).toEqual(next);
    await store.create(idOf('a'), record);
    expect(await store.update(idOf('a'), updateOf({ delete: Object.keys(data) }), now)).toBe('done');
    expect(await store.load(idOf('a'))).toEqual({ ...record, data: {} });
  });

  it('belongs to its prefix, even one that is a pattern to Redis', async () => {
    const url = await anyRedisUrl();
    const pattern = new RedisSessionStore({ url, prefix: `${prefix}app[1]*?:` });
    const other = new RedisSessionStore({ url, prefix: `${prefix}app1x:` });
    await pattern.create(idOf('a'), recordOf());
    await other.create(idOf('a'), recordOf({ meta: 'other' }));
    await redis.set(idOf('a'), 'a key of the application that is named like the id');
    expect(await pattern.destroy(idOf('a'), Date.now())).toMatchObject({ meta: 'meta' });
    expect(await other.load(idOf('a'))).toMatchObject({ meta: 'other' });
    await redis.del(idOf('a'));
    await pattern.close();
    await other.close();
  });
});

describeWithRedis('what RedisSessionStore costs', () => {
  let server: RedisServer;
  let store: RedisSessionStore;
  beforeAll(async () => {
    server = await RedisServer.start();
    store = new RedisSessionStore({ url: server.url });
    await store.open();
  });
  afterAll(() => store.close());

  /** The commands that clients send during a call. Commands that scripts run are not included. */
  async function sent(run: () => unknown): Promise<string[]> {
    const redis = new Redis(server.url);
    const monitor = await redis.monitor();
    const commands: string[] = [];
    const marker = `end ${++places}`;
    const isOver = new Promise<void>(resolve => {
      monitor.on('monitor', (_: string, [command = '', text]: string[], source: string) => {
        if (text === marker) resolve();
        else if (source !== 'lua') commands.push(command.toLowerCase());
      });
    });
    await run();
    await redis.echo(marker);
    await isOver;
    monitor.disconnect();
    redis.disconnect();
    return commands;
  }

  const now = NOW;
  const verbs: [string, string, () => unknown][] = [
    ['create', 'evalsha', () => store.create(idOf(`cost ${++places}`), recordOf())],
    ['load', 'hgetall', () => store.load(idOf('cost'))],
    ['update', 'evalsha', () => store.update(idOf('cost'), updateOf({ set: { 'd:a': '1' } }), now)],
    [
      'update with a mismatch',
      'evalsha',
      () => store.update(idOf('cost'), updateOf({ expect: { 'd:views': null } }), now),
    ],
    ['touch', 'evalsha', () => store.touch(idOf('cost'), { expiresAt: now + HOUR, lastSeenAt: now }, now)],
    ['index.add', 'evalsha', () => store.index.add('u', idOf('cost'), now + HOUR, now)],
    ['index.confirm', 'zscore', () => store.index.confirm('u', idOf('cost'))],
    ['index.list', 'zrangebyscore', () => store.index.list('u', now)],
    ['index.remove', 'zrem', () => store.index.remove('u', [idOf('cost')])],
    ['destroy', 'evalsha', () => store.destroy(idOf('cost'), now)],
  ];
  it.each(verbs)('%s is one command: %s', async (_, command, run) => {
    await store.create(idOf('cost'), recordOf());
    await run(); // from here on Redis knows the script
    await store.create(idOf('cost'), recordOf());
    expect(await sent(run)).toEqual([command]);
  });

  it('a destroy that follows a mark is one command per session on the way', async () => {
    for (const label of ['1', '2', '3']) await store.create(idOf(label), recordOf({ meta: label }));
    await store.destroy(idOf('1'), now, { successor: idOf('2') });
    await store.destroy(idOf('2'), now, { successor: idOf('3') });
    expect(await sent(() => store.destroy(idOf('1'), now))).toEqual(['evalsha', 'evalsha', 'evalsha']);
  });

  it('a text that is not an id costs no command, and neither does the removal of nothing', async () => {
    const spent = await sent(async () => {
      for (const id of ['', '*', 'A'.repeat(64), `${'a'.repeat(63)}\n`]) {
        await store.load(id);
        await store.update(id, updateOf(), now);
        await store.touch(id, { expiresAt: now, lastSeenAt: now }, now);
        await store.destroy(id, now);
        await store.create(id, recordOf()).catch(() => undefined);
      }
      await store.index.remove('u', []);
    });
    expect(spent).toEqual([]);
  });
});

describeWithRedis('RedisSessionStore and scripts that Redis forgot', () => {
  it('every method works after SCRIPT FLUSH, at any moment (NOSCRIPT)', async () => {
    const server = await RedisServer.start();
    const store = new RedisSessionStore({ url: server.url });
    const now = NOW;
    const flush = () => server.ask('SCRIPT', 'FLUSH');
    await store.create(idOf('a'), recordOf());
    await flush();
    expect(await store.create(idOf('b'), recordOf())).toBe(true);
    await flush();
    expect(
      await store.update(idOf('a'), updateOf({ set: { 'd:views': '2' }, expect: { 'd:views': '1' } }), now),
    ).toBe('done');
    await flush();
    expect(await store.touch(idOf('a'), { expiresAt: now + 2 * HOUR, lastSeenAt: now }, now)).toBe(true);
    await flush();
    await store.index.add('u', idOf('a'), now + HOUR, now);
    await flush();
    expect(await store.destroy(idOf('a'), now)).toMatchObject({ data: { 'd:views': '2' } });

    await store.create(idOf('n'), recordOf({ data: { 'd:n': '0' } }));
    const add = async (): Promise<void> => {
      let current = '0';
      for (;;) {
        const set = { 'd:n': String(Number(current) + 1) };
        const result = await store.update(idOf('n'), updateOf({ set, expect: { 'd:n': current } }), now);
        if (result === 'done') return;
        current = (result as { current: Record<string, string> }).current['d:n']!;
      }
    };
    const flushing = (async () => {
      for (let i = 0; i < 20; i++) await flush();
    })();
    await Promise.all([...Array.from({ length: 50 }, add), flushing]);
    expect(await store.load(idOf('n'))).toMatchObject({ data: { 'd:n': '50' } });
    await store.close();
  });
});

describe('RedisSessionStore at construction', () => {
  it('connects nothing', async () => {
    const store = new RedisSessionStore({ url: 'redis://127.0.0.1:1' });
    await store.close();
    await store.close();
    await expect(store.load(idOf('a'))).rejects.toThrow('the store is closed');
  });
});
