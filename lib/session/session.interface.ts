import type { SessionData } from './session-data.interface.js';

/** A Node callback: called with an error, or with nothing. */
export type SessionCallback = (error?: unknown) => void;

/** A value that is there, for a key that may be missing. */
type Present<Value> = Exclude<Value, undefined>;

/**
 * The value of a key of `T` when it is there, optional or not; `unknown` for a key that `T` does not name. TypeScript
 * leaves it unresolved when `T` or `Key` is a type parameter. So each method that takes a key has a signature for keys of
 * `T` first, which does without it, and the one for any key second.
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
 * What a session has besides its data. None of these names can be assigned; a data key of the same name is reached by
 * `get()` and `set()`.
 *
 * @publicApi
 */
export interface SessionMembers<T = SessionData> {
  /**
   * The public handle: what stores and events use, and what `Sessions.revoke` takes. It is a hash of the secret in the
   * cookie, so nobody can sign in with it. `undefined` until the session is stored.
   */
  readonly id: string | undefined;
  /** Whether this request came without a live session. */
  readonly isNew: boolean;
  /** When the session began. `undefined` until it is stored. Reading the times is no activity. */
  readonly createdAt: Date | undefined;
  /** When the session was last used before this request, as far as it was written down (see `touchInterval`). */
  readonly lastSeenAt: Date | undefined;
  /** When the session ends without further use: the earlier of the idle and the absolute limit. */
  readonly expiresAt: Date | undefined;
  /** The user that `login()` bound this session to. */
  readonly loggedInAs: string | undefined;
  /** When that was. */
  readonly loggedInAt: Date | undefined;

  /** The value of a key, or `undefined`. */
  get<Key extends keyof T & string>(key: Key): T[Key] | undefined;
  get<Key extends KeyOf<T>>(key: Key): ValueOf<T, Key> | undefined;
  /** Sets a key, also one that has the name of a member. `undefined` removes it. */
  set<Key extends keyof T & string>(key: Key, value: T[Key] | undefined): void;
  set<Key extends KeyOf<T>>(key: Key, value: ValueOf<T, Key> | undefined): void;
  /** Whether the key is there. */
  has(key: KeyOf<T>): boolean;
  /** Removes a key; `true` when it was there. */
  delete(key: KeyOf<T>): boolean;
  /** Removes all data keys. The id, the user and the flash messages stay. */
  clear(): void;

  /**
   * Changes one key atomically, across requests and processes: reads it, calls `change`, and writes the result only if
   * nobody wrote in between; otherwise it does that again with the newer value. An unsaved assignment of this request
   * counts as the current value. Creates the session when there is none.
   *
   * `change` gets its own copy each time, may run more than once, and may be async. Inside it the session must not be
   * updated, rotated or destroyed.
   *
   * @returns the value that was written; `undefined` removes the key
   * @throws SessionConflictError when others kept writing until `storeTimeout` was over; nothing was applied
   * @throws SessionClosedError `SESSION_ENDED` when the session was ended elsewhere
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
   * Reads and removes one key atomically: of any number of parallel calls one gets the value. For one-time tokens.
   *
   * @throws SessionConflictError and SessionClosedError as `update()`
   */
  take<Key extends keyof T & string>(key: Key): Promise<T[Key] | undefined>;
  take<Key extends KeyOf<T>>(key: Key): Promise<ValueOf<T, Key> | undefined>;

  /**
   * Leaves a message for a later request, typically the one after a redirect. Saved with the session.
   *
   * @throws SessionDataError at once, when the message cannot be stored
   */
  flash(category: string, message: unknown): void;
  /** Takes the messages, oldest first; each is given out once, whoever asks. */
  flashes(): Promise<FlashMessage[]>;
  /** Takes the messages of one category, oldest first. */
  flashes(category: string): Promise<unknown[]>;

  /**
   * Signs a user in: a new id, the old one dead before the answer, the session bound to the user and its absolute limit
   * started again. The data is carried over, or only the keys of `keep`, or nothing (`keep: false`); when somebody else
   * was signed in, nothing is.
   *
   * @throws SessionClosedError `SESSION_HEAD_SENT` once the response has begun; `SESSION_ENDED` when all sessions of the
   *   user were revoked in the same moment
   * @throws SessionStoreError
   * @example
   * ```ts
   * await session.login(user.id);
   * ```
   */
  login(userId: string, options?: { readonly keep?: boolean | readonly string[] }): Promise<void>;
  /**
   * A new id, the old one dead. The session is **empty and unbound** afterwards, unless `keep` is `true` or names keys;
   * then user, creation and limits stay too. For a visitor without a session it creates none.
   *
   * With a callback it replaces `request.session` by a new object and leaves this one readable, as Passport expects.
   *
   * @throws SessionClosedError `SESSION_HEAD_SENT` once the response has begun; with `keep`, `SESSION_ENDED` when the
   *   session was ended elsewhere
   */
  regenerate(options?: { readonly keep?: boolean | readonly string[] }): Promise<void>;
  regenerate(callback: SessionCallback): void;
  regenerate(options: { readonly keep?: boolean | readonly string[] }, callback: SessionCallback): void;
  /**
   * Ends the session: when the promise resolves the record is deleted, nothing brings it back, and the answer clears
   * the cookie. This object is an empty session then.
   *
   * @throws SessionStoreError when the store did not confirm it: the session may still be alive
   */
  destroy(): Promise<void>;
  destroy(callback: SessionCallback): void;
  /**
   * Writes the changes now instead of when the response begins; for streams and long work. Without changes it does
   * nothing.
   *
   * @throws SessionClosedError `SESSION_ENDED` when the session was ended elsewhere; `SESSION_HEAD_SENT` when there is
   *   no session yet and the response has begun
   * @throws SessionDataError
   */
  save(): Promise<void>;
  save(callback: SessionCallback): void;
  /** Reads the session again; unsaved changes are dropped. @throws SessionClosedError `SESSION_ENDED` */
  reload(): Promise<void>;
  reload(callback: SessionCallback): void;
  /** Writes down activity now, whatever `touchInterval` says. @throws SessionClosedError `SESSION_ENDED` */
  touch(): Promise<void>;
}

/**
 * The data of a session as plain optional properties, without its members. A session can be assigned to it. Code that
 * is generic in the key uses it where `get()` and `set()` will not do: TypeScript cannot resolve `session[key]` then.
 *
 * @typeParam T - the keys of the session; those with the name of a member are left out
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
