import type { SessionData } from './session-data.interface.js';

/** A Node callback. It is called with an error, or without arguments. */
export type SessionCallback = (error?: unknown) => void;

/** The value of a key that exists. */
type Present<Value> = Exclude<Value, undefined>;

/**
 * The value of an existing key of `T`; `unknown` for a key that `T` does not name. TypeScript cannot resolve this type
 * when `T` or `Key` is a type parameter. So each method that takes a key has two signatures: the first is for keys of
 * `T` and does not use this type, the second is for any key.
 */
type ValueOf<T, Key extends string> = Key extends keyof T ? Present<T[Key]> : unknown;

/** The names of the data keys, with any other string allowed. */
type KeyOf<T> = (keyof T & string) | (string & {});

/** One message of `flashes()`. @publicApi */
export interface FlashMessage {
  readonly category: string;
  readonly message: unknown;
}

/**
 * The members that a session has in addition to its data. Their names cannot be assigned. If a data key has the same
 * name as a member, use `get()` and `set()`.
 *
 * @publicApi
 */
export interface SessionMembers<T = SessionData> {
  /**
   * The public handle of the session: stores and events use it, and `Sessions.revoke` takes it. It is a hash of the
   * secret in the cookie, so it is useless as a cookie. `undefined` until the session is stored.
   */
  readonly id: string | undefined;
  /** Whether this request came without a live session. */
  readonly isNew: boolean;
  /** When the session began. `undefined` until it is stored. Reading the times does not count as activity. */
  readonly createdAt: Date | undefined;
  /** When the session was last used before this request, to the accuracy of `touchInterval`. */
  readonly lastSeenAt: Date | undefined;
  /** When the session ends without further use: the earlier of the idle and the absolute limit. */
  readonly expiresAt: Date | undefined;
  /** The user that `login()` bound this session to. */
  readonly loggedInAs: string | undefined;
  /** When `login()` bound this session to its user. */
  readonly loggedInAt: Date | undefined;

  /** The value of a key, or `undefined`. */
  get<Key extends keyof T & string>(key: Key): T[Key] | undefined;
  get<Key extends KeyOf<T>>(key: Key): ValueOf<T, Key> | undefined;
  /** Sets a key, which may have the name of a member. `undefined` removes the key. */
  set<Key extends keyof T & string>(key: Key, value: T[Key] | undefined): void;
  set<Key extends KeyOf<T>>(key: Key, value: ValueOf<T, Key> | undefined): void;
  /** Whether the session has the key. */
  has(key: KeyOf<T>): boolean;
  /** Removes a key. Returns whether the session had it. */
  delete(key: KeyOf<T>): boolean;
  /** Removes all data keys. The id, the user and the flash messages stay. */
  clear(): void;

  /**
   * Changes one key atomically, across requests and processes: reads the key, calls `change`, and writes the result. If
   * another request wrote the key in between, reads and calls again. An unsaved assignment of this request counts as
   * the current value. Creates the session if there is none.
   *
   * `change` may run more than once, may be async, and gets its own copy of the value each time. It must return the new
   * value. Inside `change`, the session must not be updated, rotated or destroyed.
   *
   * @returns the value that was written; `undefined` if the key had no value and `change` returned none
   * @throws SessionUsageError when `change` returns `undefined` for a key that has a value; `delete()` and `take()`
   *   remove keys
   * @throws SessionConflictError when other requests kept writing the key until `storeTimeout` was over; nothing was
   *   applied
   * @throws SessionClosedError `SESSION_ENDED` when another request ended the session
   * @throws SessionDataError when the result cannot be stored
   * @example
   * ```ts
   * await session.update('visits', (visits = 0) => visits + 1);
   * ```
   */
  update<Key extends keyof T & string>(
    key: Key,
    change: (value: T[Key] | undefined) => Present<T[Key]> | Promise<Present<T[Key]>>,
  ): Promise<Present<T[Key]>>;
  update<Key extends keyof T & string>(
    key: Key,
    change: (value: T[Key] | undefined) => T[Key] | undefined | Promise<T[Key] | undefined>,
  ): Promise<T[Key] | undefined>;
  update<Key extends KeyOf<T>>(
    key: Key,
    change: (
      value: ValueOf<T, Key> | undefined,
    ) => ValueOf<T, Key> | undefined | Promise<ValueOf<T, Key> | undefined>,
  ): Promise<ValueOf<T, Key> | undefined>;
  /**
   * Reads and removes one key atomically. Of any number of parallel calls, one gets the value: for one-time tokens.
   *
   * @throws SessionConflictError when other requests kept writing the key until `storeTimeout` was over; nothing was
   *   applied
   * @throws SessionClosedError `SESSION_ENDED` when another request ended the session
   */
  take<Key extends keyof T & string>(key: Key): Promise<T[Key] | undefined>;
  take<Key extends KeyOf<T>>(key: Key): Promise<ValueOf<T, Key> | undefined>;

