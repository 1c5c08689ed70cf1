import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { anyRedisUrl, describeWithAnyRedis } from '../../../test/support/redis-servers.js';
import { sessionStoreCases } from '../../../test/support/session-store.cases.js';
import { RedisSessionStore } from './redis.store.js';

let url: string;
beforeAll(async () => void (url = await anyRedisUrl()));

describeWithAnyRedis('RedisSessionStore', () => {
  let places = 0;
  const nextPrefix = () => `test:${process.pid}:${places++}:`;
  const prefixes = new WeakMap<object, string>();
  const open = (prefix: string): RedisSessionStore => {
    const store = new RedisSessionStore({ url, prefix });
    prefixes.set(store, prefix);
    return store;
  };
  const cases = sessionStoreCases<RedisSessionStore>({
    create: () => open(nextPrefix()),
    peer: store => open(prefixes.get(store) ?? ''),
    stranger: () => open(nextPrefix()),
    dispose: store => store.close(),
  });
  for (const test of cases) it(test.name, () => test.run());
});
void Redis; void expect; void afterAll;
