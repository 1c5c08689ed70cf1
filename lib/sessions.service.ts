import { Inject, Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { SessionUsageError } from './errors/session.error.js';
import type { SessionEvent } from './events/session-events.js';
import { assertUserId } from './session/user-id.js';
import { SESSION_ENGINE } from './session.constants.js';
import type { SessionEngine } from './session.engine.js';
import { infoOf, type SessionInfo } from './session-info.js';
import type { SessionData } from './session/session-data.interface.js';
import type { SessionOf } from './session/session.interface.js';

/**
 * The sessions of the application: the current one, from any code that a request runs, and all sessions of a user, to
 * list and to end them.
 *
 * @example
 * ```ts
 * @Injectable()
 * class Accounts {
 *   constructor(private readonly sessions: Sessions) {}
 *
 *   async passwordChanged(userId: string) {
 *     const session = await this.sessions.current();
 *     await this.sessions.revokeByUser(userId, { except: session.id });
 *   }
 * }
 * ```
 *
 * @publicApi
 */
@Injectable()
export class Sessions {
  readonly #engine: SessionEngine;

  constructor(@Inject(SESSION_ENGINE) engine: SessionEngine) {
    this.#engine = engine;
  }

  /** What happens to sessions in this process, as it happens. No event contains a token. */
  get events$(): Observable<SessionEvent> {
    return this.#engine.events.events$;
  }

  /**
   * Returns the session of the request that the running code works for, and loads it if that has not happened yet.
   *
   * @throws SessionUsageError outside of a request, and on a path of `exclude`
   */
  async current<T = SessionData>(): Promise<SessionOf<T>> {
    const requestSession = this.#engine.current.get();
    if (!requestSession) {
      const error = new SessionUsageError(
        'Sessions.current() was called outside of a request, or in middleware on a path of "exclude", so there is no session',
      );
      this.#engine.lifecycle.log.mistake(error); // Nest logs no HttpException
      throw error;
    }
    return (await requestSession.getSession()).facade as SessionOf<T>;
  }

  /**
   * Returns the facts of a live session, or `undefined` if there is none with this id. Does not extend the session.
   *
   * @throws SessionStoreError
   */
  async get(id: string): Promise<SessionInfo | undefined> {
    const live = await this.#noting(this.#engine.stored.findById(id));
    return live && infoOf(live);
  }

  /** Returns the live sessions of a user, most recently used first. @throws SessionStoreError */
  async listByUser(userId: string): Promise<SessionInfo[]> {
    assertUserId(userId);
    const live = await this.#noting(this.#engine.users.list(userId));
    return live.map(infoOf).toSorted((a, b) => b.lastSeenAt.getTime() - a.lastSeenAt.getTime());
  }

  /**
   * Ends a session by its id. Its next request, in any process, has an empty session. Returns `false` if there is no
   * such session or, with `userId`, if it belongs to another user or gets a new id at the same moment. If `userId` is
   * given but `undefined` (`session.loggedInAs` of a visitor), nothing is ended and the result is `false`.
   *
   * @throws SessionStoreError
   * @example
   * ```ts
   * await sessions.revoke(id, { userId: session.loggedInAs }); // one of their own, or none
   * ```
   */
  async revoke(id: string, options: { readonly userId?: string | undefined } = {}): Promise<boolean> {
    if (!('userId' in options)) return this.#noting(this.#engine.users.revoke(id));
    if (options.userId === undefined) return false;
    assertUserId(options.userId);
    return this.#noting(this.#engine.users.revoke(id, options.userId));
  }

  /**
   * Ends all sessions of a user except `except`, and returns how many. A login that runs at the same time is either
   * ended, or alive and listed; it is never alive and hidden.
   *
   * @throws SessionStoreError when the store failed. Call it again: it continues where it stopped
   */
  async revokeByUser(
    userId: string,
    options: { readonly except?: string | undefined } = {},
  ): Promise<number> {
    assertUserId(userId);
    return this.#noting(this.#engine.users.revokeAll(userId, options.except));
  }

  /**
   * Removes expired records now and returns how many. A store that cannot do it, such as Redis, which
   * removes them on its own, returns 0.
   *
   * @throws SessionStoreError
   */
  async prune(): Promise<number> {
    return this.#noting(this.#engine.store.prune(this.#engine.clock.now()));
  }

  /** For health checks. Resolves when the store answers. @throws SessionStoreError with the cause, when it does not */
  async ping(): Promise<void> {
    await this.#noting(this.#engine.store.ping());
  }

  /** A 503 of the current request says when to try again. The error alone does not reach its response. */
  async #noting<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      this.#engine.current.get()?.noteStoreError(error);
      throw error;
    }
  }
}
