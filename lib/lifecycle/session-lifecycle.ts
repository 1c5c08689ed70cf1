import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SessionCookie } from '../cookie/session-cookie.js';
import {
  SessionClosedError,
  SessionError,
  SessionStoreError,
  SessionUsageError,
} from '../errors/session.error.js';
import { pathOf } from '../http/path-of.js';
import type { HttpSession } from '../session/http-session.js';
import { assertFits } from '../session/session-size.js';
import { SessionState, type SessionChange } from '../session/session-state.js';
import { planCommit, type CommitPlan } from './commit-plan.js';
import { HttpExchange } from './http-exchange.js';
import { SessionOperations } from './session-operations.js';
import type { SessionLog } from '../events/session-log.interface.js';
import { LateChanges } from './late-changes.js';
import type { LiveRecord, SessionRecords } from './session-records.js';

/**
 * A request's way through, in one file:
 *
 *     in    begin → open:   Cookie header → token → sid → id → store.load → record → session → handler
 *     out   handler → change → commit: plan → store.create | update | touch → dress: token → Set-Cookie → response
 *
 * What handlers do with a session in between is in `SessionOperations`; the calls to the store are in `SessionRecords`,
 * and what the answer then says in `answer.ts`.
 */
export class SessionLifecycle {
  readonly operations: SessionOperations;
  readonly #lateChanges: LateChanges;

  constructor(
    readonly records: SessionRecords,
    readonly cookie: SessionCookie,
    readonly log: SessionLog,
  ) {
    this.operations = new SessionOperations(this);
    this.#lateChanges = new LateChanges(records.events, log);
  }

  get options() {
    return this.records.options;
  }

  // --- in -----------------------------------------------------------------------------------------------------------

  /**
   * A request has come in. Nothing is read yet, and nothing of the response is touched. One that the application sends through
   * itself once more, under another path, is the same.
   */
  begin(
    request: IncomingMessage,
    response: ServerResponse | undefined,
    { isAttached = true } = {},
  ): HttpExchange {
    const known = isAttached ? HttpExchange.of(request) : undefined;
    if (known?.lifecycle === this && !known.isExcluded) return known;
    const { isExcluded } = this.options;
    const excluded = isExcluded?.(pathOf(request)) ?? false;
    const exchange = new HttpExchange(this, request, response, excluded);
    return isAttached ? exchange.attach() : exchange;
  }

  /**
   * Reads the session that the request's cookies name, once. An unknown, expired or malformed token gives an empty
   * session: an id that the request brought is never adopted. `undefined` when there is nothing to wait for.
   */
  open(exchange: HttpExchange): Promise<void> | undefined {
    if (exchange.isOpened) return undefined;
    if (exchange.opening) return exchange.opening;
    const { sids } = this.#candidates(exchange);
    if (sids.length === 0) return this.#opened(exchange, []);
    try {
      const found = sids.length === 1 ? this.records.find(sids[0] as string) : this.#findAll(sids);
      if (!(found instanceof Promise)) return this.#opened(exchange, [found]);
      return (exchange.opening = found.then(
        live => this.#opened(exchange, Array.isArray(live) ? live : [live]),
        (error: unknown) => this.#failed(exchange, error),
      ));
    } catch (error) {
      return this.#failed(exchange, error);
    }
  }

  /** The session object of a request that was opened. */
  sessionOf(exchange: HttpExchange): HttpSession {
    if (exchange.session) return exchange.session;
    const error = new SessionUsageError(
      exchange.isExcluded
        ? 'this path is in "exclude", so it has no session'
        : 'the session is not loaded yet: with load: "lazy" use @Session() in the handler or await getSession(request). Does another session library read request.session? Use one of them',
    );
    this.log.mistake(error); // a guard's errors pass no interceptor
    throw error;
  }

  /** Opens the session when needed. */
  async get(exchange: HttpExchange): Promise<HttpSession> {
    if (!exchange.isExcluded) await this.open(exchange);
    return this.sessionOf(exchange);
  }

