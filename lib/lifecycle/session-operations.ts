import { AsyncLocalStorage } from 'node:async_hooks';
import { SessionClosedError, SessionConflictError, SessionUsageError } from '../errors/session.error.js';
import { categoryOfField, fieldOfKey } from '../session/session-fields.js';
import type { HttpSession } from '../session/http-session.js';
import { assertFits } from '../session/session-size.js';
import type { SessionChange, StoredIdentity } from '../session/session-state.js';
import type { HttpExchange } from './http-exchange.js';
import { inTime, KeyQueue, type Line } from './key-queue.js';
import type { SessionLifecycle } from './session-lifecycle.js';
import { RotatesSessions, type Keep } from './session-rotation.js';

type Change = (value: unknown) => unknown;
/** What a compare-and-set writes, given the text it starts from (`null`: nothing there). */
type Attempt<T> = (text: string | null) => Promise<{ readonly value: T; readonly text: string | null }>;

/** What handlers do with a session by its methods. Rotations are next door, in `RotatesSessions`. */
export class SessionOperations {
  readonly #queues = new KeyQueue();
  readonly #rotation: RotatesSessions;
  /** The session that the running `change` function of an `update()` belongs to. */
  readonly #updating = new AsyncLocalStorage<HttpExchange>();

  constructor(readonly lifecycle: SessionLifecycle) {
    this.#rotation = new RotatesSessions(lifecycle);
  }

