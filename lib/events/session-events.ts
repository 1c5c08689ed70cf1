import { Subject, type Observable } from 'rxjs';
import type { SessionErrorCode } from '../errors/session.error.js';
import { EventStream } from './event-stream.js';
import type { SessionLog } from './session-log.interface.js';

/** Why a cookie or a record was not accepted as a session, or why a change was dropped. @publicApi */
export type SessionRejection =
  /** A session cookie has a value that is not a token. */
  | 'malformed'
  /** A session cookie has the form of a token, and none of the keys in `secret` has signed it. */
  | 'forged'
  /** A request has more than four different session cookies. The others were ignored. */
  | 'crowded'
  /** No session has this well-formed token: it is forged, or the session ended or expired some time ago. */
  | 'unknown'
  /** A request has cookies of two different live sessions. */
  | 'ambiguous'
  /** The stored record cannot be read. It is kept in the store. */
  | 'broken'
  /** The stored value of `key` cannot be read. It is kept in the store. */
  | 'broken-value'
  /** A change was dropped, because another request had ended the session. */
  | 'ended'
  /** A change was dropped: it was made after the response had begun, and `save()` was never called. */
  | 'late';

/**
 * Something that happened to a session. It never contains a token: `id` is a hash, which cannot be used as a cookie.
 *
 * @publicApi
 */
export type SessionEvent =
  | { readonly type: 'created'; readonly id: string; readonly user?: string }
  | { readonly type: 'rotated'; readonly id: string; readonly previousId: string; readonly user?: string }
  | {
      readonly type: 'destroyed';
      readonly id: string;
      readonly reason: 'logout' | 'revoked' | 'replaced';
      readonly user?: string;
    }
  | { readonly type: 'expired'; readonly id: string; readonly reason: 'idle' | 'absolute' }
  | {
      readonly type: 'rejected';
      readonly reason: SessionRejection;
      readonly id?: string;
      readonly key?: string;
    }
  | {
      readonly type: 'store-failed';
      readonly operation: string;
      readonly code: SessionErrorCode;
      readonly cause: unknown;
    };

/** Delivers the events of one application to the listeners of `Sessions.events$`. */
export class SessionEvents {
  readonly #subject = new Subject<SessionEvent>();
  readonly events$: Observable<SessionEvent>;

  /** @param log gets the errors of listeners. They never reach the code that emits an event. */
  constructor(log: Pick<SessionLog, 'error'>) {
    this.events$ = new EventStream(this.#subject, error =>
      log.error('A listener of Sessions.events$ failed', error),
    );
  }

  emit(event: SessionEvent): void {
    this.#subject.next(event);
  }

  complete(): void {
    this.#subject.complete();
  }
}
