import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateResult,
} from './session-record.interface.js';

/**
 * A value, or a promise of it. A store that can answer at once should: the request then waits for nothing.
 *
 * @publicApi
 */
export type Awaitable<T> = T | Promise<T>;

/**
 * Where sessions are kept. This is the whole contract between the lifecycle and a store, and the injection token of
 * the store that the module uses (what is injected is guarded by the deadline and reports to `Sessions.events$`).
 *
 * The five verbs are each **one atomic step** in the backend, across all processes that share it. Five words decide:
 *
 * - An **id** is 64 lower-case hex digits, the hash of the secret in the cookie. A store may rely on that shape and
 *   must answer "absent" to any other string, without touching the backend.
 * - **present** means: there, and `now < expiresAt`. A record whose time has come is absent for `update`, `touch` and
 *   `destroy`, even while its bytes are still around.
 * - **broken** means: there is something, but it is not a record of ours. It is absent for every verb but `load`,
 *   which says `'broken'`, and `create`, which says `false`. A store never removes it.
 * - **gone means gone**: nothing but `create` brings a record into being. An `update` or a `touch` that comes late
 *   finds nothing and leaves nothing.
 * - A **fault** (no connection, full disk, no permission) rejects with any `Error`. Absence is never a fault, and a
 *   fault is never reported as absence. Throw `StoreRefusedError` when the backend answered and refuses us.
 *
 * Stores know nothing of HTTP, of cookies or of Nest, and keep no state of a session between two calls.
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
   * Reads a record, **expired or not**: the caller judges, so that an expiry can be told from an unknown id.
   *
   * Missing → `undefined`. Unreadable → `'broken'`. A rotated-away id → `undefined`. Creates nothing, moves nothing.
   */
  abstract load(id: string): Awaitable<SessionRecord | 'broken' | undefined>;

  /**
   * Inserts a record under an id that nobody has. `false`: the id is taken (by anything that is there, expired and
   * broken records included), nothing was changed. Of two concurrent calls one wins. Rejects with a `TypeError` when
   * `id` is not an id.
   */
  abstract create(id: string, record: SessionRecord): Awaitable<boolean>;

  /**
   * Writes the named fields of a present record, and only those: concurrent updates of different fields all stay, of
   * two that set the same field the later stays. With `expect`, writes nothing unless every expectation holds, and
   * answers with the texts that these fields hold.
   *
   * Both moments move forward only: the stored `expiresAt` and `lastSeenAt` become the later of the two values.
   * `'gone'` when the record is not present, whatever was expected. Never creates. A mismatch names all expected
   * fields, those that held included.
   */
  abstract update(id: string, update: SessionUpdate, now: number): Awaitable<UpdateResult>;

  /**
   * Moves the two moments of a present record forward, never back, and never rewrites data (so it works on a full
   * backend and beside any `update`). `false` when the record is not present.
   */
  abstract touch(id: string, moments: SessionMoments, now: number): Awaitable<boolean>;

  /**
   * Ends a present record and gives back what **this very call** ended, with the data it held at that instant; of
   * several concurrent calls exactly one gets it. Absent, expired, broken, repeated → `undefined`.
   *
   * With `successor` (a rotation) it leaves, for a minute, a mark that is absent for every verb, and that a `destroy`
   * without `successor` follows: ending a rotated-away id ends its successor, and the successor's own, and gives that
   * record back. A `destroy` with `successor` never follows a mark, and leaves none when it ended nothing. A mark ends
   * a minute after the `now` it was made at, however long the ended record had to live; each hop of a chain has its own
   * minute, and a circle leads nowhere.
   */
  abstract destroy(id: string, now: number, options?: DestroyOptions): Awaitable<SessionRecord | undefined>;
}

/** @publicApi */
export interface DestroyOptions {
  /** The id that replaces this one. */
  readonly successor?: string;
}

/** How long a rotated-away id leads a `destroy` to its successor, in milliseconds. */
export const SUCCESSOR_MARK_MS = 60_000;

/**
 * How long a backend that removes expired records itself keeps them beyond `expiresAt`, in milliseconds. A backend whose
 * clock is ahead by less ends no session early, and an expired session can be told from one that never existed.
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
