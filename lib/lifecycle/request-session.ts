import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LiveRecord } from '../backend/session-backend.interface.js';
import {
  SessionClosedError,
  SessionError,
  SessionStoreError,
  SessionUsageError,
} from '../errors/session.error.js';
import { addToSlot, slotOf, type RequestSlot } from '../http/request-slot.js';
import type { ResponseHead } from '../http/response-head.js';
import type { ErrorAnswer, HeadParticipant, Hold, HoldState } from '../http/head-participant.interface.js';
import { ResponseHold } from '../http/response-hold.js';
import { HttpSession, type SessionMethods } from '../session/http-session.js';
import { EMPTY } from '../session/standing.js';
import { SessionState } from '../session/session-state.js';
import { planCommit, type CommitPlan, type Saving } from './commit-plan.js';
import type { LifecycleParts } from './lifecycle-parts.interface.js';
import { OperationQueue } from './operation-queue.js';
import { SessionAnswer } from './session-answer.js';
import { SessionLoad } from './session-load.js';
import type { OwnedSession, OperationHost } from './operation-host.interface.js';

/**
 * The session of one request. This file is the way of a request through the library, from top to bottom:
 *
 *     in    open: Cookie header → token → sid → id → store.load → record → session → handler
 *     use   look, engage: the first read or change holds the response's head
 *     out   commit: change → plan → store.create | update | touch
 *           addHeaders: token → Set-Cookie → response
 *
 * The session's methods (`update()`, `login()` …) are in `SessionOperations`.
 */
export class RequestSession implements OperationHost, HeadParticipant {
  readonly #load: SessionLoad;
  #saving: Saving = 'changes and touches';
  #session: OwnedSession | undefined;
  #queue: OperationQueue | undefined;
  #answer: SessionAnswer | undefined;
  #slot: RequestSlot | undefined;
  #hold: Hold | undefined;

  constructor(
    readonly parts: LifecycleParts,
    readonly request: IncomingMessage,
    /** `undefined` for an upgrade request. */
    readonly response: ServerResponse | undefined,
    isExcluded: boolean,
  ) {
    this.#load = new SessionLoad(parts, request, isExcluded);
  }

  /** The session that an application has begun for a request. */
  static of(request: IncomingMessage, parts: LifecycleParts): RequestSession | undefined {
    const sessions = slotOf(request)?.sessions as RequestSession[] | undefined;
    return sessions?.findLast(session => session.parts === parts);
  }

  /** Makes this the session of its request. */
  attach(): this {
    this.#slot = addToSlot(this.request, this);
    return this;
  }

  // --- in -----------------------------------------------------------------------------------------------------------

  /**
   * Reads the session that the request's cookies name, once. An unknown, expired or malformed token gives an empty
   * session: an id that the request brought is never adopted. Never rejects; a failure is kept, and thrown at the first
   * look. `undefined`: there is nothing to wait for.
   */
  open(): Promise<void> | undefined {
    return this.#load.start();
  }

