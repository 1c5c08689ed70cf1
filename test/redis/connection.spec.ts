import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { SessionStoreError } from '../../lib/errors/session.error.js';
import { SessionEvents } from '../../lib/events/session-events.js';
import { GuardedStore } from '../../lib/store/guarded-store.js';
import { StoreRefusedError } from '../../lib/store/store-refused.error.js';
import { RedisSessionStore } from '../../lib/stores/redis/redis.store.js';
import type { RedisSessionStoreOptions } from '../../lib/stores/redis/redis-session-store-options.interface.js';
import { errorOf, HOUR, idOf, NOW, recordOf, untilItWorks, updateOf } from '../support/redis-records.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';
import { SessionTraffic } from '../support/session-traffic.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const now = NOW;
const record = recordOf();
const stores: RedisSessionStore[] = [];
const open = (options: RedisSessionStoreOptions): RedisSessionStore => {
  const store = new RedisSessionStore(options);
  stores.push(store);
  return store;
};
afterEach(async () => {
  await Promise.all(stores.splice(0).map(store => store.close()));
});

/** The duration of a call in milliseconds. */
async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** How many times clients have called a script so far. */
async function scriptCalls(server: RedisServer): Promise<number> {
  const stats = String(await server.ask('INFO', 'commandstats'));
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

describeWithRedis('RedisSessionStore and a server that stops', () => {
  let server: RedisServer;
  let store: RedisSessionStore;
  beforeEach(async () => {
    server = await RedisServer.start();
    store = open({ url: server.url });
    await store.create(idOf('a'), record);
    await store.update(idOf('a'), updateOf(), now);
  });
  afterEach(() => server.stop());

  it('frozen: an answer at the deadline, and after the thaw each write ran at most once', async () => {
    const guarded = new GuardedStore(store, 200, new SessionEvents(console));
    const before = await scriptCalls(server);
    server.freeze();
    const took = await timed(async () => {
      const calls = Array.from({ length: 20 }, async (_, i) =>
        guarded.update(idOf('a'), updateOf({ set: { [`d:${i}`]: '1' } }), now),
      );
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'SESSION_STORE_TIMEOUT' } });
      }
    });
    expect(took, 'all of them at the same time').toBeLessThan(1_000);
    expect(await errorOf(Promise.resolve().then(() => guarded.load(idOf('a'))))).toMatchObject({
      code: 'SESSION_STORE_UNAVAILABLE',
    });
    server.thaw();
    expect(await untilItWorks(async () => guarded.load(idOf('a')), 3_000)).toBeLessThan(2_000);
    expect((await scriptCalls(server)) - before).toBeLessThanOrEqual(20);
  });

  it('down: every call fails at once, nothing waits for Redis, nothing is done later', async () => {
    await server.kill();
    await errorOf(store.load(idOf('a')));
    const memory = process.memoryUsage().rss;
    for (let batch = 0; batch < 20; batch++) {
      const took = await timed(async () => {
        const calls = Array.from({ length: 1_000 }, (_, i) => store.create(idOf(`${batch} ${i}`), record));
        const outcomes = await Promise.allSettled(calls);
        expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
      });
      expect(took).toBeLessThan(1_000);
    }
    expect(process.memoryUsage().rss - memory).toBeLessThan(50 * 1024 ** 2);
    await server.restart();
    expect(await untilItWorks(() => store.ping(), 3_000)).toBeLessThan(2_000);
    expect(await scriptCalls(server)).toBe(0);
    expect(await store.load(idOf('0 0'))).toBeUndefined();
  });

  it('killed under load: calls that were under way fail at once, and no session is taken for ended', async () => {
    const traffic = await SessionTraffic.start(store, 50);
    await wait(50);
    await server.kill();
    await wait(150);
    expect(await timed(() => traffic.stop())).toBeLessThan(1_000);
    expect(traffic.seen).toMatchObject({ absent: 0, broken: 0, foreign: 0, undone: 0 });
    expect(traffic.seen.own).toBeGreaterThan(0);
    expect(traffic.seen.failed).toBeGreaterThan(50);
  });

  it('down at start-up: open() says so, and when Redis comes up the store works without another start', async () => {
    await server.kill();
    const late = open({ url: server.url });
    const error = await errorOf(late.open());
    expect(error).not.toBeInstanceOf(StoreRefusedError);
    expect(error.message).toMatch(/ECONNREFUSED/);
    expect(await timed(() => errorOf(late.load(idOf('a'))))).toBeLessThan(500);
    await server.restart();
    expect(await untilItWorks(() => late.ping(), 3_000)).toBeLessThan(2_000);
    expect(await late.create(idOf('b'), record)).toBe(true);
  });

  it('frozen at start-up: open() and calls do not wait for ever', async () => {
    server.freeze();
    const late = open({ url: server.url });
    expect(await timed(() => errorOf(late.load(idOf('a'))))).toBeLessThan(1_000);
    expect(await timed(() => errorOf(late.open()))).toBeLessThan(4_000);
    server.thaw();
    expect(await untilItWorks(() => late.load(idOf('a')), 3_000)).toBeLessThan(2_000);
  });

  it('up and down: one connection in the end, no listener more, no warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on('warning', onWarning);
    for (let flap = 0; flap < 12; flap++) {
      await server.kill();
      await errorOf(untilItWorks(() => store.ping(), 60));
      await server.restart();
      await untilItWorks(() => store.ping(), 2_000);
    }
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    expect(await server.connections()).toBe(1);
  });

  it('a client of the user that has no error listener, and a Redis that goes: the process lives', async () => {
    const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const client = new Redis(server.port, { retryStrategy: () => null });
    const theirs = open({ client });
    expect(await theirs.load(idOf('a'))).toEqual(record);
    await server.kill();
    await errorOf(untilItWorks(() => theirs.ping(), 100));
    await server.restart();
    await untilItWorks(() => theirs.ping(), 2_000);
    client.disconnect();
    printed.mockRestore();
  });

  it('closing lets calls under way finish, refuses later ones, and leaves no connection', async () => {
    const client = new Redis(server.port);
    const theirs = open({ client });
    await theirs.ping();
    const calls = Array.from({ length: 200 }, (_, i) => theirs.create(idOf(i), record));
    const [results] = await Promise.all([Promise.all(calls), theirs.close()]);
    expect(new Set(results)).toEqual(new Set([true]));
    expect((await errorOf(theirs.load(idOf(1)))).message).toContain('the store is closed');
    await store.close();
    expect(await server.connections(), "the user's client").toBe(1);
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  it('closing does not wait for a Redis that is frozen', async () => {
    server.freeze();
    expect(await timed(() => store.close())).toBeLessThan(1_500);
    server.thaw();
  });

  it('when the driver gives up for good, it is started again', async () => {
    const client = new Redis(server.port, { lazyConnect: true });
    const duplicates: Redis[] = [];
    const duplicate = client.duplicate.bind(client);
    client.duplicate = ((options: object) => {
      duplicates.push(duplicate(options));
      return duplicates.at(-1);
    }) as unknown as typeof client.duplicate;
    const theirs = open({ client });
    await theirs.ping();
    duplicates[0]!.disconnect();
    await untilItWorks(async () => expect(duplicates[0]!.status).toBe('end'), 1_000);
    await errorOf(theirs.load(idOf('a')));
    expect(await untilItWorks(() => theirs.load(idOf('a')), 2_000)).toBeLessThan(1_500);
    client.disconnect();
  });
});