  async update(session: HttpSession, key: string, change: Change): Promise<unknown> {
    this.#assertFree(session, 'update()', { looks: true });
    if (typeof change !== 'function') throw new TypeError('[session] update(key, change) needs a function');
    return this.#writing(session, () =>
      session.state.stored ? this.#updateStored(session, key, change) : this.#updateNew(session, key, change),
    );
  }

  async take(session: HttpSession, key: string): Promise<unknown> {
    this.#assertFree(session, 'take()', { looks: true });
    return session.exchange.operations.shared(() => this.#take(session, key));
  }

  async flashes(session: HttpSession, category: string | undefined): Promise<unknown[]> {
    this.#assertFree(session, 'flashes()', { looks: true });
    const fields = await session.exchange.operations.shared(() => this.#takeFlashes(session, category));
    return fields.map(({ field, message }) =>
      category === undefined ? { category: categoryOfField(field), message } : message,
    );
  }

  async save(session: HttpSession): Promise<void> {
    this.#assertUsable(session);
    await this.#writing(session, async () => {
      const change = session.state.change();
      const isOnlyRemoval = Object.keys(change.set).length === 0;
      if (isOnlyRemoval && (change.delete.length === 0 || !session.state.stored)) return;
      if (!session.state.ended && (await this.lifecycle.write(session, change)) === 'done') return;
      if (isOnlyRemoval) return; // gone with the session
      throw this.#ended(session);
    });
  }

  async reload(session: HttpSession): Promise<void> {
    this.#assertFree(session, 'reload()');
    await session.exchange.operations.exclusive(async () => {
      const { stored } = session.state;
      if (!stored) return session.begin(this.lifecycle.newState(), true);
      const live = await this.lifecycle.records.find(stored.sid);
      if (!live) throw this.#ended(session);
      session.begin(this.lifecycle.newState(live), false);
    });
  }

  async touch(session: HttpSession): Promise<void> {
    this.#assertUsable(session);
    await session.exchange.operations.shared(async () => {
      const { state } = session;
      if (!state.stored) return;
      const moments = state.ended ? undefined : await this.lifecycle.records.touch(state.stored);
      if (!moments) throw this.#ended(session);
      state.moved(moments);
      this.lifecycle.cookieWasUsed(session.exchange, state.stored.sid);
    });
  }

  async login(session: HttpSession, userId: string, keep: Keep): Promise<void> {
    if (typeof userId !== 'string' || userId === '') {
      throw new TypeError(
        '[session] login(userId) needs a non-empty string; make one of your id: String(user.id)',
      );
    }
    this.#assertFree(session, 'login()');
    await session.exchange.operations.exclusive(() => this.#rotation.login(session, userId, keep));
  }

  async regenerate(session: HttpSession, keep: Keep, replaces: boolean): Promise<void> {
    this.#assertFree(session, 'regenerate()');
    await session.exchange.operations.exclusive(() => this.#rotation.regenerate(session, keep, replaces));
  }

  /**
   * Ends whatever the request's cookies name: the session in hand, and ids that were absent when we looked, because one
   * may just have been rotated away, and its successor has to go too.
   */
  async destroy(session: HttpSession): Promise<void> {
    this.#assertFree(session, 'destroy()');
    const { exchange } = session;
    await exchange.operations.exclusive(async () => {
      await this.#rotation.endCandidates(session, 'logout');
      exchange.owed = exchange.candidates?.brought ? { kind: 'clear' } : undefined;
      session.begin(this.lifecycle.newState(), true);
    });
  }

  // --- update and take ----------------------------------------------------------------------------------------------

  async #updateNew(session: HttpSession, key: string, change: Change): Promise<unknown> {
    const { state, exchange } = session;
    this.lifecycle.assertCanSetCookie(exchange);
    const mark = state.mark(key);
    const late = performance.now() + this.#timeout;
    const { value, text } = await this.#changed(session, key, change, state.pendingText(key) ?? null, late);
    if (text === null) {
      state.adopt(fieldOfKey(key), null, mark);
      return undefined;
    }
    await this.lifecycle.write(session, { set: { [fieldOfKey(key)]: text }, delete: [] });
    state.adopt(fieldOfKey(key), text, mark);
    return value;
  }

  #updateStored(session: HttpSession, key: string, change: Change): Promise<unknown> {
    const late = performance.now() + this.#timeout;
    return this.#compareAndSet(session, key, late, text => this.#changed(session, key, change, text, late));
  }

  async #take(session: HttpSession, key: string): Promise<unknown> {
    const { state } = session;
    if (!state.stored) {
      const pending = state.get(key);
      state.set(key, undefined);
      return pending;
    }
    return this.#compareAndSet(session, key, performance.now() + this.#timeout, text =>
      Promise.resolve(taken(text === null ? undefined : state.decode(key, text), text)),
    );
  }

  /**
   * Reads, computes and writes one key until nobody wrote in between. Those of this process take turns, and hand each
   * other the text they left, so that each needs one round trip.
   */
  async #compareAndSet<T>(session: HttpSession, key: string, late: number, attempt: Attempt<T>): Promise<T> {
    const { state } = session;
    const stored = this.#storedOf(session);
    const conflict = (): Error => this.#conflict(key);
    const turn = async (line: Line): Promise<T> => {
      const mark = state.mark(key);
      const pending = state.pendingText(key);
      let known = line.text === undefined ? (state.texts[fieldOfKey(key)] ?? null) : line.text;
      for (let tries = 1; ; tries++) {
        // An unsaved assignment counts as the current value and is not compared: the later of two assignments stays.
        const { value, text } = await attempt(pending === undefined ? known : pending);
        const current = await this.#writeKey(
          session,
          stored,
          key,
          text,
          pending === undefined ? known : undefined,
        );
        if (current === undefined) {
          line.text = text;
          state.adopt(fieldOfKey(key), text, mark);
          return value;
        }
        known = line.text = current.text;
        if (performance.now() >= late) throw conflict();
        await pause(tries);
      }
    };
    return this.#queues.run(`${stored.id} ${key}`, late - performance.now(), turn, conflict);
  }

  /** `undefined`: written. Otherwise what the key holds instead of what was expected. */
  async #writeKey(
    session: HttpSession,
    stored: StoredIdentity,
    key: string,
    text: string | null,
    expected: string | null | undefined,
  ): Promise<{ text: string | null } | undefined> {
    const field = fieldOfKey(key);
    const change: SessionChange = {
      set: text === null ? {} : { [field]: text },
      delete: text === null ? [field] : [],
    };
    assertFits(session.state.texts, change, this.lifecycle.options.maxSizeBytes);
    const expect = expected === undefined ? undefined : { [field]: expected };
    const { result, moments } = await this.lifecycle.records.update(stored, change, expect);
    if (result === 'gone') throw this.#ended(session);
    if (result !== 'done') return { text: result.current[field] ?? null };
    session.state.moved(moments);
    this.lifecycle.cookieWasUsed(session.exchange, stored.sid);
    return undefined;
  }

  /** Runs the user's function on a copy of its own. */
  async #changed(session: HttpSession, key: string, change: Change, text: string | null, late: number) {
    const { state, exchange } = session;
    const current = text === null ? undefined : state.decode(key, text).value;
    const running = this.#updating.run(exchange, async () => change(current));
    const value = await inTime(running, late - performance.now(), () => this.#conflict(key));
    return { value, text: value === undefined ? null : state.encode(value, key) };
  }

  // --- flash messages -----------------------------------------------------------------------------------------------

  async #takeFlashes(session: HttpSession, category: string | undefined) {
    const { state } = session;
    const fields = state
      .flashFields()
      .filter(field => category === undefined || categoryOfField(field) === category)
      .map(field => ({ field, text: state.flashText(field) ?? '', isNew: state.dropNewFlash(field) }));
    const stored = fields.filter(({ isNew }) => !isNew);
    const mine = await this.#takeFields(session, stored);
    return fields
      .filter(({ field, isNew }) => isNew || mine.has(field))
      .map(({ field, text }) => ({ field, message: state.decode('flash message', text).value }));
  }

  /** Removes the fields that nobody else has taken, in one step; those that somebody has are left out. */
  async #takeFields(
    session: HttpSession,
    fields: readonly { field: string; text: string }[],
  ): Promise<Set<string>> {
    const { state } = session;
    let wanted = new Map(fields.map(({ field, text }) => [field, text]));
    while (wanted.size > 0 && state.stored && !state.ended) {
      const change = { set: {}, delete: [...wanted.keys()] };
      const { result } = await this.lifecycle.records.update(
        state.stored,
        change,
        Object.fromEntries(wanted),
      );
      if (result === 'gone') {
        this.lifecycle.ended(session);
        break;
      }
      if (result === 'done') {
        for (const field of wanted.keys()) state.adopt(field, null);
        return new Set(wanted.keys());
      }
      for (const [field, text] of Object.entries(result.current)) if (text === null) state.adopt(field, null);
      wanted = new Map([...wanted].filter(([field, text]) => result.current[field] === text));
    }
    return new Set();
  }

  // --- details ------------------------------------------------------------------------------------------------------

  /** Side by side with others; but what may have to create the session waits, or two of them would create two. */
  #writing<T>({ state, exchange: { operations } }: HttpSession, operation: () => Promise<T>): Promise<T> {
    return state.stored && !operations.isBlocked
      ? operations.shared(operation)
      : operations.exclusive(operation);
  }

  #storedOf({ state, exchange }: HttpSession): StoredIdentity {
    if (state.stored && !state.ended) return state.stored;
    this.lifecycle.assertCanSetCookie(exchange);
    throw SessionClosedError.ended();
  }

  #ended(session: HttpSession): SessionClosedError {
    if (!session.state.ended) this.lifecycle.ended(session);
    return SessionClosedError.ended();
  }

  #conflict(key: string): SessionConflictError {
    return new SessionConflictError(
      `"${key}" was not changed: other requests kept changing it, or its function took longer, than ${this.#timeout} ms`,
    );
  }

  /** Not usable: left behind by `regenerate(callback)`, or never read because the store failed. */
  #assertUsable(session: HttpSession): void {
    session.assertCurrent();
    const { exchange } = session;
    this.lifecycle.change(exchange);
    if (exchange.failure) throw exchange.failure;
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

  get #timeout(): number {
    return this.lifecycle.options.storeTimeoutMs;
  }
}

/** What `take()` gives and leaves: nothing, or a broken text, which stays for whoever can mend it. */
function taken(found: { value: unknown; isBroken: boolean } | undefined, text: string | null) {
  return { value: found?.value, text: found?.isBroken ? text : null };
}

/** A little longer each time, and never the same for two that met. */
function pause(tries: number): Promise<void> {
  const limit = Math.min(2 ** tries, 50);
  return new Promise(resolve => setTimeout(resolve, Math.random() * limit));
}
