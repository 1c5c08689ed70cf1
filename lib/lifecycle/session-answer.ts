import type { IncomingMessage } from 'node:http';
import type { SessionCookie } from '../cookie/session-cookie.js';
import { SessionError, SessionStoreError } from '../errors/session.error.js';
import type { SessionLog } from '../events/session-log.interface.js';
import { addSessionHeaders } from '../http/session-headers.js';
import { isSecureRequest } from '../http/is-secure-request.js';
import type { ResponseHead } from '../http/response-head.js';
import type { ErrorAnswer } from '../http/head-participant.interface.js';
import { warnAboutPlainHttp } from '../http/warn-about-plain-http.js';

/** What the response says about the session cookie. */
export type AnswerCookie =
  | { readonly kind: 'none' }
  /** A session that began, or got a new id, in this request. */
  | { readonly kind: 'set'; readonly token: string }
  /** A session that this request destroyed. */
  | { readonly kind: 'clear' }
  /**
   * A session that was used: the browser gets its cookie again, with `maxAge`, or another token for it. The commit
   * confirms that the session is still alive.
   */
  | { readonly kind: 'renew'; readonly token: string; readonly isConfirmed: boolean };

const NONE: AnswerCookie = Object.freeze({ kind: 'none' });

export interface AnswerParts {
  readonly cookie: SessionCookie;
  /** Whether the cookie has a `maxAge`, which has to be renewed whenever activity is written to the store. */
  readonly isCookieRenewed: boolean;
  readonly log: SessionLog;
}

/** What the session adds to the response of one request. */
export class SessionAnswer {
  #cookie: AnswerCookie = NONE;
  #wasLookedAt = false;
  #hasStoreFailed = false;

  constructor(
    readonly parts: AnswerParts,
    readonly request: IncomingMessage,
  ) {}

  get cookie(): AnswerCookie {
    return this.#cookie;
  }

  /** The response hands out the token of a session that began, or got a new id. */
  setCookie(token: string): void {
    this.#cookie = { kind: 'set', token };
  }

  /** The session was destroyed: the cookie is cleared if the request brought one. */
  clearCookie(wasBrought: boolean): void {
    this.#cookie = wasBrought ? { kind: 'clear' } : NONE;
  }

  /**
   * Activity was written to the store. Has an effect only with `maxAge`, and none on a cookie that is set or cleared
   * anyway.
   */
  renewCookie(token: string): void {
    if (!this.parts.isCookieRenewed || this.#cookie.kind === 'set' || this.#cookie.kind === 'clear') return;
    this.#cookie = { kind: 'renew', token, isConfirmed: false };
  }

  /** The browser gets another token for the same session. The commit confirms that the session is still alive. */
  replaceCookie(token: string): void {
    if (this.#cookie.kind === 'none') this.#cookie = { kind: 'renew', token, isConfirmed: false };
  }

  /** The commit has found the session alive. */
  confirmRenewal(): void {
    if (this.#cookie.kind === 'renew') this.#cookie = { ...this.#cookie, isConfirmed: true };
  }

  /** The session may be gone: its cookie is not sent again. */
  dropRenewal(): void {
    if (this.#cookie.kind === 'renew') this.#cookie = NONE;
  }

  /** The session is gone: the response neither sets its cookie nor clears it. */
  dropCookie(): void {
    if (this.#cookie.kind !== 'clear') this.#cookie = NONE;
  }

  /** The session's data was read, so the response varies by the cookie. */
  noteLook(): void {
    this.#wasLookedAt = true;
  }

  /** After an error of the store, a 503 says when to try again. */
  noteError(error: unknown): void {
    this.#hasStoreFailed ||= error instanceof SessionStoreError;
  }

  /** Adds our headers to a head that is about to leave. */
  addHeaders(head: ResponseHead): void {
    const owed = this.#owedCookie();
    if (owed.kind === 'none' && !this.#wasLookedAt && !this.#hasStoreFailed) return;
    addSessionHeaders(head, {
      cookie: this.#setCookieLine(owed),
      isOwnCookie: line => this.parts.cookie.isOwn(line),
      variesByCookie: this.#wasLookedAt,
      retryAfterSeconds: this.#hasStoreFailed && head.status === 503 ? 1 : undefined,
    });
  }

  /**
   * What is answered when the commit failed: the body that Nest's filters give the error, which tells nothing of the
   * store.
   */
  answerTo(error: unknown): ErrorAnswer {
    this.noteError(error);
    if (error instanceof SessionError) {
      return { status: error.getStatus(), body: JSON.stringify(error.getResponse()) };
    }
    this.parts.log.error('The response could not be sent', error);
    return { status: 500, body: JSON.stringify({ statusCode: 500, message: 'Internal Server Error' }) };
  }

  /** A renewal that no commit has confirmed is not sent: a login in another tab may have set the cookie since. */
  #owedCookie(): AnswerCookie {
    const cookie = this.#cookie;
    return cookie.kind === 'renew' && !cookie.isConfirmed ? NONE : cookie;
  }

  #setCookieLine(owed: AnswerCookie): string | undefined {
    const { cookie, log } = this.parts;
    if (owed.kind === 'none') return undefined;
    const isSecure = isSecureRequest(this.request);
    if (owed.kind === 'clear') return cookie.clear(isSecure);
    if (cookie.isSecureOnly && !isSecure) warnAboutPlainHttp(this.request, log);
    return cookie.set(owed.token, isSecure);
  }
}
