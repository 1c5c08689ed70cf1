import type { SessionEvents } from '../events/session-events.js';
import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateResult,
} from './session-record.interface.js';
import type { AnySessionStore, SessionIndex } from './session-store-abilities.interface.js';
import { SessionStore, UNUSED_ID, type Awaitable, type DestroyOptions } from './session-store.js';
import { StoreCalls } from './store-calls.js';

/**
 * A store with a deadline. Every call answers within `storeTimeout`. Every fault becomes a `SessionStoreError` and an
 * event. While the backend does not answer, calls fail at once. Nest injects this class for `SessionStore`.
 */
export class GuardedStore extends SessionStore {
  /** The index of users, with the same deadline; `undefined` if the store has none. */
  readonly index: SessionIndex | undefined;
  readonly #calls: StoreCalls;

  constructor(
    readonly inner: AnySessionStore,
    timeoutMs: number,
    events: SessionEvents,
  ) {
    super();
    this.#calls = new StoreCalls(timeoutMs, events);
    this.index = inner.index && guardedIndex(inner.index, this.#calls);
  }

  load(id: string): Awaitable<SessionRecord | 'broken' | undefined> {
    return this.#calls.run('load', () => this.inner.load(id));
  }

  create(id: string, record: SessionRecord): Awaitable<boolean> {
    return this.#calls.run('create', () => this.inner.create(id, record));
  }

  update(id: string, update: SessionUpdate, now: number): Awaitable<UpdateResult> {
    return this.#calls.run('update', () => this.inner.update(id, update, now));
  }

  touch(id: string, moments: SessionMoments, now: number): Awaitable<boolean> {
    return this.#calls.run('touch', () => this.inner.touch(id, moments, now));
  }

  destroy(id: string, now: number, options?: DestroyOptions): Awaitable<SessionRecord | undefined> {
    return this.#calls.run('destroy', () => this.inner.destroy(id, now, options));
  }

  /** Resolves if the backend can be used. Otherwise rejects with the cause. */
  async ping(): Promise<void> {
    const { inner } = this;
    await this.#calls.run('ping', () => (inner.ping ? inner.ping() : probe(inner)));
  }

  /** Removes expired records and returns how many. No deadline applies: it may take long on a large store. */
  async prune(now: number): Promise<number> {
    try {
      return (await this.inner.prune?.(now)) ?? 0;
    } catch (error) {
      throw this.#calls.toStoreError('prune', error);
    }
  }
}

/** Makes the cheapest call that every store has to answer. */
async function probe(store: SessionStore): Promise<void> {
  await store.load(UNUSED_ID);
}

function guardedIndex(index: SessionIndex, calls: StoreCalls): SessionIndex {
  return {
    add: (user, id, until, now) => calls.run('index.add', () => index.add(user, id, until, now)),
    confirm: (user, id) => calls.run('index.confirm', () => index.confirm(user, id)),
    remove: (user, ids) => calls.run('index.remove', () => index.remove(user, ids)),
    list: (user, now) => calls.run('index.list', () => index.list(user, now)),
  };
}