  /** The session object; `undefined` until the load is finished. It is made when it is first asked for. */
  get session(): OwnedSession | undefined {
    if (this.#session) return this.#session;
    const load = this.#load.state;
    if (load.kind === 'excluded' || load.kind === 'pending' || load.kind === 'loading') return undefined;
    this.trace(() => `read: ${load.kind}`);
    if (load.kind === 'unreadable') this.answer.noteError(load.error);
    const record = load.kind === 'live' ? load.record : undefined;
    return (this.#session = new HttpSession<OperationHost>(this, this.newState(record), !record));
  }

  get isExcluded(): boolean {
    return this.#load.state.kind === 'excluded';
  }

  /** The session object of a request whose load is finished. @throws SessionUsageError */
  loadedSession(): OwnedSession {
    const { session } = this;
    if (session) return session;
    const error = new SessionUsageError(
      this.isExcluded
        ? 'this path is in "exclude", so it has no session'
        : 'the session is not loaded yet: with load: "lazy" use @Session() in the handler or await getSession(request). If another session library reads request.session, use only one of the two',
    );
    this.parts.log.mistake(error); // the errors of a guard pass no interceptor
    throw error;
  }

  /** The session object. Loads it if necessary. @throws SessionUsageError on a path of `exclude` */
  async getSession(): Promise<OwnedSession> {
    await this.open();
    return this.loadedSession();
  }

  // --- the first look or change -------------------------------------------------------------------------------------

  /** @throws SessionStoreError when the session could not be loaded */
  look(): void {
    this.answer.noteLook();
    this.engage();
  }

  /**
   * Holds the response's head from now on, so that it waits for the commit.
   *
   * @throws SessionStoreError when the session could not be loaded
   */
  engage(): void {
    if (!this.#hold) this.#joinHold();
    if (this.#hold?.state !== 'held') this.parts.lateChanges.watch(this);
    if (this.parts.options.onStoreError === 'fail') this.assertReadable();
  }

  // --- out ----------------------------------------------------------------------------------------------------------

  /**
   * Saves what the request changed and has not saved yet. Called after a handler that succeeded, so that an error
   * reaches the application's filters; and again with the status of the head that is leaving, for everything else. An
   * interceptor may have changed the session in between, so the change is computed both times. `undefined`: there is
   * nothing to wait for.
   */
  commit(status?: number): Promise<void> | undefined {
    const hold = this.#hold;
    const session = hold && this.session;
    if (!session) return undefined; // nothing has used the session
    let plan: CommitPlan;
    try {
      plan = this.#plan(session, hold.state, status, this.#queue?.isBusy ?? false);
    } catch (error) {
      return Promise.reject(this.#commitError(error)); // a value cannot be encoded
    }
    if (plan.kind === 'nothing') return undefined;
    if (plan.kind === 'wait' && plan.next === 'nothing') return this.queue.whenIdle();
    // Operations that the handler started but did not await still affect this response, so the commit waits for them.
    // Operations that are started from now on wait for the commit.
    const committed =
      plan.kind === 'wait'
        ? this.queue.runAfter(failure => this.#commitAfter(failure, status))
        : this.queue.runExclusive(() => this.#carryOut(session, plan));
    return committed.catch((error: unknown) => {
      throw this.#commitError(error);
    });
  }

  addHeaders(head: ResponseHead): void {
    this.#answer?.addHeaders(head);
    this.trace(() => `head ${head.status}, cookie: ${this.answer.cookie.kind}`);
  }

  answerTo(error: unknown): ErrorAnswer {
    return this.answer.answerTo(error);
  }

  // --- for the session object and the operations --------------------------------------------------------------------

  get operations(): SessionMethods {
    return this.parts.operations;
  }

  get answer(): SessionAnswer {
    return (this.#answer ??= new SessionAnswer(this.parts.answerParts, this.request));
  }

  get queue(): OperationQueue {
    return (this.#queue ??= new OperationQueue(error => this.answer.noteError(error)));
  }

  get broughtCookie(): boolean {
    return this.#load.cookies.brought;
  }

  get broughtTokens(): readonly string[] {
    return this.#load.cookies.tokens;
  }

  get isAmbiguous(): boolean {
    return this.#load.state.kind === 'ambiguous';
  }

  endAmbiguity(): void {
    this.#load.endAmbiguity();
  }

  get isReadable(): boolean {
    return this.#load.state.kind !== 'unreadable';
  }

  assertReadable(): void {
    const { state } = this.#load;
    if (state.kind === 'unreadable') throw state.error;
  }

  isCurrent(session: HttpSession): boolean {
    return this.#session === session;
  }

  assertCurrent(session: HttpSession): void {
    if (this.isCurrent(session)) return;
    throw new SessionClosedError(
      'SESSION_REPLACED',
      'regenerate(callback) has replaced this session object: use request.session',
    );
  }

  replaceSession(session: OwnedSession): void {
    this.#session = session;
  }

  assertCanSetCookie(): void {
    if (this.isAmbiguous) {
      throw new SessionClosedError(
        'SESSION_AMBIGUOUS',
        'the request brought two different live sessions; login(), regenerate() or destroy() ends both',
      );
    }
    this.assertHeadOpen();
  }

  assertHeadOpen(): void {
    if (this.#hold?.awaits(this) === true) return;
    throw new SessionClosedError(
      'SESSION_HEAD_SENT',
      'the response has begun, so the cookie of a new session cannot be set. Do this before you answer',
    );
  }

  /** An error of the store reached the application in another way than through the session of this request. */
  noteStoreError(error: unknown): void {
    this.answer.noteError(error);
    if (!this.#hold) this.#joinHold();
  }

  reportUnawaited(error: unknown): void {
    this.parts.log.error('An operation of the session failed, and its promise was not awaited', error);
  }

  trace(what: () => string): void {
    const { trace } = this.parts;
    if (trace.isOn) trace.write(this.request, what());
  }

  newState(live?: LiveRecord): SessionState {
    const { options, events } = this.parts;
    const id = live?.identity.id;
    const reportBroken = (key: string): void =>
      events.emit({ type: 'rejected', reason: 'broken-value', key, ...(id !== undefined && { id }) });
    const standing = live ? ({ kind: 'stored', identity: live.identity } as const) : EMPTY;
    return new SessionState(options, reportBroken, standing, live?.texts);
  }

  // --- details, in the order of use ---------------------------------------------------------------------------------

  /** Nothing is held if the head has left, or if there is no response. */
  #joinHold(): void {
    const { response } = this;
    const slot = this.#slot;
    if (!response || !slot) return;
    if (slot.hold) slot.hold.add(this);
    else if (!response.headersSent) slot.hold = new ResponseHold(response, this);
    this.#hold = slot.hold;
    this.#replaceOldToken();
  }

  /** A token that is not signed, or signed with an older key, is replaced when its session is used. */
  #replaceOldToken(): void {
    const load = this.#load.state;
    if (load.kind !== 'live') return;
    const { token } = load.record.identity;
    if (!this.#load.cookies.tokens.includes(token)) this.answer.replaceCookie(token);
  }

  #plan(session: OwnedSession, head: HoldState, status: number | undefined, isBusy: boolean): CommitPlan {
    const { options, clock } = this.parts;
    const plan = planCommit({
      head,
      status,
      saveOnServerError: options.saveOnServerError,
      saving: this.#saving,
      isBusy,
      standing: session.state.standing,
      readChange: () => session.state.collectChange(),
      cookie: this.answer.cookie,
      touchIntervalMs: options.touchIntervalMs,
      now: clock.now(),
    });
    this.trace(() => `commit ${status === undefined ? 'after the handler' : `with ${status}`}: ${plan.kind}`);
    return plan;
  }

  /** Operations that the handler did not await have settled. A fault of one of them is a fault of this response. */
  async #commitAfter(failure: unknown, status: number | undefined): Promise<void> {
    if (failure instanceof SessionError && failure.getStatus() >= 500) throw failure;
    const { session } = this; // an operation may have replaced it
    if (!session || !this.#hold) return;
    await this.#carryOut(session, this.#plan(session, this.#hold.state, status, false));
  }

  async #carryOut(session: OwnedSession, plan: CommitPlan): Promise<void> {
    if (plan.kind === 'create' || plan.kind === 'update') await this.parts.writer.write(session, plan.change);
    if (plan.kind === 'touch') await this.#touchQuietly(session);
    this.answer.confirmRenewal();
  }

  /** A touch that fails is an event of the store, never a failed request. */
  async #touchQuietly(session: OwnedSession): Promise<void> {
    const { standing } = session.state;
    if (standing.kind !== 'stored') return;
    try {
      await this.parts.writer.touch(session, standing.identity);
    } catch (error) {
      if (!(error instanceof SessionStoreError)) throw error;
      this.#saving = 'changes';
      this.answer.dropRenewal();
    }
  }

  /** Notes that the commit failed. It is not tried again. */
  #commitError(error: unknown): Error {
    this.#saving = 'nothing';
    this.answer.noteError(error);
    // Faults of the store are events, and a client can cause a 409. Everything else is a mistake of the application.
    const isMistake = !(error instanceof SessionError) || error.getStatus() === 500;
    if (isMistake) this.parts.log.error('The session was not saved', error);
    return error instanceof Error ? error : new Error(String(error), { cause: error });
  }
}
