import type { Awaitable, SessionStore } from './session-store.js';

/**
 * The sessions of each user. The index is written separately from the records, never in one transaction with them. So
 * an entry may outlive its record, which has expired or was destroyed. The reader of the index skips such entries.
 *
 * @publicApi
 */
export interface SessionIndex {
  /**
   * Notes that the session `id` belongs to `user` until `until`, the session's absolute limit in milliseconds since the
   * epoch. If the entry exists, the later `until` is kept. The call also removes entries of this user whose `until` has
   * passed at `now`, and no others.
   */
  add(user: string, id: string, until: number, now: number): Awaitable<void>;
  /**
   * Whether the entry still exists. A login asks this after it has created its record: `false` means that the sessions
   * of the user were revoked in between.
   */
  confirm(user: string, id: string): Awaitable<boolean>;
  /** Removes these entries. An entry that does not exist is not an error. */
  remove(user: string, ids: readonly string[]): Awaitable<void>;
  /** The ids of this user whose `until` has not passed at `now`, in any order. An unknown user has an empty list. */
  list(user: string, now: number): Awaitable<readonly string[]>;
}

/** A store that can list the sessions of a user. Without it `listByUser` and `revokeByUser` reject. @publicApi */
export interface IndexedSessionStore {
  readonly index: SessionIndex;
}

/** A store that removes expired records on request. A store whose backend removes them itself omits this. @publicApi */
export interface PrunableSessionStore {
  /** Removes the records that are expired at `now`, in batches, and returns how many. */
  prune(now: number): Awaitable<number>;
}

/** A store that can test whether its backend answers. @publicApi */
export interface PingableSessionStore {
  /** Resolves if the backend can be used. Otherwise rejects with the cause. */
  ping(): Awaitable<void>;
}

/** A store that has to set up, check or connect something before the first request. @publicApi */
export interface OpenableSessionStore {
  /**
   * Called once at start-up.
   *
   * If the backend answers and refuses, reject with `StoreRefusedError`: the application then never starts. If the
   * backend does not answer, reject with any other error: the application then stops only with `failFast: true`.
   * Without `failFast` it starts, so the store must connect by itself as soon as the backend is back.
   *
   * @returns warnings for the log
   */
  open(): Awaitable<readonly string[]>;
}

/** A store that holds connections, timers or other resources. @publicApi */
export interface ClosableSessionStore {
  /**
   * Releases what the store opened itself, timers included, and nothing that it was given. May be called repeatedly.
   */
  close(): Awaitable<void>;
}

/** A store with any of the optional abilities. @publicApi */
export type AnySessionStore = SessionStore &
  Partial<
    IndexedSessionStore &
      PrunableSessionStore &
      PingableSessionStore &
      OpenableSessionStore &
      ClosableSessionStore
  >;
