export type { RedisClient, RedisSessionStoreOptions } from './redis-options.interface.js';
export { RedisSessionStore } from './redis.store.js';
