import { SessionStoreError } from '../errors/session.error.js';
import type { SessionEvents } from '../events/session-events.js';
import { Deadline } from '../time/with-deadline.js';
import type { Awaitable } from './session-store.js';
import { StoreRefusedError } from './store-refused.error.js';

/** How long all calls are refused after the backend has missed a deadline. */
const OPEN_MS = 1_000;

/**
 * The circuit breaker between the module and a store.
 *
 * - `closed`: every call goes to the backend, with a deadline.
 * - `open`: a call has missed its deadline. For a second, all calls fail at once.
 * - `half-open`: the second is over. The next call goes to the backend.
 * - `probing`: that call is in progress, and all others fail at once. If it is answered, if only with an error, the
 *   circuit closes. If it misses its deadline too, the circuit opens again.
 *
 * So an outage makes one request per second wait for the deadline, and not all of them.
 */
type CircuitState = 'closed' | 'open' | 'half-open' | 'probing';

/** Runs the calls to a store with a deadline, through a circuit breaker. */
export class StoreCalls {
  #state: CircuitState = 'closed';

  constructor(
    readonly timeoutMs: number,
    readonly events: SessionEvents,
  ) {}

  /**
   * Makes one call.
   *
   * @throws SessionStoreError synchronously, or as a rejection
   */
  run<T>(operation: string, call: () => Awaitable<T>): Awaitable<T> {
    if (this.#state === 'open' || this.#state === 'probing') {
      throw this.#report(
        operation,
        new SessionStoreError(
          'SESSION_STORE_UNAVAILABLE',
          'the session store missed its deadline; calls are refused for a second, then one is let through',
        ),
      );
    }
    // Probes begin one second apart. If a probe misses its deadline, the time it took counts towards that second.
    const openMs = this.#state === 'half-open' ? Math.max(OPEN_MS - this.timeoutMs, 0) : OPEN_MS;
    if (this.#state === 'half-open') this.#state = 'probing';
    let result: Awaitable<T>;
    try {
      result = call();
    } catch (error) {
      this.#state = 'closed'; // an error is an answer too
      throw this.toStoreError(operation, error);
    }
    if (isThenable(result)) return this.#withDeadline(operation, result, openMs);
    this.#state = 'closed';
    return result;
  }

  /** The error that the caller gets for an error of the backend. Emits the event `store-failed`. */
  toStoreError(operation: string, cause: unknown): SessionStoreError {
    if (cause instanceof SessionStoreError) return this.#report(operation, cause);
    const error =
      cause instanceof StoreRefusedError
        ? new SessionStoreError('SESSION_STORE_REFUSED', 'the session store refused the call', { cause })
        : new SessionStoreError('SESSION_STORE_UNAVAILABLE', 'the session store is not available', { cause });
    return this.#report(operation, error);
  }

  #withDeadline<T>(operation: string, pending: PromiseLike<T>, openMs: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let isLate = false;
      const deadline = new Deadline(this.timeoutMs, () => {
        isLate = true;
        reject(this.#onMissed(operation, openMs));
      });
      pending.then(
        value => {
          deadline.clear();
          this.#state = 'closed';
          resolve(value);
        },
        (error: unknown) => {
          deadline.clear();
          const failure = this.toStoreError(operation, error);
          if (isLate) return; // the caller has its answer already; the event was still worth emitting
          this.#state = 'closed';
          reject(failure);
        },
      );
    });
  }

  #onMissed(operation: string, openMs: number): SessionStoreError {
    this.#open(openMs);
    const message = `the session store did not answer "${operation}" within ${this.timeoutMs} ms`;
    return this.#report(operation, new SessionStoreError('SESSION_STORE_TIMEOUT', message));
  }

  #open(ms: number): void {
    this.#state = 'open';
    setTimeout(() => {
      if (this.#state === 'open') this.#state = 'half-open';
    }, ms).unref();
  }

  #report(operation: string, error: SessionStoreError): SessionStoreError {
    this.events.emit({ type: 'store-failed', operation, code: error.code, cause: error.cause ?? error });
    return error;
  }
}

/** Not `instanceof Promise`: some database clients return thenables of their own, and Jest has its own `Promise`. */
function isThenable<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>> | null | undefined)?.then === 'function';
}
