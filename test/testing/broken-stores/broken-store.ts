import type { SessionStoreHarness } from '../../../lib/testing/index.js';
import { Backend, type ReferenceStore } from './reference.store.js';

/** A store with one defect. */
export interface BrokenStore {
  readonly defect: string;
  readonly Store: new (backend: Backend, prefix?: string) => ReferenceStore;
  /** The cases of the kit that fail because of it. */
  readonly breaks: readonly string[];
  /** What the harness of this store says otherwise. */
  readonly harness?: Partial<SessionStoreHarness<ReferenceStore>>;
}

export function harnessOf({
  Store,
  harness,
}: Pick<BrokenStore, 'Store' | 'harness'>): SessionStoreHarness<ReferenceStore> {
  return {
    create: () => new Store(new Backend()),
    peer: ({ backend }) => new Store(backend),
    stranger: ({ backend }) => new Store(backend, 'second:'),
    damage: ({ backend, prefix }, id) => backend.cells.set(prefix + id, '{"expiresAt":'),
    outage({ backend }) {
      backend.state = 'down';
      return () => (backend.state = 'up');
    },
    full({ backend }) {
      backend.state = 'full';
      return () => (backend.state = 'up');
    },
    refused: () => {
      const backend = new Backend();
      backend.state = 'refusing';
      return new Store(backend);
    },
    abilities: ['index', 'prune', 'ping', 'open', 'close'],
    ...harness,
  };
}
