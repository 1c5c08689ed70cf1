import { SessionClosedError, SessionConflictError } from '../errors/session.error.js';
import type { HttpSession } from '../session/http-session.js';
import { fieldOfKey } from '../session/session-fields.js';
import { assertFits } from '../session/session-size.js';
import type { SessionChange, StoredIdentity } from '../session/session-state.js';
import { inTime, KeyQueue, type Line } from './key-queue.js';
import type { SessionLifecycle } from './session-lifecycle.js';

/** The function of an `update()`. */
export type Updater = (value: unknown) => unknown;
/** What a compare-and-set writes, given the text it starts from (`null`: nothing there). */
type Attempt<T> = (text: string | null) => Promise<{ readonly value: T; readonly text: string | null }>;

/** Changes of one key that no other request, in any process, gets in between: `update()` and `take()`. */
export class KeyChanges {
  readonly #queues = new KeyQueue();

  constructor(readonly lifecycle: SessionLifecycle) {}

  update(session: HttpSession, key: string, change: Updater): Promise<unknown> {
    return session.state.stored
      ? this.#updateStored(session, key, change)
      : this.#updateNew(session, key, change);
  }

  async #updateNew(session: HttpSession, key: string, change: Updater): Promise<unknown> {
    const { state, exchange } = session;
    exchange.assertCanSetCookie();
    const mark = state.mark(key);
    const deadline = performance.now() + this.#timeout;
    const { value, text } = await this.#changed(
      session,
      key,
      change,
      state.pendingText(key) ?? null,
      deadline,
    );
    if (text === null) {
      state.adopt(fieldOfKey(key), null, mark);
      return undefined;
    }
    await this.lifecycle.write(session, { set: { [fieldOfKey(key)]: text }, delete: [] });
    state.adopt(fieldOfKey(key), text, mark);
    return value;
  }

  #updateStored(session: HttpSession, key: string, change: Updater): Promise<unknown> {
    const deadline = performance.now() + this.#timeout;
    return this.#compareAndSet(session, key, deadline, text =>
      this.#changed(session, key, change, text, deadline),
    );
  }

  async take(session: HttpSession, key: string): Promise<unknown> {
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
  async #compareAndSet<T>(
    session: HttpSession,
    key: string,
    deadline: number,
    attempt: Attempt<T>,
  ): Promise<T> {
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
        if (performance.now() >= deadline) throw conflict();
        await pause(tries);
      }
    };
    return this.#queues.run(`${stored.id} ${key}`, deadline - performance.now(), turn, conflict);
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
    if (result === 'gone') throw this.lifecycle.endedError(session);
    if (result !== 'done') return { text: result.current[field] ?? null };
    session.state.moved(moments);
    session.exchange.cookieWasUsed(stored.sid);
    return undefined;
  }

  /** Runs the user's function on a copy of its own. */
  async #changed(session: HttpSession, key: string, change: Updater, text: string | null, deadline: number) {
    const { state } = session;
    const current = text === null ? undefined : state.decode(key, text).value;
    const running = Promise.resolve(change(current));
    const value = await inTime(running, deadline - performance.now(), () => this.#conflict(key));
    return { value, text: value === undefined ? null : state.encode(value, fieldOfKey(key), key) };
  }

  #storedOf({ state, exchange }: HttpSession): StoredIdentity {
    if (state.stored && !state.ended) return state.stored;
    exchange.assertCanSetCookie();
    throw SessionClosedError.ended();
  }

  #conflict(key: string): SessionConflictError {
    return new SessionConflictError(
      `${JSON.stringify(key.slice(0, 200))} was not changed: other requests kept changing it, or its function took longer, than ${this.#timeout} ms`,
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
