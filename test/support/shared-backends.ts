import { describe } from 'vitest';
import { MemorySessionStore } from '../../lib/stores/memory/memory.store.js';
import { storeTypes, type SessionStoreType } from '../../lib/options/store-types.js';
import type { SessionModuleOptions } from '../../lib/index.js';
import { outsideBackends, type Backend } from './backends.js';
import { FaultyStore, type AnySessionStore } from '../../lib/testing/index.js';

/** Places that two applications can share: one store object given to both, and every place outside the process. */
export const sharedBackends: readonly Backend[] = [
  {
    name: 'one memory store given to both',
    describe,
    async place() {
      const store = new MemorySessionStore();
      return { options: { store }, dispose: async () => store.close() };
    },
  },
  ...outsideBackends,
];

export interface FaultyPlace {
  readonly options: SessionModuleOptions;
  readonly store: FaultyStore;
  dispose(): Promise<void>;
}

/** A new place on this backend whose store fails on demand. */
export async function faultyPlace(backend: Backend): Promise<FaultyPlace> {
  const place = await backend.place();
  const { type, ...storeOptions } = place.options as { type: SessionStoreType };
  const Store = (await storeTypes[type].load()) as new (options: object) => AnySessionStore;
  const inner = new Store(storeOptions);
  const store = new FaultyStore(inner);
  return {
    options: { store },
    store,
    async dispose() {
      await inner.close?.();
      await place.dispose();
    },
  };
}
