import type { SessionMeta } from '../session/session-meta.js';
import type { SessionChange, Texts } from '../session/session-change.js';
import type { StoredIdentity } from '../session/standing.js';
import type { SessionMoments, UpdateMismatch } from '../store/session-record.interface.js';
import type { Awaitable } from '../store/session-store.js';
import type { Rotation } from './rotation.js';

/** A live session as the backend holds it. */
export interface LiveRecord {
  readonly identity: StoredIdentity;
  readonly texts: Texts;
}

/** The session that a rotation made. */
export interface Rotated extends LiveRecord {
  /**
   * - `done`: the rotation ended the old session, or there was none.
   * - `lost`: another call ended the old session first.
   */
  readonly outcome: 'done' | 'lost';
}

/** The token and the moments of a session that was used just now. */
export interface Used {
  readonly token: string;
  readonly moments: SessionMoments;
}

/** The result of an update: applied; the session was gone; or a field held another text than was expected. */
export type Updated = Used | 'gone' | UpdateMismatch;

/**
 * Where sessions are: the seam between the lifecycle and what keeps the records. A token names a session. Every result
 * that leaves a session alive carries its token, because a backend may put into the token what it keeps.
 */
export interface SessionBackend {
  /**
   * Returns the live session that a token names. `undefined` is reported with an event that says why. The result may
   * carry another token, which the browser should have instead.
   */
  find(token: string): Awaitable<LiveRecord | undefined>;
  /** The public handle of the session that a token names. */
  idOf(token: string): string;
  /** Creates a session under a fresh token. */
  create(meta: SessionMeta, texts: Texts): Promise<LiveRecord>;
  /** Writes a change to a live session, and the moments of its use. */
  update(
    identity: StoredIdentity,
    change: SessionChange,
    expect?: Readonly<Record<string, string | null>>,
  ): Promise<Updated>;
  /** Writes down that a session was used. `gone`: another request ended it. */
  touch(identity: StoredIdentity): Promise<Used | 'gone'>;
  /** Ends a session; if it was rotated, ends its successor. Returns `true` if this call ended one. */
  end(id: string, reason: EndReason): Promise<boolean>;
  /**
   * Replaces a session by a new one under a fresh token.
   *
   * @throws SessionClosedError `SESSION_ENDED` when all sessions of the user were revoked while the new one was made
   */
  rotate(rotation: Rotation): Promise<Rotated>;
  /** Emits `created` for a session that did not come from a rotation. */
  emitCreated(live: LiveRecord): void;
  /** The metadata of a session that begins now. */
  newMeta(user?: string): SessionMeta;
}

/** Why a session was ended. */
export type EndReason = 'logout' | 'revoked' | 'replaced';