  // --- the handler's first look or change ---------------------------------------------------------------------------

  /** @throws SessionStoreError when the session could not be read */
  look(exchange: HttpExchange): void {
    exchange.wasLookedAt = true;
    this.engage(exchange);
  }

  /** From now on the head is held until the commit. @throws SessionStoreError when the session could not be read */
  engage(exchange: HttpExchange): void {
    if (!exchange.isHeld) exchange.holdHead();
    if (exchange.isAnswerBegun || exchange.isHeadSent) this.#lateChanges.watch(exchange);
    if (exchange.failure && this.options.onStoreError === 'fail') throw exchange.failure;
  }

  // --- out ----------------------------------------------------------------------------------------------------------

  /**
   * Saves what the request changed and nobody saved yet. Called after a handler that succeeded, so that an error reaches
   * the application's filters, and again when the head leaves, for everything else. `undefined`: nothing to wait for.
   */
  commit(exchange: HttpExchange): Promise<void> | undefined {
    if (!exchange.isHeld || exchange.isHeadSent || exchange.commitFailed) return undefined;
    const { operations } = exchange;
    const failed = (error: unknown): Promise<never> => this.#commitFailed(exchange, error);
    try {
      // Operations that the handler did not wait for still decide what this answer says; those that come later wait.
      if (exchange.isBusy)
        return operations.behind(fault => this.#commitBehind(exchange, fault)).catch(failed);
      const plan = this.#plan(exchange);
      return plan && operations.exclusive(() => this.#carryOut(exchange, plan)).catch(failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** The head is about to leave. A failed request leaves the session as it was; what its operations wrote stands. */
  commitAtHead(exchange: HttpExchange, status: number): Promise<void> | undefined {
    exchange.isAnswerBegun = true;
    if (status < 500 || this.options.saveOnServerError) return this.commit(exchange);
    return exchange.isBusy ? exchange.operations.idle() : undefined;
  }

  /** Writes one change; a session that is not stored yet is created. `'gone'`: it was ended elsewhere. */
  async write(session: HttpSession, change: SessionChange): Promise<'done' | 'gone'> {
    const { exchange, state } = session;
    if (exchange.failure) throw exchange.failure;
    assertFits(state.texts, change, this.options.maxSizeBytes);
    if (!state.stored) {
      exchange.assertCanSetCookie();
      const { identity } = await this.records.create(
        this.records.metaAt(this.records.clock.now()),
        change.set,
      );
      state.stored = identity;
      exchange.owed = { kind: 'set', sid: identity.sid };
    } else {
      const { result, moments } = await this.records.update(state.stored, change);
      if (result === 'gone') return 'gone';
      state.moved(moments);
      exchange.cookieWasUsed(state.stored.sid);
    }
    state.written(change);
    return 'done';
  }

  /** The session was ended elsewhere: the answer says nothing about the cookie. */
  ended(session: HttpSession): void {
    const { exchange, state } = session;
    state.ended = true;
    if (exchange.session === session) {
      exchange.renewal = undefined;
      if (exchange.owed?.kind === 'set') exchange.owed = undefined;
    }
    this.records.events.emit({
      type: 'rejected',
      reason: 'ended',
      ...(state.stored && { id: state.stored.id }),
    });
  }

  /** The error for a change that came too late; the first one is noted. */
  endedError(session: HttpSession): SessionClosedError {
    if (!session.state.ended) this.ended(session);
    return SessionClosedError.ended();
  }

  newState(live?: LiveRecord): SessionState {
    const id = live?.identity.id;
    const broken = (key: string): void =>
      this.records.events.emit({
        type: 'rejected',
        reason: 'broken-value',
        key,
        ...(id !== undefined && { id }),
      });
    return new SessionState(this.options, broken, live?.identity, live?.texts);
  }

  // --- details, in the order of use ---------------------------------------------------------------------------------

  #candidates(exchange: HttpExchange) {
    if (exchange.candidates) return exchange.candidates;
    const candidates = this.cookie.read(exchange.request.headers.cookie);
    const { events } = this.records;
    if (candidates.malformed) events.emit({ type: 'rejected', reason: 'malformed' });
    if (candidates.crowded) events.emit({ type: 'rejected', reason: 'crowded' });
    return (exchange.candidates = candidates);
  }

  async #findAll(sids: readonly string[]): Promise<(LiveRecord | undefined)[]> {
    // Async, so that one that fails at once leaves no other without somebody who waits for it.
    return Promise.all(sids.map(async sid => this.records.find(sid)));
  }

  #opened(exchange: HttpExchange, found: readonly (LiveRecord | undefined)[]): undefined {
    const live = found.filter(one => one !== undefined);
    if (live.length > 1) {
      exchange.ambiguous = live.map(({ identity }) => identity.id);
      this.records.events.emit({ type: 'rejected', reason: 'ambiguous' });
    }
    exchange.opened(live.length === 1 ? live[0] : undefined);
  }

  #failed(exchange: HttpExchange, error: unknown): undefined {
    exchange.failure = error instanceof Error ? error : new Error(String(error), { cause: error });
    exchange.storeFailed = error instanceof SessionStoreError;
    this.#opened(exchange, []);
  }

