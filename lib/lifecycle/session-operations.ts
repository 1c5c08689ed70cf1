import { AsyncLocalStorage } from 'node:async_hooks';
import type { SessionBackend } from '../backend/session-backend.interface.js';
import { SessionClosedError, SessionUsageError } from '../errors/session.error.js';
import type { Keep, SessionMethods } from '../session/http-session.js';
import { assertLoginId } from '../session/user-id.js';
import type { Clock } from '../time/clock.js';
import { KeyChanges, type Updater } from './key-changes.js';
import { SessionFlashes } from './session-flashes.js';
import type { OwnedSession, OperationHost } from './operation-host.interface.js';
import { SessionRotation } from './session-rotation.js';
import type { SessionWriter } from './session-writer.js';

export interface OperationParts {
  readonly backend: SessionBackend;
  readonly writer: SessionWriter;
  readonly clock: Clock;
  readonly storeTimeoutMs: number;
  readonly maxSizeBytes: number;
}

/**
 * The methods of a session: which of them may run now, and in which order. `KeyChanges`, `SessionFlashes` and
 * `SessionRotation` do the work.
 */
export class SessionOperations implements SessionMethods {
  readonly #backend: SessionBackend;
  readonly #writer: SessionWriter;
  readonly #keys: KeyChanges;
  readonly #flashes: SessionFlashes;
  readonly #rotation: SessionRotation;
  /** The request whose `update()` function is running. */
  readonly #updating = new AsyncLocalStorage<OperationHost>();

  constructor({ backend, writer, clock, storeTimeoutMs, maxSizeBytes }: OperationParts) {
    this.#backend = backend;
    this.#writer = writer;
    this.#keys = new KeyChanges(writer, storeTimeoutMs);
    this.#flashes = new SessionFlashes(writer, clock);
    this.#rotation = new SessionRotation(backend, writer, maxSizeBytes);
  }

  /** Adds a message for a later request. It is saved with the session. */
  flash(session: OwnedSession, category: string, message: unknown): void {
    this.#flashes.add(session, category, message);
  }

  async update(session: OwnedSession, key: string, change: Updater): Promise<unknown> {
    this.#assertQueueable(session, 'update()', { looks: true });
    if (typeof change !== 'function') throw new TypeError('[session] update(key, change) needs a function');
    const marked: Updater = value => this.#updating.run(session.host, () => change(value));
    return this.#writing(session, () => this.#keys.update(session, key, marked));
  }

  async take(session: OwnedSession, key: string): Promise<unknown> {
    this.#assertQueueable(session, 'take()', { looks: true });
    return this.#shared(session, () => this.#keys.take(session, key));
  }

  async flashes(session: OwnedSession, category: string | undefined): Promise<unknown[]> {
    this.#assertQueueable(session, 'flashes()', { looks: true });
    return this.#shared(session, () => this.#flashes.take(session, category));
  }

  async save(session: OwnedSession): Promise<void> {
    // Inside the function of an update(), a save runs concurrently with that update. Elsewhere it runs alone: of a save
    // and a take() of the same key, the one that was started first has to be written first.
    const isInside = this.#updating.getStore() === session.host;
    if (isInside) this.#assertRunnable(session, 'save()');
    else this.#assertUsable(session);
    const write = async (): Promise<void> => {
      const change = session.state.collectChange();
      const onlyRemoves = Object.keys(change.set).length === 0;
      const isEmpty = change.delete.length === 0 || session.state.standing.kind === 'empty';
      if (onlyRemoves && isEmpty) return;
      if ((await this.#writer.write(session, change)) === 'done') return;
      // The keys to remove are gone with the session.
      if (!onlyRemoves) throw SessionClosedError.ended();
    };
    await (isInside ? this.#writing(session, write) : this.#exclusive(session, write));
  }

  async reload(session: OwnedSession): Promise<void> {
    this.#assertQueueable(session, 'reload()');
    await this.#exclusive(session, async () => {
      const { state, host } = session;
      if (!state.identity) return session.restart(host.newState(), true);
      const live = await this.#backend.find(state.identity.token);
      if (live) return session.restart(host.newState(live), false);
      this.#writer.markEnded(session);
      throw SessionClosedError.ended();
    });
  }

  async touch(session: OwnedSession): Promise<void> {
    this.#assertRunnable(session, 'touch()');
    await this.#shared(session, async () => {
      const identity = this.#writer.storedIdentity(session);
      if (identity && (await this.#writer.touch(session, identity)) === 'gone') {
        throw SessionClosedError.ended();
      }
    });
  }

