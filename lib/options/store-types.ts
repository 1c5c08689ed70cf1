import type { FileSessionStoreOptions } from '../stores/filesystem/filesystem.store.js';
import type { MemorySessionStoreOptions } from '../stores/memory/memory.store.js';
import type { MongoSessionStoreOptions } from '../stores/mongodb/mongodb-session-store-options.interface.js';
import type { RedisSessionStoreOptions } from '../stores/redis/redis-session-store-options.interface.js';
import type { SessionStore } from '../store/session-store.js';

/** One entry of the registry: the names of the store's options, and its class, which is loaded only if it is used. */
interface StoreType<Options> {
  readonly optionNames: readonly (keyof Options & string)[];
  load(): Promise<new (options: Options) => SessionStore>;
}

/** The options of each type. */
interface StoreOptionsByType {
  memory: Pick<MemorySessionStoreOptions, 'maxSessions'>;
  filesystem: Pick<FileSessionStoreOptions, 'directory' | 'durable'>;
  redis: Pick<RedisSessionStoreOptions, 'url' | 'connection' | 'client' | 'prefix' | 'waitReplicas'>;
  mongodb: MongoSessionStoreOptions;
}

/** The values of the option `type`. @publicApi */
export type SessionStoreType = keyof StoreOptionsByType;

/** The option `type` together with the options of that store. @publicApi */
export type SessionStoreTypeOptions = {
  [Type in SessionStoreType]: { readonly type: Type; readonly store?: undefined } & StoreOptionsByType[Type];
}[SessionStoreType];

/** The stores that `type` can name. Each is a folder under `stores/`. No other file lists them. */
export const storeTypes: { readonly [Type in SessionStoreType]: StoreType<StoreOptionsByType[Type]> } = {
  memory: {
    optionNames: ['maxSessions'],
    load: async () => (await import('../stores/memory/index.js')).MemorySessionStore,
  },
  filesystem: {
    optionNames: ['directory', 'durable'],
    load: async () => (await import('../stores/filesystem/index.js')).FileSessionStore,
  },
  redis: {
    optionNames: ['url', 'connection', 'client', 'prefix', 'waitReplicas'],
    load: async () => (await import('../stores/redis/index.js')).RedisSessionStore,
  },
  mongodb: {
    optionNames: ['url', 'client', 'database', 'collection'],
    load: async () => (await import('../stores/mongodb/index.js')).MongoSessionStore,
  },
};
