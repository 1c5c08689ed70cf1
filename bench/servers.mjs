// The servers of the stores: Redis at REDIS_URL, or a redis-server that the bench starts, and MongoDB at MONGODB_URI.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { MongoClient } from 'mongodb';

/**
 * @returns the addresses; `missing`, the missing servers by store and how to get them; `clear`, which removes the data
 *   of a contestant; and `stop`
 */
export async function startServers() {
  const redis = await startRedis();
  const { MONGODB_URI: mongodbUrl } = process.env;
  return {
    redisUrl: redis?.url,
    mongodbUrl,
    missing: {
      ...(!redis && { redis: 'left out: Redis. Put redis-server on the PATH, or set REDIS_URL.' }),
      ...(!mongodbUrl && { mongodb: 'left out: MongoDB. Set MONGODB_URI.' }),
    },
    /** Ends a Redis that the bench started. */
    async clear(name) {
      if (!mongodbUrl) return;
      const client = await MongoClient.connect(mongodbUrl);
      await client.db(name).dropDatabase();
      await client.close();
    },
    stop: async () => redis?.stop(),
  };
}

async function startRedis() {
  const { REDIS_URL } = process.env;
  if (REDIS_URL) return { url: REDIS_URL, async stop() {} };
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined;
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill());
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    if (String(chunk).includes('Ready to accept')) break;
  }
  child.stdout.resume();
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      child.kill();
      await once(child, 'exit');
    },
  };
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  await new Promise(resolve => probe.close(resolve));
  return port;
}
