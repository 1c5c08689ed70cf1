import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CookieCandidates } from '../cookie/session-cookie.js';
import { SessionClosedError, SessionStoreError } from '../errors/session.error.js';
import { type HeadHolder, ResponseHold } from '../http/hold-head.js';
import { putInSlot, slotOf } from '../http/request-slot.js';
import type { ResponseHead } from '../http/response-head.js';
import { HttpSession } from '../session/http-session.js';
import { answerTo, dressAnswer } from './answer.js';
import { OperationQueue } from './operation-queue.js';
import type { SessionLifecycle } from './session-lifecycle.js';
import type { LiveRecord } from './session-records.js';

/** What the answer owes the browser: the cookie of a new session, or none of ours any more. */
export type OwedCookie = { readonly kind: 'set'; readonly sid: string } | { readonly kind: 'clear' };

const NONE: readonly string[] = [];

/**
 * One request and its response, as the lifecycle sees them. It hangs on the raw request, so that whoever has the
 * request, Fastify's wrapper or an ExecutionContext finds the same one.
 */
export class HttpExchange implements HeadHolder {
  /** Read from the `Cookie` header when first needed. */
  candidates: CookieCandidates | undefined;
  /** Under way: the load. */
  opening: Promise<void> | undefined;
  /** The cookies have been judged, so there is a session, if only an empty one. */
  isOpened = false;
  /** Ids of the live sessions when the request brought more than one, else empty. */
  ambiguous = NONE;
  /** The session could not be read; the first look throws this. */
  failure: Error | undefined;
  /** The implicit commit failed; it is not tried again, nor is what a filter changes afterwards saved implicitly. */
  commitFailed = false;
  /** Activity could not be written down; that is not tried again either. */
  touchFailed = false;
  /** A store error has come up: a 503 then says when to come back. */
  storeFailed = false;
  /** The session's data was looked at: the answer varies by the cookie. */
  wasLookedAt = false;
  /** The response's head is held until the commit. Nothing is held before the first look or change. */
  isHeld = false;
  /** The head waits for the commit, or has left: changes from now on may be too late. */
  isAnswerBegun = false;
  /** The head has left, or there is no response at all. */
  isHeadSent: boolean;
  /** The cookie of a session that began or ended here. */
  owed: OwedCookie | undefined;
  /** With `maxAge`: the secret whose cookie is to be sent again because the session was used. */
  renewal: string | undefined;
  /** The commit itself has seen that the renewed session is alive. */
  isRenewalCommitted = false;
  /** A check for unsaved changes will run when the response closes. */
  isWatchedForLateChanges = false;
  hold: ResponseHold | undefined;
  #live: LiveRecord | undefined;
  #session: HttpSession | undefined;
  #operations: OperationQueue | undefined;

  constructor(
    readonly lifecycle: SessionLifecycle,
    readonly request: IncomingMessage,
    readonly response: ServerResponse | undefined,
    /** The path is excluded: there is no session. */
    readonly isExcluded: boolean,
  ) {
    this.isHeadSent = response === undefined;
  }

  static of(request: IncomingMessage): HttpExchange | undefined {
    return slotOf(request) as HttpExchange | undefined;
  }

  /** The cookies have been judged. @param live the one session that they name */
  opened(live: LiveRecord | undefined): void {
    this.#live = live;
    this.isOpened = true;
  }

  /** There once the session was opened, and made when it is first asked for: most requests never ask. */
  get session(): HttpSession | undefined {
    if (!this.isOpened) return undefined;
    return (this.#session ??= new HttpSession(this, this.lifecycle.newState(this.#live), !this.#live));
  }

  /** The callback form of `regenerate()` puts another object in the place of the first. */
  set session(session: HttpSession) {
    this.#session = session;
  }

  /** The order of the operations on this request's session. */
  get operations(): OperationQueue {
    return (this.#operations ??= new OperationQueue(error => {
      this.storeFailed ||= error instanceof SessionStoreError;
    }));
  }

  /** Whether an operation is under way. */
  get isBusy(): boolean {
    return this.#operations?.isBusy ?? false;
  }

  /** @throws SessionClosedError when a cookie can no longer be set, or would be ambiguous */
  assertCanSetCookie(): void {
    if (this.ambiguous.length > 0) {
      throw new SessionClosedError(
        'SESSION_AMBIGUOUS',
        'the request brought two different live sessions; login(), regenerate() or destroy() ends both',
      );
    }
    if (this.isHeadSent) {
      throw new SessionClosedError(
        'SESSION_HEAD_SENT',
        'the response has begun, so the cookie of a new session cannot be set: do this before you answer',
      );
    }
  }

  /** With `maxAge` the browser's copy of the cookie has to be renewed whenever activity is written down. */
  cookieWasUsed(sid: string): void {
    if (this.lifecycle.options.cookie.maxAgeMs === undefined) return;
    this.renewal = sid;
    this.isRenewalCommitted = false;
  }

  // --- the response's head ------------------------------------------------------------------------------------------

  /** From now on the head waits for the commit; if it has not left. */
  holdHead(): void {
    const { response } = this;
    this.isHeld = true;
    if (response && !response.headersSent) this.hold = new ResponseHold(response, this);
    else this.isHeadSent = true;
  }

  commit(status: number): Promise<void> | undefined {
    return this.lifecycle.commitAtHead(this, status);
  }

  dress(head: ResponseHead): void {
    dressAnswer(this, head);
  }

  answerTo(error: unknown): { readonly status: number; readonly body: string } {
    return answerTo(this, error);
  }

  /** Makes this the exchange of its request. */
  attach(): this {
    putInSlot(this.request, this);
    return this;
  }
}
