import { setTimeout as wait } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { StoreRefusedError } from '../../lib/store/store-refused.error.js';
import { RedisConnection } from '../../lib/stores/redis/redis-connection.js';
import { RedisSessionStore } from '../../lib/stores/redis/redis.store.js';
import { sessionStoreCases } from '../../lib/testing/index.js';
import { errorOf, HOUR, idOf, NOW, recordOf, untilItWorks, updateOf } from '../support/redis-records.js';
import {
  addNode,
  agree,
  clusterSettings,
  labelOn,
  migrate,
  nameOf,
  owns,
  startCluster,
} from '../support/redis-cluster.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';
import { SessionTraffic } from '../support/session-traffic.js';

describeWithRedis('RedisSessionStore over a Cluster of three masters', () => {
  let nodes: RedisServer[];
  let client: Cluster;
  let places = 0;
  const stores: RedisSessionStore[] = [];
  const open = (prefix = `test ${places++}:`): RedisSessionStore => {
    const store = new RedisSessionStore({ client, prefix });
    stores.push(store);
    return store;
  };

  beforeAll(async () => {
    nodes = await startCluster(3);
    client = new Cluster([{ host: '127.0.0.1', port: nodes[0]!.port }], {
      lazyConnect: true,
      redisOptions: { socketTimeout: 500 },
    });
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map(store => store.close()));
  });
  afterAll(async () => {
    client.disconnect();
    await Promise.all(nodes.map(node => node.stop()));
  });

  const prefixes = new WeakMap<object, string>();
  const cases = sessionStoreCases<RedisSessionStore>({
    create() {
      const prefix = `test ${places++}:`;
      const store = open(prefix);
      prefixes.set(store, prefix);
      return store;
    },
    peer: store => open(prefixes.get(store)),
    stranger: () => open(),
    abilities: ['index', 'ping', 'open', 'close'],
  });
  for (const test of cases) it(test.name, () => test.run());

  it('opens, warns of each node once, and pings them all', async () => {
    const store = open();
    for (const node of nodes)
      await node.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', '100mb');
    expect(await store.open()).toEqual([expect.stringContaining('allkeys-lru')]);
    for (const node of nodes)
      await node.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '0');
    await store.ping();
    nodes[2]!.freeze();
    const error = await errorOf(store.ping());
    expect(error.message).toMatch(/^\[session:redis\] /);
    nodes[2]!.thaw();
    await untilItWorks(() => store.ping(), 3_000);
    await agree(nodes, nodes.length);
  });

  it('opens at once, every time', async () => {
    for (let i = 0; i < 12; i++) {
      const start = performance.now();
      const store = open();
      await store.open();
      expect(await store.load(idOf('a'))).toBeUndefined();
      expect(performance.now() - start).toBeLessThan(700);
      await store.close();
    }
  });

  it('all first calls at once, to all nodes, are answered', async () => {
    const store = open();
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) => store.create(idOf(i), recordOf())),
    );
    expect(new Set(results)).toEqual(new Set([true]));
  });

  it.each([
    ['another master', 0, () => Promise.resolve(nodes[1]!)],
    ['a node that was not known before', 2, () => addNode(nodes)],
  ])(
    'slots move to %s under load: no user is logged out, nothing is lost, nothing fails',
    async (_, source, target) => {
      const store = open('session:');
      await store.open();
      const traffic = await SessionTraffic.start(store, 30);
      await wait(100);
      const from = nodes[source]!;
      const to = await target();
      const slots = new Set<number>();
      for (const id of traffic.ids) {
        const slot = Number(await nodes[0]!.ask('CLUSTER', 'KEYSLOT', `session:${id}`));
        if (await owns(from, slot)) slots.add(slot);
      }
      expect(slots.size).toBeGreaterThan(5);
      for (const slot of slots) await migrate(slot, from, to, nodes);
      await wait(100);
      await traffic.stop();
      expect([...traffic.failures]).toEqual([]);
      expect(traffic.seen).toMatchObject({ absent: 0, broken: 0, foreign: 0, undone: 0, failed: 0 });
      for (const id of traffic.ids) expect(await store.destroy(id, NOW)).toMatchObject({ meta: id });
    },
  );

  it('while a slot moves, every verb follows ASK, also for records that do not exist yet and for scripts that the target lacks', async () => {
    const store = open('session:');
    await store.open();
    const label = await labelOn(nodes[0]!, 'asked');
    const id = idOf(label);
    const slot = Number(await nodes[0]!.ask('CLUSTER', 'KEYSLOT', `session:${id}`));
    await store.create(id, recordOf());
    await nodes[1]!.ask('SCRIPT', 'FLUSH');
    await nodes[1]!.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await nameOf(nodes[0]!));
    await nodes[0]!.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await nameOf(nodes[1]!));
    expect(await store.load(id)).toEqual(recordOf());
    await nodes[0]!.ask('MIGRATE', '127.0.0.1', nodes[1]!.port, `session:${id}`, 0, 1_000);
    expect(await store.load(id)).toEqual(recordOf());
    expect(await store.update(id, updateOf({ set: { 'd:a': '1' } }), NOW)).toBe('done');
    expect(await store.touch(id, { expiresAt: NOW + HOUR, lastSeenAt: NOW }, NOW)).toBe(true);
    expect(await store.destroy(id, NOW)).toMatchObject({ data: { 'd:a': '1' } });
    expect(await store.create(id, recordOf({ meta: 'again' }))).toBe(true);
    expect(await store.load(id)).toMatchObject({ meta: 'again' });
    for (const node of nodes) await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', await nameOf(nodes[1]!));
    expect(await store.destroy(id, NOW)).toMatchObject({ meta: 'again' });
  });

  it('TRYAGAIN: no command of a store names two keys; one that does is an error while they are apart, not absence', async () => {
    const [source, target] = [nodes[0]!, nodes[1]!];
    const tag = await labelOn(source, 'apart');
    const slot = Number(await source.ask('CLUSTER', 'KEYSLOT', `session:${idOf(tag)}`));
    const keys = [`{session:${idOf(tag)}}:1`, `{session:${idOf(tag)}}:2`] as const;
    for (const key of keys) await source.ask('SET', key, key);
    await target.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await nameOf(source));
    await source.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await nameOf(target));
    await source.ask('MIGRATE', '127.0.0.1', target.port, keys[0], 0, 1_000);

    const toSource = new RedisConnection({ url: source.url });
    const error = await errorOf(toSource.call('mget', keys));
    expect(error.message).toMatch(/^\[session:redis\] TRYAGAIN/);
    expect(error).not.toBeInstanceOf(StoreRefusedError);
    await toSource.close();

    const toCluster = new RedisConnection({ client });
    const waiting = toCluster.call('mget', keys); // the driver sends it again, because the node did not run it
    await source.ask('MIGRATE', '127.0.0.1', target.port, keys[1], 0, 1_000);
    for (const node of nodes) await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', await nameOf(target));
    expect(await waiting).toEqual(keys);
    await toCluster.close();
  });

  it('one master dies: its sessions are errors at once and not absent, others work, and it comes back', async () => {
    const store = open('session:');
    await store.open();
    const dead = idOf(await labelOn(nodes[2]!, 'dead'));
    const alive = idOf(await labelOn(nodes[0]!, 'alive'));
    for (const id of [dead, alive]) await store.create(id, recordOf({ meta: id }));
    for (const node of nodes) await node.ask('CONFIG', 'SET', 'cluster-require-full-coverage', 'no');
    await nodes[2]!.ask('SAVE');
    await nodes[2]!.kill();
    for (let i = 0; i < 30; i++) {
      const start = performance.now();
      const error = await errorOf(store.load(dead));
      expect(performance.now() - start).toBeLessThan(1_000);
      expect(error).not.toBeInstanceOf(StoreRefusedError);
      expect(await store.load(alive)).toMatchObject({ meta: alive });
    }
    await nodes[2]!.restart(clusterSettings);
    expect(await untilItWorks(() => store.load(dead), 8_000)).toBeLessThan(5_000);
    expect(await store.load(dead)).toMatchObject({ meta: dead });
  });

  it('CLUSTERDOWN: a Cluster with a hole answers errors, never absence', async () => {
    const store = open('session:');
    await store.open();
    const label = await labelOn(nodes[1]!, 'hole');
    await store.create(idOf(label), recordOf());
    for (const node of nodes) await node.ask('CONFIG', 'SET', 'cluster-require-full-coverage', 'yes');
    const slot = Number(
      await nodes[0]!.ask('CLUSTER', 'KEYSLOT', `session:${idOf(await labelOn(nodes[0]!, 'x'))}`),
    );
    await nodes[0]!.ask('CLUSTER', 'DELSLOTS', slot);
    const down = idOf(await labelOn(nodes[0]!, 'down'));
    await untilItWorks(
      async () => expect((await errorOf(store.load(down))).message).toContain('CLUSTERDOWN'),
      4_000,
    );
    expect((await errorOf(store.destroy(down, NOW))).message).toContain('CLUSTERDOWN');
    await nodes[0]!.ask('CLUSTER', 'ADDSLOTS', slot);
    await untilItWorks(() => store.ping(), 3_000);
    expect(await untilItWorks(() => store.load(idOf(label)), 5_000)).toBeLessThan(5_000);
  });

  it('all masters die: calls fail at once, nothing waits for them', async () => {
    const store = open('session:');
    await store.open();
    await Promise.all(nodes.map(node => node.kill()));
    await errorOf(untilItWorks(() => store.load(idOf('a')), 300));
    const start = performance.now();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 2_000 }, (_, i) => store.create(idOf(i), recordOf())),
    );
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    await Promise.all(nodes.map(node => node.restart(clusterSettings)));
    await untilItWorks(() => store.ping(), 10_000);
    for (let i = 0; i < 100; i++) {
      expect(
        await untilItWorks(async () => expect(await store.load(idOf(i))).toBeUndefined(), 5_000),
      ).toBeLessThan(5_000);
    }
  });

  it('a client for a single server is refused by a Cluster, with the remedy; and the other way round', async () => {
    const single = new RedisSessionStore({ url: nodes[0]!.url });
    const away = idOf(await labelOn(nodes[2]!, 'away'));
    const error = await errorOf(single.load(away));
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.message).toContain('give an ioredis Cluster as "client"');
    await single.close();

    const server = await RedisServer.start();
    const cluster = new Cluster([{ host: '127.0.0.1', port: server.port }], { lazyConnect: true });
    const wrong = new RedisSessionStore({ client: cluster });
    const refusal = await errorOf(wrong.open());
    expect(refusal).toBeInstanceOf(StoreRefusedError);
    expect(refusal.message).toContain('not part of a Cluster');
    cluster.disconnect();
    await wrong.close();
    await server.stop();
  });
});
