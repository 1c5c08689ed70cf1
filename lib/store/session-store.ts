import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateResult,
} from './session-record.interface.js';

/**
 * A value, or a promise of it. If a store can answer without waiting, it should return the value itself: the request
 * then waits for nothing.
 *
 * @publicApi
 */
export type Awaitable<T> = T | Promise<T>;

/**
 * The place where sessions are kept. This class is the whole contract between the module and a store. It is also the
 * injection token of the store that the module uses. What Nest injects for it is a wrapper that adds a deadline to
 * every call and reports failures to `Sessions.events$`.
 *
 * There are five methods: `load`, `create`, `update`, `touch` and `destroy`. Each of them must be **one atomic step**
 * in the backend, for all processes that share the backend. Their descriptions use these words:
 *
 * - An **id** is a string of 64 lower-case hex digits: the hash of the secret in the cookie. `create` throws a
 *   `TypeError` for any other string. The other four methods answer as for an unknown id, without a call to the
 *   backend.
 * - A record is **present** if the backend holds it and `now < expiresAt`. An expired record counts as absent for
 *   `update`, `touch` and `destroy`, even if its bytes are still in the backend.
 * - A record is **broken** if the backend holds something under the id that the store cannot read as a record. `load`
 *   answers `'broken'` and `create` answers `false`. For `update`, `touch` and `destroy` it counts as absent. A store
 *   never removes it.
 * - **Gone means gone**: only `create` makes a record. An `update` or a `touch` that arrives after the record has ended
 *   finds nothing and writes nothing.
 * - A **fault** is a lost connection, a full disk, a missing permission and the like. The method then rejects with any
 *   `Error`, or with `StoreRefusedError` if the backend answered and refused. An absent record is never a fault, and a
 *   fault is never reported as an absent record.
 *
 * A store knows nothing of HTTP, of cookies or of Nest, and remembers nothing about a session between two calls.
 *
 * @example
 * ```ts
 * SessionModule.forRoot({ store: new MySessionStore() });
 * ```
 *
 * @publicApi
 */
export abstract class SessionStore {
  /**
   * Reads a record, **expired or not**. The caller decides about expired ones, so that it can tell an expired session
   * from an unknown id. `load` writes nothing and moves no moment.
   *
   * @returns the record; `undefined` if there is none, or if the id was rotated away; `'broken'` if it cannot be read
   */
  abstract load(id: string): Awaitable<SessionRecord | 'broken' | undefined>;

  /**
   * Inserts a record under an unused id. Of two concurrent calls with the same id, one succeeds.
   *
   * @returns `true` if the record was inserted; `false` if the backend holds anything under this id (expired and broken
   * records included), in which case nothing is changed
   * @throws TypeError if `id` is not an id
   */
  abstract create(id: string, record: SessionRecord): Awaitable<boolean>;

  /**
   * Writes the fields that `update` names, and no others, if the record is present. Concurrent updates of different
   * fields must all be kept. Of two updates that set the same field, the later one is kept.
   *
   * If `update.expect` is given, the store compares it with the stored fields first, in the same atomic step. If one
   * expectation does not hold, the store writes nothing and moves no moment.
   *
   * Both moments only move forward: each stored moment becomes the later of the stored and the given value.
   *
   * @returns `'done'` if it was written; `'gone'` if the record is not present, whatever was expected; otherwise the
   * current texts of **all** expected fields, also of those that held
   */
  abstract update(id: string, update: SessionUpdate, now: number): Awaitable<UpdateResult>;

  /**
   * Moves the two moments of a present record forward, never back. It never writes data, so it works on a backend that
   * is full, and it cannot undo a concurrent `update`.
   *
   * @returns `true` if the record is present, also if no moment had to be moved; `false` if it is not
   */
  abstract touch(id: string, moments: SessionMoments, now: number): Awaitable<boolean>;

  /**
   * Ends a present record. Of several concurrent calls, exactly one ends it.
   *
   * With `options.successor` the call is a rotation. The store then leaves a mark under the old id, which lasts for one
   * minute from `now`, however long the ended record had to live:
   *
   * - For `load`, `update` and `touch` the old id is absent.
   * - A `destroy` without `successor` follows the mark and ends the successor instead. If the successor was rotated
   *   away too, it follows that mark as well, and so on. Each mark has its own minute. If the marks form a circle,
   *   nothing is ended.
   * - A `destroy` with `successor` never follows a mark. If it ends no record, it leaves no mark.
   *
   * @returns the record that **this call** ended, with the data that it held at that instant; `undefined` if this call
   * ended nothing, because the record was absent, expired, broken or ended by another call
   */
  abstract destroy(id: string, now: number, options?: DestroyOptions): Awaitable<SessionRecord | undefined>;
}

/** @publicApi */
export interface DestroyOptions {
  /** The id of the session that replaces this one. */
  readonly successor?: string;
}

/** How long a rotated-away id leads a `destroy` to its successor, in milliseconds. */
export const SUCCESSOR_MARK_MS = 60_000;

/**
 * How long a backend that removes expired records itself keeps them beyond `expiresAt`, in milliseconds. A backend
 * whose clock is ahead by less ends no session early, and an expired session can be told from one that never existed.
 */
export const EXPIRED_KEPT_MS = 60_000;

/** An id that no session has: for a call that only tests whether the backend answers. */
export const UNUSED_ID = '0'.repeat(64);

/** Whether a text has the form of an id. A store answers "absent" to any other text, without asking its backend. */
export function isSessionId(id: string): boolean {
  return /^[0-9a-f]{64}$/.test(id);
}

/**
 * The check of `create`, which cannot answer "absent".
 *
 * @throws TypeError when the text does not have the form of an id. The message does not contain it.
 */
export function assertSessionId(id: string): void {
  if (!isSessionId(id))
    throw new TypeError('[session] invalid session id: expected 64 lower-case hex digits');
}
