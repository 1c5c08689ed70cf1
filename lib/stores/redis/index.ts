export type { RedisClientLike, RedisSessionStoreOptions } from './redis-session-store-options.interface.js';
export { RedisSessionStore } from './redis.store.js';
