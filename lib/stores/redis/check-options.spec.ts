import { Cluster, Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import type { RedisSessionStoreOptions } from './redis-session-store-options.interface.js';
import { RedisSessionStore } from './redis.store.js';

const client = new Redis({ lazyConnect: true });
const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true });
afterAll(() => {
  client.disconnect();
  cluster.disconnect();
});

const good: RedisSessionStoreOptions[] = [
  {},
  { url: 'redis://localhost' },
  { url: 'rediss://user:p%40ss@host:6380/2' },
  { url: '/var/run/redis.sock', connection: { password: 'x' } },
  { connection: { sentinels: [{ host: 'a', port: 1 }], name: 'mymaster' } },
  { client },
  { client: cluster, prefix: '{app}:' },
  { client, waitReplicas: 1 },
];

const bad: [string, unknown][] = [
  ['client', { client, url: 'redis://localhost' }],
  ['client', { client, connection: {} }],
  ['client', { client: {} }],
  ['client', { client: null }],
  ['client', { client: 'redis://localhost' }],
  ['client', { client: { duplicate: () => ({}), connect: () => ({}), isOpen: true } }],
  ['url', { url: 'localhost:6379' }],
  ['url', { url: '' }],
  ['url', { url: 'http://localhost' }],
  ['url', { url: 'redis://:secret@host:99999' }],
  ['url', { url: 6379 }],
  ['connection', { connection: 'x' }],
  ['connection', { connection: null }],
  ['prefix', { prefix: '' }],
  ['prefix', { prefix: 1 }],
  ['waitReplicas', { waitReplicas: 0 }],
  ['waitReplicas', { waitReplicas: 1.5 }],
  ['waitReplicas', { waitReplicas: '1' }],
  ['waitReplicas', { client: cluster, waitReplicas: 1 }],
];

describe('the options of RedisSessionStore', () => {
  it.each(good.map(options => [Object.keys(options).join(' and ') || 'nothing', options] as const))(
    'may be %s',
    (_, options) => {
      expect(() => new RedisSessionStore(options)).not.toThrow();
    },
  );

  it.each(bad)('"%s" is refused with a reason in %o', (option, options) => {
    const make = () => new RedisSessionStore(options as RedisSessionStoreOptions);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`[session:redis] "${option}" `);
    expect(make).not.toThrow('secret');
  });
});
