import type { Awaitable } from './session-store.js';

/**
 * Which sessions a user has. Kept beside the records, never in one transaction with them: entries may outlive their
 * record (it expired, it was destroyed) and the reader skips those.
 *
 * @publicApi
 */
export interface SessionIndex {
  /**
   * Notes that `id` belongs to `user` until `until` (ms since the epoch, the session's absolute limit). Repeated: the
   * later `until` stays. Clears away entries of this user whose `until` has passed at `now`, and no others.
   */
  add(user: string, id: string, until: number, now: number): Awaitable<void>;
  /** Whether the entry is still there. Asked after the record was created: `false` means a revoke came between. */
  confirm(user: string, id: string): Awaitable<boolean>;
  /** Removes these entries; those that are not there are fine. */
  remove(user: string, ids: readonly string[]): Awaitable<void>;
  /** The ids of this user whose `until` has not passed at `now`, in no order. Nobody's: an empty list. */
  list(user: string, now: number): Awaitable<readonly string[]>;
}

/** A store that can tell which sessions a user has. Without it `listByUser` and `revokeByUser` reject. @publicApi */
export interface IndexedSessionStore {
  readonly index: SessionIndex;
}

/** A store that collects expired records when asked. One whose backend does it by itself leaves this out. @publicApi */
export interface PrunableSessionStore {
  /** Removes records that are expired at `now`, in batches, and says how many. */
  prune(now: number): Awaitable<number>;
}

/** A store that can say whether its backend answers. @publicApi */
export interface PingableSessionStore {
  /** Resolves when the backend works for us; rejects with the cause when it does not. */
  ping(): Awaitable<void>;
}

/** A store that has something to set up, check or connect before the first request. @publicApi */
export interface OpenableSessionStore {
  /**
   * Called once at start-up. Gives back warnings for the log. Rejects with `StoreRefusedError` when the backend
   * answered and refuses us (that always stops start-up), with any other error when it does not answer (that stops
   * start-up only with `failFast`); in the second case the store must still come to life by itself later.
   */
  open(): Awaitable<readonly string[]>;
}

/** A store that holds something open. @publicApi */
export interface ClosableSessionStore {
  /** Releases what this store opened itself, timers included, and nothing it was given. Repeated calls are fine. */
  close(): Awaitable<void>;
}
