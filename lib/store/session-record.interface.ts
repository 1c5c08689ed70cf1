/**
 * What a store holds for one session.
 *
 * Everything but the two moments is opaque to the store: it keeps the texts as they are and never looks inside.
 * All moments are milliseconds since the epoch.
 *
 * @publicApi
 */
export interface SessionRecord {
  /** When the session ends: the earlier of the idle and the absolute limit. */
  readonly expiresAt: number;
  /** When the session was last used, as far as it was written down. */
  readonly lastSeenAt: number;
  /** What never changes after `create`: creation, absolute limit, user. Opaque, written at `create` only. */
  readonly meta: string;
  /**
   * One encoded text per field. A field is a data key behind `d:` or a flash message behind `f:`, so any string may
   * follow: dots, `$`, `__proto__`, line breaks, nothing at all.
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
 * What one `update` writes. Fields that are named in neither `set` nor `delete` stay as they are, whoever wrote them.
 *
 * @publicApi
 */
export interface SessionUpdate extends SessionMoments {
  /** Fields to write, by name. */
  readonly set: Readonly<Record<string, string>>;
  /** Fields to remove. Removing one that is not there is fine. */
  readonly delete: readonly string[];
  /** Write only if each of these fields holds exactly this text; `null` means that the field must be absent. */
  readonly expect?: Readonly<Record<string, string | null>>;
}

/**
 * An `expect` that did not hold: nothing was written, and this is what the expected fields hold instead.
 *
 * @publicApi
 */
export interface UpdateMismatch {
  readonly current: Readonly<Record<string, string | null>>;
}

/**
 * Written; the session has ended meanwhile; or an expectation did not hold.
 *
 * @publicApi
 */
export type UpdateResult = 'done' | 'gone' | UpdateMismatch;
