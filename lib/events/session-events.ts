import { Subject, type Observable } from 'rxjs';
import type { SessionErrorCode } from '../errors/session.error.js';
import { EventStream } from './event-stream.js';
import type { SessionLog } from './session-log.interface.js';

/** Why something that looked like a session was not taken, or a change was dropped. @publicApi */
export type SessionRejection =
  /** A cookie of our name whose value is not a token. */
  | 'malformed'
  /** More candidates than are tried. */
  | 'crowded'
  /** A well-formed token that no store knows: forged, ended, or long expired. */
  | 'unknown'
  /** Two different live sessions in one request. */
  | 'ambiguous'
  /** The stored record cannot be read. It is kept. */
  | 'broken'
  /** One stored value cannot be read; `key` names it. It is kept. */
  | 'broken-value'
  /** A change of a session that was ended elsewhere meanwhile. */
  | 'ended'
  /** A change that was made after the response had begun and never saved. */
  | 'late';

/**
 * What happened to a session. Never carries a token: an `id` is the hash that stores see, useless as a cookie.
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
