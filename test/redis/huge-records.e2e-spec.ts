import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisSessionStore } from '../../lib/stores/redis/redis.store.js';
import { expectToBear, type Planter } from '../support/huge-records.js';
import { platforms } from '../support/platforms.js';
import { idOf } from '../support/redis-records.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';

const FIFTY_MB = 50 * 1024 ** 2;

describeWithRedis('a record of 50 MB in Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  const planter: Planter = {
    text: (id, length) => server.ask('HSET', `session:${id}`, 'd:big', JSON.stringify('x'.repeat(length))),
    meta: (id, length) => server.ask('HSET', `session:${id}`, 'm', 'x'.repeat(length)),
    holds: async (id, length) => (await server.ask('HSTRLEN', `session:${id}`, 'm')) === length,
  };

  it.each(platforms)(
    'costs its reading, and ends no process and no session, on $name',
    platform => expectToBear(FIFTY_MB, planter, platform, { type: 'redis', url: server.url }),
    60_000,
  );

  it('under our key, of another type than a hash, is not even read', async () => {
    const store = new RedisSessionStore({ url: server.url });
    await store.ping();
    await server.ask('SET', `session:${idOf('text')}`, 'x'.repeat(FIFTY_MB));
    const sent = async () =>
      Number(/total_net_output_bytes:(\d+)/.exec(String(await server.ask('INFO', 'stats')))?.[1]);
    const before = await sent();
    expect(await store.load(idOf('text'))).toBe('broken');
    expect((await sent()) - before).toBeLessThan(100_000);
    await store.close();
  });
});
