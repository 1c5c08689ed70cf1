import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SessionBackend } from '../backend/session-backend.interface.js';
import { SessionCookie } from '../cookie/session-cookie.js';
import type { SessionEvents } from '../events/session-events.js';
import type { SessionLog } from '../events/session-log.interface.js';
import { pathOf } from '../http/path-of.js';
import { slotOf } from '../http/request-slot.js';
import type { ResolvedSessionOptions } from '../options/resolved-session-options.interface.js';
import type { Clock } from '../time/clock.js';
import { LateChanges } from './late-changes.js';
import type { LifecycleParts } from './lifecycle-parts.interface.js';
import { RequestSession } from './request-session.js';
import type { AnswerParts } from './session-answer.js';
import { SessionOperations } from './session-operations.js';
import { SessionTrace } from './session-trace.js';
import { SessionWriter } from './session-writer.js';

/** Makes the parts that all requests of one application share, and the `RequestSession` of each request. */
export class SessionLifecycle implements LifecycleParts {
  readonly cookie: SessionCookie;
  readonly writer: SessionWriter;
  readonly operations: SessionOperations;
  readonly answerParts: AnswerParts;
  readonly lateChanges: LateChanges;
  readonly trace = new SessionTrace();

  constructor(
    readonly backend: SessionBackend,
    readonly options: ResolvedSessionOptions,
    readonly clock: Clock,
    readonly events: SessionEvents,
    readonly log: SessionLog,
  ) {
    this.cookie = new SessionCookie(options.cookie, options.tokens);
    this.writer = new SessionWriter(backend, events, options.maxSizeBytes);
    this.operations = new SessionOperations({ ...options, backend, clock, writer: this.writer });
    this.answerParts = { cookie: this.cookie, isCookieRenewed: options.cookie.maxAgeMs !== undefined, log };
    this.lateChanges = new LateChanges(events, log);
  }

  /**
   * Begins the session of an incoming request. Reads nothing, and does not touch the response. If the application
   * dispatches the same request again under another path, the session that has begun is returned.
   */
  begin(request: IncomingMessage, response: ServerResponse): RequestSession {
    const known = RequestSession.of(request, this);
    if (known && !known.isExcluded) return known;
    const session = new RequestSession(this, request, response, this.#isExcluded(request)).attach();
    const sessions = (slotOf(request)?.sessions ?? []) as RequestSession[];
    if (sessions.length > 1) this.#warnAboutSharedName(sessions);
    return session;
  }

  /** Begins the session of an upgrade request, which has no response. It is not kept, so each call reads again. */
  beginUpgrade(request: IncomingMessage): RequestSession {
    return new RequestSession(this, request, undefined, this.#isExcluded(request));
  }

  #warnAboutSharedName(sessions: readonly RequestSession[]): void {
    const { name } = this.cookie;
    if (!sessions.some(({ parts }) => parts !== this && parts.cookie.name === name)) return;
    this.log.warnOnce(
      'shared cookie name',
      `Two applications serve the same request, and both call their session cookie "${name}". Each would replace the cookie of the other. Set cookie: { name } in one of them.`,
    );
  }

  #isExcluded(request: IncomingMessage): boolean {
    return this.options.isExcluded?.(pathOf(request)) ?? false;
  }
}

/** The session of a request, of the innermost application if several applications serve it. */
export function sessionOf(request: IncomingMessage): RequestSession | undefined {
  return slotOf(request)?.sessions.at(-1) as RequestSession | undefined;
}