  async login(session: OwnedSession, userId: string, keep: Keep): Promise<void> {
    assertLoginId(userId);
    this.#assertQueueable(session, 'login()');
    await this.#exclusive(session, () => this.#rotation.login(session, userId, keep));
  }

  async regenerate(session: OwnedSession, keep: Keep, replacesObject: boolean): Promise<void> {
    this.#assertQueueable(session, 'regenerate()');
    await this.#exclusive(session, () => this.#rotation.regenerate(session, keep, replacesObject));
  }

  /**
   * Ends every session that the request's cookies name. That includes ids that were absent at the load: one may just
   * have been rotated away, and then its successor has to end, too.
   */
  async destroy(session: OwnedSession): Promise<void> {
    this.#assertQueueable(session, 'destroy()');
    const { host } = session;
    await this.#exclusive(session, async () => {
      await this.#rotation.endCandidates(session, 'logout');
      host.answer.clearCookie(host.broughtCookie);
      session.restart(host.newState(), true);
    });
  }

  // --- details ------------------------------------------------------------------------------------------------------

  /**
   * Runs concurrently with other operations, unless the session may have to be created first. Then it runs alone,
   * because two concurrent operations would create two sessions.
   */
  #writing<T>(session: OwnedSession, operation: () => Promise<T>): Promise<T> {
    return this.#hasRecord(session) && !session.host.queue.isBlocked
      ? this.#shared(session, operation)
      : this.#exclusive(session, operation);
  }

  #shared<T>(session: OwnedSession, operation: () => Promise<T>): Promise<T> {
    return session.host.queue.runShared(() => this.#inTurn(session, operation));
  }

  #exclusive<T>(session: OwnedSession, operation: () => Promise<T>): Promise<T> {
    return session.host.queue.runExclusive(() => this.#inTurn(session, operation));
  }

  /** An earlier `regenerate(callback)` may have replaced the object by the time its operation runs. */
  async #inTurn<T>(session: OwnedSession, operation: () => Promise<T>): Promise<T> {
    session.host.assertCurrent(session);
    return operation();
  }

  /** @throws when `regenerate(callback)` replaced the object, or the session could not be loaded */
  #assertUsable(session: OwnedSession): void {
    const { host } = session;
    host.assertCurrent(session);
    host.engage();
    host.assertReadable();
  }

  /** For operations that run concurrently with shared ones, also inside the function of an `update()`. */
  #assertRunnable(session: OwnedSession, name: string): void {
    if (this.#hasRecord(session) && !session.host.queue.isBlocked) this.#assertUsable(session);
    else this.#assertQueueable(session, name);
  }

  /**
   * For operations that queue behind earlier ones. Inside the function of an `update()` they would deadlock, so they
   * are rejected there.
   */
  #assertQueueable(session: OwnedSession, name: string, { looks = false } = {}): void {
    if (looks) session.host.answer.noteLook();
    this.#assertUsable(session);
    if (this.#updating.getStore() !== session.host) return;
    throw new SessionUsageError(
      `${name} cannot be called inside the function of an update() of the same session`,
    );
  }

  #hasRecord({ state }: OwnedSession): boolean {
    return state.standing.kind !== 'empty';
  }
}