  /** What the handler started and did not wait for has come to its end. A fault of it is a fault of this answer. */
  async #commitBehind(exchange: HttpExchange, failure: unknown): Promise<void> {
    if (failure instanceof SessionError && failure.getStatus() >= 500) throw failure;
    const plan = this.#plan(exchange);
    if (plan) await this.#carryOut(exchange, plan);
  }

  /** `undefined`: nothing to do. */
  #plan(exchange: HttpExchange): CommitPlan | undefined {
    const { session } = exchange;
    if (!session || session.state.ended) return undefined;
    const plan = planCommit({
      change: session.state.change(),
      moments: session.state.stored?.moments,
      wasUsed: exchange.isHeld && !exchange.touchFailed,
      touchIntervalMs: this.options.touchIntervalMs,
      now: this.records.clock.now(),
    });
    if (plan.kind !== 'none') return plan;
    // A cookie that an operation renewed a while ago may belong to a session that somebody has ended since.
    const isDoubtful =
      exchange.renewal !== undefined && !exchange.isRenewalCommitted && !exchange.touchFailed;
    return isDoubtful ? { kind: 'touch' } : undefined;
  }

  async #carryOut(exchange: HttpExchange, plan: CommitPlan): Promise<void> {
    const { session } = exchange;
    if (!session) return;
    if (plan.kind === 'create' || plan.kind === 'update') {
      if ((await this.write(session, plan.change)) === 'gone') this.ended(session);
    }
    if (plan.kind === 'touch') await this.#touchQuietly(exchange, session);
    exchange.isRenewalCommitted = true;
  }

  /** A touch that fails is an event, never a failed request. */
  async #touchQuietly(exchange: HttpExchange, session: HttpSession): Promise<void> {
    const { state } = session;
    if (!state.stored) return;
    try {
      const moments = await this.records.touch(state.stored);
      if (!moments) return this.ended(session);
      state.moved(moments);
      exchange.cookieWasUsed(state.stored.sid);
    } catch (error) {
      if (!(error instanceof SessionStoreError)) throw error; // the store's own error was reported as an event
      exchange.touchFailed = true;
      exchange.renewal = undefined;
    }
  }

  #commitFailed(exchange: HttpExchange, error: unknown): Promise<never> {
    exchange.commitFailed = true;
    exchange.storeFailed ||= error instanceof SessionStoreError;
    // Faults of the store are events, and what a client can bring about (409) is no news.
    const isMistake = !(error instanceof SessionError) || error.getStatus() === 500;
    if (isMistake) this.log.error('The session was not saved', error);
    return Promise.reject(error instanceof Error ? error : new Error(String(error), { cause: error }));
  }
}
