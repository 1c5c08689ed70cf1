import type { FileSessionStoreOptions } from '../stores/filesystem/filesystem.store.js';
import type { MemorySessionStoreOptions } from '../stores/memory/memory.store.js';
import type { MongoSessionStoreOptions } from '../stores/mongodb/mongo-session-store-options.interface.js';
import type { RedisSessionStoreOptions } from '../stores/redis/redis-session-store-options.interface.js';
import type { SessionStore } from '../store/session-store.js';

/** One entry of the registry: the store's options by name, and its class, loaded only when the type is used. */
interface StoreType<Options> {
  readonly optionNames: readonly (keyof Options & string)[];
  load(): Promise<new (options: Options) => SessionStore>;
}

/** What the options of each type look like. */
interface StoreOptionsByType {
  memory: Pick<MemorySessionStoreOptions, 'maxSessions'>;
  filesystem: Pick<FileSessionStoreOptions, 'directory' | 'durable'>;
  redis: Pick<RedisSessionStoreOptions, 'url' | 'connection' | 'client' | 'prefix' | 'waitReplicas'>;
  mongodb: MongoSessionStoreOptions;
}

/** The names that `type` takes. @publicApi */
export type SessionStoreType = keyof StoreOptionsByType;

/** `type`, with the options of that store beside it. @publicApi */
export type SessionStoreTypeOptions = {
  [Type in SessionStoreType]: { readonly type: Type; readonly store?: undefined } & StoreOptionsByType[Type];
}[SessionStoreType];

/** The stores that can be named by `type`. Each is a folder under `stores/`; this is the one place that lists them. */
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
