/**
 * What a store holds for one session. All moments are milliseconds since the epoch.
 *
 * Apart from the two moments a record is opaque to the store: it keeps the texts unchanged and never interprets them.
 *
 * @publicApi
 */
export interface SessionRecord {
  /** When the session ends: the earlier of its idle limit and its absolute limit. */
  readonly expiresAt: number;
  /** The last use of the session that was written down. Use within one `touchInterval` is not written again. */
  readonly lastSeenAt: number;
  /** An opaque text with the facts that never change: creation, absolute limit, user. Only `create` writes it. */
  readonly meta: string;
  /**
   * One encoded text per field. The name of a field is `d:` followed by a data key, or `f:` followed by the key of a
   * flash message. A key may be any string: empty, `__proto__`, with dots, `$` or line breaks.
   */
  readonly data: Readonly<Record<string, string>>;
}

/**
 * The two moments of a record that activity moves.
 *
 * @publicApi
 */
export interface SessionMoments {
  readonly expiresAt: number;
  readonly lastSeenAt: number;
}

/**
 * What one `update` writes. A field that is neither in `set` nor in `delete` keeps its text, also if another request
 * has just written it.
 *
 * @publicApi
 */
export interface SessionUpdate extends SessionMoments {
  /** The texts to write, by field. */
  readonly set: Readonly<Record<string, string>>;
  /** The fields to remove. A field that does not exist is not an error. */
  readonly delete: readonly string[];
  /** Write only if each of these fields holds exactly this text; `null` means that the field must not exist. */
  readonly expect?: Readonly<Record<string, string | null>>;
}

/**
 * The answer to an `expect` that did not hold. Nothing was written.
 *
 * @publicApi
 */
export interface UpdateMismatch {
  /** What each expected field holds; `null` if it does not exist. */
  readonly current: Readonly<Record<string, string | null>>;
}

/**
 * The outcome of an `update`: it was written, the record is not present, or an expectation did not hold.
 *
 * @publicApi
 */
export type UpdateResult = 'done' | 'gone' | UpdateMismatch;