describeWithRedis('RedisSessionStore and a network in between', () => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let store: RedisSessionStore;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  beforeEach(async () => {
    await server.ask('FLUSHALL');
    proxy = await TcpProxy.start(server.port);
    store = open({ url: `redis://127.0.0.1:${proxy.port}` });
    await store.open();
    await store.create(idOf('a'), record);
    await store.update(idOf('a'), updateOf(), now);
    await store.destroy(idOf('none'), now);
  });
  afterEach(() => proxy.close());
  afterAll(() => server.stop());

  it.each([0, 1, 5, 20, 60, 80])(
    'a reply that breaks off after %i bytes is an error, not half a record',
    async bytes => {
      proxy.cutAfter(bytes);
      const error = await errorOf(store.load(idOf('a')));
      expect(error.message).toMatch(/^\[session:redis\] /);
      await untilItWorks(() => store.ping(), 2_000);
      expect(await store.load(idOf('a'))).toEqual(record);
    },
  );

  it('a write whose reply is lost was sent once, and is not sent again', async () => {
    const before = await scriptCalls(server);
    await store.create(idOf('count'), recordOf({ data: { 'd:n': '0' } }));
    const lost: [string, () => Promise<unknown>][] = [
      [
        'update',
        () => store.update(idOf('count'), updateOf({ set: { 'd:n': '1' }, expect: { 'd:n': '0' } }), now),
      ],
      ['create', () => store.create(idOf('b'), record)],
      ['touch', () => store.touch(idOf('a'), { expiresAt: now + 2 * HOUR, lastSeenAt: now }, now)],
      ['destroy', () => store.destroy(idOf('a'), now)],
    ];
    for (const [, run] of lost) {
      proxy.cutAfter(0);
      await errorOf(run());
      await untilItWorks(() => store.ping(), 2_000);
    }
    expect((await scriptCalls(server)) - before).toBe(1 + lost.length);
    expect(await store.load(idOf('count'))).toMatchObject({ data: { 'd:n': '1' } });
    expect(await store.load(idOf('b'))).toEqual(record);
    expect(await store.load(idOf('a'))).toBeUndefined();
  });

  it('a connection that is reset fails what was under way at once, and is there again', async () => {
    proxy.freeze();
    const calls = Array.from({ length: 100 }, () => errorOf(store.load(idOf('a'))));
    proxy.reset();
    expect(await timed(() => Promise.all(calls))).toBeLessThan(1_000);
    proxy.thaw();
    expect(await untilItWorks(() => store.load(idOf('a')), 2_000)).toBeLessThan(1_000);
  });

  it('one reply in five is cut, 150 calls: each answer is right or an error', async () => {
    const seen = { right: 0, error: 0 };
    for (let i = 0; i < 150; i++) {
      if (i % 5 === 0) proxy.cutAfter(i % 90);
      const found = await store.load(idOf('a')).catch((error: unknown) => error);
      if (found instanceof Error) {
        seen.error++;
        await untilItWorks(() => store.ping(), 2_000);
      } else {
        expect(found).toEqual(record);
        seen.right++;
      }
    }
    expect(seen.right).toBeGreaterThan(100);
    expect(seen.error).toBeGreaterThan(20);
  });

  it('a slow network costs one trip per call, and calls do not wait for each other', async () => {
    proxy.latencyMs = () => 300;
    expect(await timed(() => store.load(idOf('a')))).toBeLessThan(580);
    expect(await timed(() => store.update(idOf('a'), updateOf({ set: { 'd:a': '1' } }), now))).toBeLessThan(
      580,
    );
    const fifty = Array.from({ length: 50 }, (_, i) => idOf(i));
    expect(await timed(() => Promise.all(fifty.map(id => store.load(id))))).toBeLessThan(1_500);
  });

  it('a connection that takes bytes and gives none is given up, and the next one works', async () => {
    const impatient = open({ url: `redis://127.0.0.1:${proxy.port}`, connection: { socketTimeout: 200 } });
    await impatient.open();
    proxy.freeze();
    const accepted = proxy.accepted;
    expect(await timed(() => errorOf(impatient.load(idOf('a'))))).toBeLessThan(1_500);
    await untilItWorks(async () => expect(proxy.accepted).toBeGreaterThan(accepted + 1), 3_000);
    proxy.thaw();
    expect(await untilItWorks(() => impatient.load(idOf('a')), 3_000)).toBeLessThan(2_000);
  });

  it('first calls that come at once wait for the first connection, all of them', async () => {
    proxy.latencyMs = () => 50;
    const fresh = open({ url: `redis://127.0.0.1:${proxy.port}` });
    const calls = Array.from({ length: 50 }, () => fresh.load(idOf('a')));
    for (const found of await Promise.all(calls)) expect(found).toEqual(record);
  });

  it('replies that come after their deadline reach no other user: 200 users, 5 000 calls', async () => {
    const users = Array.from({ length: 200 }, (_, i) => idOf(`user ${i}`));
    await Promise.all(users.map(id => store.create(id, recordOf({ meta: id }))));
    let chunks = 0;
    proxy.latencyMs = () => (chunks++ % 3 === 0 ? 12 : 0);
    const outcomes = { right: 0, wrong: 0, late: 0 };
    await Promise.all(
      users.map(async id => {
        for (let round = 0; round < 25; round++) {
          // Each call has its own guard, because a guard sends nothing for a second after a missed deadline.
          const guarded = new GuardedStore(store, 10, new SessionEvents(console));
          try {
            const found = await guarded.load(id);
            outcomes[typeof found === 'object' && found.meta === id ? 'right' : 'wrong']++;
          } catch (error) {
            expect(error).toBeInstanceOf(SessionStoreError);
            outcomes.late++;
            await wait(1);
          }
        }
      }),
    );
    expect(outcomes.wrong).toBe(0);
    expect(outcomes.right).toBeGreaterThan(0);
    expect(outcomes.late).toBeGreaterThan(0);
    proxy.latencyMs = () => 0;
    for (const id of users) expect(await store.load(id)).toMatchObject({ meta: id });
  });
});
