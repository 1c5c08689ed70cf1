import type { LiveRecord } from '../backend/session-backend.interface.js';
import type { HttpSession, SessionHost } from '../session/http-session.js';
import type { SessionState } from '../session/session-state.js';
import type { OperationQueue } from './operation-queue.js';
import type { SessionAnswer } from './session-answer.js';

/** What an operation needs of the request whose session it works on. */
export interface OperationHost extends SessionHost {
  readonly answer: SessionAnswer;
  /** The order of the operations on this request's session. */
  readonly queue: OperationQueue;
  /** Whether the request brought a cookie of our name, well-formed or not. */
  readonly broughtCookie: boolean;
  /** Whether the request brought two different live sessions. */
  readonly isAmbiguous: boolean;
  /** The well-formed tokens that the request brought. */
  readonly broughtTokens: readonly string[];
  /** Whether this is the request's session object now. The callback form of `regenerate()` replaces it. */
  isCurrent(session: HttpSession): boolean;
  /** Puts a new object in the place of the request's session object. */
  replaceSession(session: HttpSession<OperationHost>): void;
  /** The sessions that made the request ambiguous have been ended. */
  endAmbiguity(): void;
  /** Writes a line of debug output. The text is made only if debug output is on. */
  trace(what: () => string): void;
  /** Makes the state of a loaded session, or of an empty one. */
  newState(live?: LiveRecord): SessionState;
  /** @throws SessionStoreError when the session could not be loaded, whatever `onStoreError` says */
  assertReadable(): void;
  /** @throws SessionClosedError `SESSION_HEAD_SENT` when a cookie can no longer be set */
  assertHeadOpen(): void;
  /** @throws SessionClosedError when a cookie can no longer be set, or would be ambiguous */
  assertCanSetCookie(): void;
}

/** A session object, and with it the request that it belongs to. */
export type OwnedSession = HttpSession<OperationHost>;
