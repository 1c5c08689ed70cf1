import type { SessionMoments } from '../store/session-record.interface.js';
import type { SessionMeta } from './session-meta.js';

/** Identifies a stored session: its token, its id, and what its record says apart from the data. */
export interface StoredIdentity {
  /** The value of the session cookie. */
  readonly token: string;
  readonly id: string;
  readonly meta: SessionMeta;
  readonly moments: SessionMoments;
}

/** Whether the store has a record of the session. */
export type Standing =
  /** It has none: a visitor, or a session that this request destroyed. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'stored'; readonly identity: StoredIdentity }
  /** It had one, and another request ended it. */
  | { readonly kind: 'ended'; readonly identity: StoredIdentity };

export const EMPTY: Standing = Object.freeze({ kind: 'empty' });
