import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RedisSessionStore } from '../../lib/stores/redis/redis.store.js';
import { errorOf, idOf, NOW, recordOf, untilItWorks, updateOf } from '../support/redis-records.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';
import { SessionTraffic } from '../support/session-traffic.js';

describeWithRedis('RedisSessionStore behind Sentinels', () => {
  let servers: [RedisServer, RedisServer];
  let sentinels: RedisServer[];
  let client: Redis;
  let store: RedisSessionStore;

  beforeEach(async () => {
    const first = await RedisServer.start(['--repl-diskless-sync-delay', '0']);
    const second = await first.startReplica();
    servers = [first, second];
    sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(first)));
    await untilItWorks(() => Promise.all(sentinels.map(knowsTheOthers)), 15_000);
    client = new Redis({
      sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
      name: 'mymaster',
      lazyConnect: true,
    });
    store = new RedisSessionStore({ client });
    await store.open();
  });
  afterEach(async () => {
    await store.close();
    client.disconnect();
    await Promise.all([...sentinels, ...servers].map(server => server.stop()));
  });

  it("a failover under load: back within five seconds, no user gets another user's session, nothing breaks", async () => {
    const traffic = await SessionTraffic.start(store, 40);
    await wait(300);
    await sentinels[0]!.ask('SENTINEL', 'FAILOVER', 'mymaster');
    await untilItWorks(async () => expect(await roleOf(servers[1])).toBe('master'), 10_000);
    // The old master still accepts writes for a while. The store must not send its writes there.
    expect(
      await untilItWorks(async () => {
        await store.update(idOf('user 0'), updateOf({ set: { 'd:where': 'here' } }), NOW);
        expect(await servers[1].ask('HGET', `session:${idOf('user 0')}`, 'd:where')).toBe('here');
      }, 10_000),
    ).toBeLessThan(5_000);
    expect(await roleOf(servers[0])).toBe('master');
    await wait(500);
    await traffic.stop();

    expect(traffic.seen).toMatchObject({ absent: 0, broken: 0, foreign: 0 });
    expect(traffic.seen.own).toBeGreaterThan(1_000);
    expect(traffic.longestOutage).toBeLessThan(5_000);
    for (const id of traffic.ids) {
      expect(await store.load(id)).toEqual(await onlyTheirs(servers[1], id));
    }
  });

  it('a master that freezes is left behind: its sessions are found on the new one', async () => {
    await store.create(idOf('a'), recordOf());
    await untilItWorks(
      async () => expect(await servers[1].ask('EXISTS', `session:${idOf('a')}`)).toBe(1),
      2_000,
    );
    servers[0].freeze();
    await untilItWorks(async () => expect(await roleOf(servers[1])).toBe('master'), 10_000);
    // Until then calls reject. Here the driver's socket timeout ends them; in an application the deadline would.
    expect(await untilItWorks(() => store.load(idOf('a')), 10_000)).toBeLessThan(5_000);
    expect(await store.destroy(idOf('a'), NOW)).toEqual(recordOf());
    servers[0].thaw();
  });

  it('closing leaves no connection open, to the master or to a Sentinel', async () => {
    await store.create(idOf('a'), recordOf());
    const all = [...sentinels, servers[0]];
    const ours = async (): Promise<string[]> => (await Promise.all(all.map(clientsOf))).flat();
    expect((await ours()).length).toBeGreaterThan(1);
    await store.close();
    await expect.poll(ours).toEqual([]);
  });

  it('while no Sentinel can be found and there is no connection, calls fail at once; they work when a Sentinel is back', async () => {
    await Promise.all([...sentinels, servers[0]].map(server => server.kill()));
    await errorOf(untilItWorks(() => store.ping(), 100));
    const error = await errorOf(store.load(idOf('a')));
    expect(error.message).toMatch(/^\[session:redis\] /);
    await servers[0].restart();
    await sentinels[0]!.restart([join(sentinels[0]!.folder, 'sentinel.conf'), '--sentinel']);
    expect(await untilItWorks(() => store.ping(), 5_000)).toBeLessThan(3_000);
  });
});

async function startSentinel(master: RedisServer): Promise<RedisServer> {
  const config = [
    `sentinel monitor mymaster 127.0.0.1 ${master.port} 2`,
    'sentinel down-after-milliseconds mymaster 1000',
    'sentinel failover-timeout mymaster 3000',
  ];
  return RedisServer.start(async folder => {
    const file = join(folder, 'sentinel.conf');
    await writeFile(file, config.join('\n'));
    return [file, '--sentinel'];
  });
}

async function knowsTheOthers(sentinel: RedisServer): Promise<void> {
  const [info] = (await sentinel.ask('SENTINEL', 'MASTERS')) as string[][];
  const facts = new Map(pairs(info ?? []));
  if (facts.get('num-slaves') === '1' && facts.get('num-other-sentinels') === '2') return;
  throw new Error('the Sentinels have not found each other yet');
}

/** The connections of the store. Those of `ask` and of other Sentinels have names. */
async function clientsOf(server: RedisServer): Promise<string[]> {
  const list = String(await server.ask('CLIENT', 'LIST', 'TYPE', 'normal'));
  const pubsub = String(await server.ask('CLIENT', 'LIST', 'TYPE', 'pubsub'));
  return `${list}\n${pubsub}`.split('\n').filter(line => / name= /.test(line));
}

/** The record on the server, read without the store. */
async function onlyTheirs(server: RedisServer, id: string): Promise<unknown> {
  const { e, s, m, ...data } = Object.fromEntries(
    pairs((await server.ask('HGETALL', `session:${id}`)) as string[]),
  );
  expect(m).toBe(id);
  return { expiresAt: Number(e), lastSeenAt: Number(s), meta: m, data };
}

async function roleOf(server: RedisServer): Promise<unknown> {
  return ((await server.ask('ROLE')) as unknown[])[0];
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
}
