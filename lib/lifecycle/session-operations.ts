import { AsyncLocalStorage } from 'node:async_hooks';
import { SessionUsageError } from '../errors/session.error.js';
import type { HttpSession } from '../session/http-session.js';
import type { HttpExchange } from './http-exchange.js';
import { KeyChanges, type Updater } from './key-changes.js';
import { SessionFlashes } from './session-flashes.js';
import type { SessionLifecycle } from './session-lifecycle.js';
import { SessionRotation, type Keep } from './session-rotation.js';

/**
 * What handlers do with a session by its methods: who may, and in which order. How it is done is next door, in
 * `KeyChanges`, `SessionFlashes` and `SessionRotation`.
 */
export class SessionOperations {
  readonly #keys: KeyChanges;
  readonly #flashes: SessionFlashes;
  readonly #rotation: SessionRotation;
  /** The session that the running `change` function of an `update()` belongs to. */
  readonly #updating = new AsyncLocalStorage<HttpExchange>();

  constructor(readonly lifecycle: SessionLifecycle) {
    this.#keys = new KeyChanges(lifecycle);
    this.#flashes = new SessionFlashes(lifecycle);
    this.#rotation = new SessionRotation(lifecycle);
  }

  /** Left for a later request; saved with the session. */
  flash(session: HttpSession, category: string, message: unknown): void {
    this.#flashes.add(session, category, message);
  }

  async update(session: HttpSession, key: string, change: Updater): Promise<unknown> {
    this.#assertFree(session, 'update()', { looks: true });
    if (typeof change !== 'function') throw new TypeError('[session] update(key, change) needs a function');
    const watched: Updater = value => this.#updating.run(session.exchange, () => change(value));
    return this.#writing(session, () => this.#keys.update(session, key, watched));
  }

  async take(session: HttpSession, key: string): Promise<unknown> {
    this.#assertFree(session, 'take()', { looks: true });
    return this.#shared(session, () => this.#keys.take(session, key));
  }

  async flashes(session: HttpSession, category: string | undefined): Promise<unknown[]> {
    this.#assertFree(session, 'flashes()', { looks: true });
    return this.#shared(session, () => this.#flashes.take(session, category));
  }

  async save(session: HttpSession): Promise<void> {
    this.#assertRunnable(session, 'save()');
    await this.#writing(session, async () => {
      const change = session.state.change();
      const isOnlyRemoval = Object.keys(change.set).length === 0;
      if (isOnlyRemoval && (change.delete.length === 0 || !session.state.stored)) return;
      if (!session.state.ended && (await this.lifecycle.write(session, change)) === 'done') return;
      if (isOnlyRemoval) return; // gone with the session
      throw this.lifecycle.endedError(session);
    });
  }

  async reload(session: HttpSession): Promise<void> {
    this.#assertFree(session, 'reload()');
    await this.#exclusive(session, async () => {
      const { stored } = session.state;
      if (!stored) return session.begin(this.lifecycle.newState(), true);
      const live = await this.lifecycle.records.find(stored.sid);
      if (!live) throw this.lifecycle.endedError(session);
      session.begin(this.lifecycle.newState(live), false);
    });
  }

  async touch(session: HttpSession): Promise<void> {
    this.#assertRunnable(session, 'touch()');
    await this.#shared(session, async () => {
      const { state } = session;
      if (!state.stored) return;
      const moments = state.ended ? undefined : await this.lifecycle.records.touch(state.stored);
      if (!moments) throw this.lifecycle.endedError(session);
      state.moved(moments);
      session.exchange.cookieWasUsed(state.stored.sid);
    });
  }

  async login(session: HttpSession, userId: string, keep: Keep): Promise<void> {
    if (typeof userId !== 'string' || userId === '') {
      throw new TypeError(
        '[session] login(userId) needs a non-empty string; make one of your id: String(user.id)',
      );
    }
    this.#assertFree(session, 'login()');
    await this.#exclusive(session, () => this.#rotation.login(session, userId, keep));
  }

  async regenerate(session: HttpSession, keep: Keep, replaces: boolean): Promise<void> {
    this.#assertFree(session, 'regenerate()');
    await this.#exclusive(session, () => this.#rotation.regenerate(session, keep, replaces));
  }

  /**
   * Ends whatever the request's cookies name: the session in hand, and ids that were absent when we looked, because one
   * may just have been rotated away, and its successor has to go too.
   */
  async destroy(session: HttpSession): Promise<void> {
    this.#assertFree(session, 'destroy()');
    const { exchange } = session;
    await this.#exclusive(session, async () => {
      await this.#rotation.endCandidates(session, 'logout');
      exchange.owed = exchange.candidates?.brought ? { kind: 'clear' } : undefined;
      exchange.renewal = undefined;
      session.begin(this.lifecycle.newState(), true);
    });
  }

  // --- details ------------------------------------------------------------------------------------------------------

  /** Side by side with others; but what may have to create the session waits, or two of them would create two. */
  #writing<T>(session: HttpSession, operation: () => Promise<T>): Promise<T> {
    const canShare = session.state.stored && !session.exchange.operations.isBlocked;
    return canShare ? this.#shared(session, operation) : this.#exclusive(session, operation);
  }

  #shared<T>(session: HttpSession, operation: () => Promise<T>): Promise<T> {
    return session.exchange.operations.shared(() => this.#inTurn(session, operation));
  }

  #exclusive<T>(session: HttpSession, operation: () => Promise<T>): Promise<T> {
    return session.exchange.operations.exclusive(() => this.#inTurn(session, operation));
  }

  /** Its turn may come after a `regenerate(callback)` that has put another object in this one's place. */
  async #inTurn<T>(session: HttpSession, operation: () => Promise<T>): Promise<T> {
    session.assertCurrent();
    return operation();
  }

  /** Not usable: left behind by `regenerate(callback)`, or never read because the store failed. */
  #assertUsable(session: HttpSession): void {
    session.assertCurrent();
    const { exchange } = session;
    this.lifecycle.engage(exchange);
    if (exchange.failure) throw exchange.failure;
  }

  /** These run beside a shared operation, and wait for an exclusive one. */
  #assertRunnable(session: HttpSession, name: string): void {
    const { state, exchange } = session;
    if (state.stored && !exchange.operations.isBlocked) this.#assertUsable(session);
    else this.#assertFree(session, name);
  }

  /** These wait for earlier operations of the same session, so one that waits inside another would wait for itself. */
  #assertFree(session: HttpSession, name: string, { looks = false } = {}): void {
    session.exchange.wasLookedAt ||= looks;
    this.#assertUsable(session);
    if (this.#updating.getStore() !== session.exchange) return;
    throw new SessionUsageError(
      `${name} cannot be called inside the function of an update() of the same session`,
    );
  }
}
