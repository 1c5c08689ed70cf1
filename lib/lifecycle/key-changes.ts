import { SessionClosedError, SessionConflictError, SessionUsageError } from '../errors/session.error.js';
import { fieldOfKey } from '../session/session-fields.js';
import type { StoredIdentity } from '../session/standing.js';
import { withDeadline } from '../time/with-deadline.js';
import { KeyQueue, type KeyTurn } from './key-queue.js';
import type { OwnedSession } from './operation-host.interface.js';
import type { SessionWriter } from './session-writer.js';

/** The function of an `update()`. */
export type Updater = (value: unknown) => unknown;

/** Computes what a compare-and-set writes, from the text that the key holds (`null`: none). */
type Attempt<T> = (text: string | null) => Promise<{ readonly value: T; readonly text: string | null }>;

/** `update()` and `take()`: changes of one key that no other request, in any process, can come between. */
export class KeyChanges {
  readonly #queues = new KeyQueue();

  constructor(
    readonly writer: SessionWriter,
    readonly timeoutMs: number,
  ) {}

  async update(session: OwnedSession, key: string, change: Updater): Promise<unknown> {
    const identity = this.writer.storedIdentity(session);
    const deadline = performance.now() + this.timeoutMs;
    const attempt: Attempt<unknown> = text => this.#compute(session, key, change, text, deadline);
    return identity
      ? this.#compareAndSet(session, identity, key, deadline, attempt)
      : this.#updateNew(session, key, attempt);
  }

  async take(session: OwnedSession, key: string): Promise<unknown> {
    const { state } = session;
    const identity = this.writer.storedIdentity(session);
    if (!identity) {
      const pending = state.get(key);
      state.set(key, undefined);
      return pending;
    }
    // A broken text is left in the store, so that it can be repaired.
    return this.#compareAndSet(session, identity, key, performance.now() + this.timeoutMs, async text => {
      if (text === null) return { value: undefined, text };
      const { value, isBroken } = state.decode(key, text);
      return { value, text: isBroken ? text : null };
    });
  }

  /** The session has no record yet, so no other request can know it: the value is computed and the session created. */
  async #updateNew(session: OwnedSession, key: string, attempt: Attempt<unknown>): Promise<unknown> {
    const { state, host } = session;
    host.assertCanSetCookie();
    const mark = state.mark(key);
    const { value, text } = await attempt(state.pendingText(key) ?? null);
    if (text !== null) await this.writer.write(session, { set: { [fieldOfKey(key)]: text }, delete: [] });
    state.adopt(fieldOfKey(key), text, mark);
    return value;
  }

  /**
   * Reads, computes and writes one key until no other write came in between. The calls of this process take turns and
   * hand on the text that they left, so each needs one round trip.
   */
  async #compareAndSet<T>(
    session: OwnedSession,
    identity: StoredIdentity,
    key: string,
    deadline: number,
    attempt: Attempt<T>,
  ): Promise<T> {
    const { state } = session;
    const field = fieldOfKey(key);
    const conflict = (): Error => this.#conflict(key);
    const takeTurn = async (turn: KeyTurn): Promise<T> => {
      const mark = state.mark(key);
      const pending = state.pendingText(key);
      let known = turn.text === undefined ? (state.texts[field] ?? null) : turn.text;
      for (let tries = 1; ; tries++) {
        // An unsaved assignment is the value to start from, and is not compared: the later of two assignments stays.
        const expected = pending === undefined ? known : undefined;
        const { value, text } = await attempt(pending === undefined ? known : pending);
        const found = await this.#writeKey(session, identity, field, text, expected);
        if (found === 'written') {
          turn.text = text;
          state.adopt(field, text, mark);
          return value;
        }
        known = turn.text = found.text;
        if (performance.now() >= deadline) throw conflict();
        await pause(tries);
      }
    };
    return this.#queues.run(`${identity.id} ${key}`, deadline - performance.now(), takeTurn, conflict);
  }

  /** Writes one key. If it does not hold the expected text, writes nothing and returns the text that it holds. */
  async #writeKey(
    session: OwnedSession,
    identity: StoredIdentity,
    field: string,
    text: string | null,
    expected: string | null | undefined,
  ): Promise<'written' | { readonly text: string | null }> {
    const change = text === null ? { set: {}, delete: [field] } : { set: { [field]: text }, delete: [] };
    const expect = expected === undefined ? undefined : { [field]: expected };
    const result = await this.writer.update(session, identity, change, expect);
    if (result === 'gone') throw SessionClosedError.ended();
    return result === 'done' ? 'written' : { text: result.current[field] ?? null };
  }

  /** Runs the application's function on a copy of the value. */
  async #compute(
    session: OwnedSession,
    key: string,
    change: Updater,
    text: string | null,
    deadline: number,
  ): Promise<{ readonly value: unknown; readonly text: string | null }> {
    const { state } = session;
    const current = text === null ? undefined : state.decode(key, text);
    const running = Promise.resolve(change(current?.value));
    const value = await withDeadline(running, deadline - performance.now(), () => this.#conflict(key));
    if (value !== undefined) return { value, text: state.encode(value, fieldOfKey(key), key) };
    if (!current || current.isBroken) return { value, text }; // the key had no value, and stays as it is
    const name = JSON.stringify(key.slice(0, 200));
    throw new SessionUsageError(
      `update(${name}) was not applied: its function returned undefined. Return the new value; to remove the key use delete(${name}) or take(${name})`,
    );
  }

  #conflict(key: string): SessionConflictError {
    return new SessionConflictError(
      `update(${JSON.stringify(key.slice(0, 200))}) or take() gave up after ${this.timeoutMs} ms and changed nothing: other requests kept writing the key, or the function was too slow`,
    );
  }
}

/** Waits a little longer after each try. The random part keeps two callers that collided from colliding again. */
function pause(tries: number): Promise<void> {
  const limit = Math.min(2 ** tries, 50);
  return new Promise(resolve => setTimeout(resolve, Math.random() * limit));
}