  /**
   * Leaves a message for a later request, typically the one after a redirect. The message is saved with the session.
   *
   * @throws SessionDataError when the message cannot be stored
   */
  flash(category: string, message: unknown): void;
  /** Takes all messages, oldest first. Each message is given out once, even to parallel requests. */
  flashes(): Promise<FlashMessage[]>;
  /** Takes the messages of one category, oldest first. */
  flashes(category: string): Promise<unknown[]>;

  /**
   * Signs a user in. The session gets a new id, and the old id is dead before the answer is sent. The session is bound
   * to the user, and its absolute limit starts again. All data is carried over; with `keep`, only those keys, or none
   * (`keep: false`). If another user was signed in, no data is carried over.
   *
   * @param userId at most 1 024 bytes of UTF-8, and not empty
   * @throws TypeError when `userId` is not a string, is empty or is too long
   * @throws SessionClosedError `SESSION_HEAD_SENT` when the response has begun; `SESSION_ENDED` when all sessions of
   *   the user were revoked at the same time
   * @throws SessionStoreError when the store failed
   * @example
   * ```ts
   * await session.login(user.id);
   * ```
   */
  login(userId: string, options?: { readonly keep?: boolean | readonly string[] }): Promise<void>;
  /**
   * Gives the session a new id; the old id is dead before the answer is sent. Afterwards the session is **empty and
   * bound to no user**. If `keep` is `true` or names keys, that data, the user, the creation and the limits stay. A
   * visitor without a session gets none.
   *
   * With a callback, a new object takes the place of `request.session`, and this one stays readable. Passport expects
   * that.
   *
   * @throws SessionClosedError `SESSION_HEAD_SENT` when the response has begun; with `keep`, `SESSION_ENDED` when
   *   another request ended the session
   */
  regenerate(options?: { readonly keep?: boolean | readonly string[] }): Promise<void>;
  regenerate(callback: SessionCallback): void;
  regenerate(options: { readonly keep?: boolean | readonly string[] }, callback: SessionCallback): void;
  /**
   * Ends the session. When the promise resolves, the record is deleted, no request brings it back, and the answer
   * clears the cookie. This object is then an empty session.
   *
   * @throws SessionStoreError when the store did not confirm the deletion; the session may still be alive
   */
  destroy(): Promise<void>;
  destroy(callback: SessionCallback): void;
  /**
   * Writes the changes now instead of when the response begins: for streams and long work. Does nothing if there are no
   * changes.
   *
   * @throws SessionClosedError `SESSION_ENDED` when another request ended the session; `SESSION_HEAD_SENT` when the
   *   session has to be created and the response has begun
   * @throws SessionDataError when a value cannot be stored
   */
  save(): Promise<void>;
  save(callback: SessionCallback): void;
  /** Reads the session again and drops unsaved changes. @throws SessionClosedError `SESSION_ENDED` */
  reload(): Promise<void>;
  reload(callback: SessionCallback): void;
  /** Records activity now, without regard to `touchInterval`. @throws SessionClosedError `SESSION_ENDED` */
  touch(): Promise<void>;
}

/**
 * The data of a session as plain optional properties, without its members. A session can be assigned to this type. Use
 * it in code that is generic in the key: there TypeScript cannot resolve `session[key]`.
 *
 * @typeParam T - the keys of the session; keys with the name of a member are left out
 * @example
 * ```ts
 * function swap<T, Key extends keyof SessionValues<T>>(session: Session<T>, key: Key, value: SessionValues<T>[Key]) {
 *   const values: SessionValues<T> = session;
 *   const before = values[key];
 *   values[key] = value;
 *   return before;
 * }
 * ```
 *
 * @publicApi
 */
export type SessionValues<T = SessionData> = Partial<Omit<T, keyof SessionMembers>>;

/** A session: `T` as plain optional properties, and the members, whose names win over keys of `T`. @publicApi */
export type SessionOf<T = SessionData> = SessionValues<T> & SessionMembers<T>;
