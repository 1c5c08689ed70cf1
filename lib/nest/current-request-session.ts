import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestSession } from '../lifecycle/request-session.js';

/** The request that the running code works for, so that `Sessions.current()` needs no argument. */
export class CurrentRequestSession {
  readonly #storage = new AsyncLocalStorage<RequestSession>();

  /** Runs this work, and everything that it starts, for the request. */
  run<T>(requestSession: RequestSession, work: () => T): T {
    return this.#storage.run(requestSession, work);
  }

  get(): RequestSession | undefined {
    return this.#storage.getStore();
  }
}
