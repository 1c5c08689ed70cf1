import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RedisSessionStore } from '../../lib/stores/redis/redis.store.js';
import { sessionStoreCases } from '../../lib/testing/index.js';
import { errorOf, HOUR, idOf, NOW, recordOf, untilItWorks, updateOf } from '../support/redis-records.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';
import { TcpProxy } from '../support/tcp-proxy.js';

describeWithRedis('RedisSessionStore with waitReplicas', () => {
  let master: RedisServer;
  let replica: RedisServer;
  let store: RedisSessionStore;

  beforeEach(async () => {
    master = await RedisServer.start(['--repl-diskless-sync-delay', '0']);
    replica = await master.startReplica();
    store = new RedisSessionStore({ url: master.url, waitReplicas: 1 });
    await store.open();
  });
  afterEach(async () => {
    await store.close();
    await replica.stop();
    await master.stop();
  });

  /** Kills the master and promotes the replica. */
  async function failover(): Promise<RedisSessionStore> {
    await master.kill();
    await replica.ask('REPLICAOF', 'NO', 'ONE');
    return new RedisSessionStore({ url: replica.url });
  }

  it('what was acknowledged is on the replica: new sessions and changes live, ended sessions stay dead', async () => {
    for (let i = 0; i < 30; i++) await store.create(idOf(i), recordOf());
    const work = Array.from({ length: 30 }, async (_, i) => {
      if (i % 3 === 0) await store.destroy(idOf(i), NOW);
      else if (i % 3 === 1) await store.destroy(idOf(i), NOW, { successor: idOf('next') });
      else await store.update(idOf(i), updateOf({ set: { 'd:a': String(i) } }), NOW);
    });
    await Promise.all(work);
    const after = await failover();
    for (let i = 0; i < 30; i++) {
      const found = await after.load(idOf(i));
      if (i % 3 < 2) expect(found).toBeUndefined();
      else expect(found).toMatchObject({ data: { 'd:a': String(i) } });
    }
    await after.close();
  });

  it('a write that no replica has in time fails, and reads and touches do not wait for it', async () => {
    await store.create(idOf('a'), recordOf());
    replica.freeze();
    const start = performance.now();
    const writing = errorOf(
      store.destroy(idOf('b'), NOW).then(() => store.update(idOf('a'), updateOf(), NOW)),
    );
    await wait(50);
    expect(await store.load(idOf('a'))).toEqual(recordOf());
    expect(await store.touch(idOf('a'), { expiresAt: NOW + 2 * HOUR, lastSeenAt: NOW }, NOW)).toBe(true);
    expect(performance.now() - start).toBeLessThan(480);
    expect((await writing).message).toBe(
      '[session:redis] 0 of 1 replicas confirmed the write within 500 ms ("waitReplicas").',
    );
    expect(performance.now() - start).toBeLessThan(2_000);
    replica.thaw();
    await untilItWorks(() => store.update(idOf('a'), updateOf(), NOW), 2_000);
  });

  it('writes that come together are confirmed together', async () => {
    await store.create(idOf('warm'), recordOf());
    await Promise.all(Array.from({ length: 100 }, (_, i) => store.create(idOf(i), recordOf())));
    const stats = String(await master.ask('INFO', 'commandstats'));
    expect(Number(/cmdstat_wait:calls=(\d+)/.exec(stats)?.[1])).toBeLessThan(20);
  });

  it('a connection that breaks before the replicas confirmed is a failure', async () => {
    const proxy = await TcpProxy.start(master.port);
    const far = new RedisSessionStore({ url: `redis://127.0.0.1:${proxy.port}`, waitReplicas: 1 });
    await far.open();
    await far.create(idOf('a'), recordOf());
    replica.freeze();
    const writing = errorOf(far.update(idOf('a'), updateOf({ set: { 'd:a': '1' } }), NOW));
    await wait(50);
    proxy.reset();
    expect((await writing).message).toMatch(/^\[session:redis\] /);
    replica.thaw();
    await far.close();
    await proxy.close();
  });

  it('closes both of its connections', async () => {
    await store.close();
    expect(await master.connections()).toBe(0);
  });
});

describeWithRedis('RedisSessionStore with waitReplicas and the shared cases', () => {
  // If a replica gets no CPU time for half a second, a write fails, which is correct. So the test is retried.
  it('all hold', { retry: 2 }, async () => {
    const master = await RedisServer.start(['--repl-diskless-sync-delay', '0']);
    const replica = await master.startReplica();
    let places = 0;
    const cases = sessionStoreCases<RedisSessionStore>({
      create: () => new RedisSessionStore({ url: master.url, prefix: `test ${places++}:`, waitReplicas: 1 }),
      abilities: ['index', 'ping', 'open', 'close'],
    });
    for (const test of cases) {
      await test.run().catch((cause: unknown) => {
        throw new Error(test.name, { cause });
      });
    }
    await replica.stop();
    await master.stop();
  });
});
