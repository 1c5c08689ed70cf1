import { SessionStoreError } from '../errors/session.error.js';
import type { SessionEvents } from '../events/session-events.js';
import { Deadline } from '../time/with-deadline.js';
import type { Awaitable } from './session-store.js';
import { StoreRefusedError } from './store-refused.error.js';

/** How long calls are refused at once after the backend missed its deadline. */
const REST_MS = 1_000;

/**
 * Runs calls to a backend under one deadline. After a call that timed out, calls fail at once for a second; then one is
 * let through, and its outcome decides whether the others follow. So an outage costs one request its deadline, not all.
 */
export class StoreCalls {
  /** `resting`: fail at once. `trying`: one call may go through. `probing`: it is under way, the others fail. */
  #state: 'working' | 'resting' | 'trying' | 'probing' = 'working';

  constructor(
    readonly timeoutMs: number,
    readonly events: SessionEvents,
  ) {}

  /** @throws SessionStoreError, at once or as a rejection */
  run<T>(operation: string, call: () => Awaitable<T>): Awaitable<T> {
    if (this.#state === 'resting' || this.#state === 'probing') {
      throw this.#report(
        operation,
        new SessionStoreError(
          'SESSION_STORE_UNAVAILABLE',
          'the session store has not answered lately; try again soon',
        ),
      );
    }
    // The probes of an outage begin a second apart. One that takes so long to fail is followed by the next.
    const restMs = this.#state === 'trying' ? Math.max(REST_MS - this.timeoutMs, 0) : REST_MS;
    if (this.#state === 'trying') this.#state = 'probing';
    let result: Awaitable<T>;
    try {
      result = call();
    } catch (error) {
      this.#state = 'working'; // it answered, if only with an error
      throw this.failed(operation, error);
    }
    if (isThenable(result)) return this.#within(operation, result, restMs);
    this.#state = 'working';
    return result;
  }

  /** What the caller gets for an error of the backend. The event is emitted here. */
  failed(operation: string, cause: unknown): SessionStoreError {
    if (cause instanceof SessionStoreError) return this.#report(operation, cause);
    const error =
      cause instanceof StoreRefusedError
        ? new SessionStoreError('SESSION_STORE_REFUSED', 'the session store refused the call', { cause })
        : new SessionStoreError('SESSION_STORE_UNAVAILABLE', 'the session store is not available', { cause });
    return this.#report(operation, error);
  }

  #within<T>(operation: string, pending: PromiseLike<T>, restMs: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let isLate = false;
      const deadline = new Deadline(this.timeoutMs, () => {
        isLate = true;
        reject(this.#missed(operation, restMs));
      });
      pending.then(
        value => {
          deadline.clear();
          this.#state = 'working';
          resolve(value);
        },
        (error: unknown) => {
          deadline.clear();
          const failure = this.failed(operation, error);
          // After the deadline the caller has its answer; what came of the call is still worth the event.
          if (isLate) return;
          this.#state = 'working';
          reject(failure);
        },
      );
    });
  }

  #missed(operation: string, restMs: number): SessionStoreError {
    this.#rest(restMs);
    const message = `the session store did not answer "${operation}" within ${this.timeoutMs} ms`;
    return this.#report(operation, new SessionStoreError('SESSION_STORE_TIMEOUT', message));
  }

  #rest(ms: number): void {
    this.#state = 'resting';
    setTimeout(() => {
      if (this.#state === 'resting') this.#state = 'trying';
    }, ms).unref();
  }

  #report(operation: string, error: SessionStoreError): SessionStoreError {
    this.events.emit({ type: 'store-failed', operation, code: error.code, cause: error.cause ?? error });
    return error;
  }
}

/** Some database clients answer with objects of their own that can only be awaited; Jest has a `Promise` of its own. */
function isThenable<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>> | null | undefined)?.then === 'function';
}
