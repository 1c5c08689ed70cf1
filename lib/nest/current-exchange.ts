import { AsyncLocalStorage } from 'node:async_hooks';
import type { HttpExchange } from '../lifecycle/http-exchange.js';

/** The request that the running code works for, so that `Sessions.current()` needs no argument. */
export class CurrentExchange {
  readonly #storage = new AsyncLocalStorage<HttpExchange>();

  /** Runs this work, and everything that it starts, for the request. */
  run<T>(exchange: HttpExchange, work: () => T): T {
    return this.#storage.run(exchange, work);
  }

  get(): HttpExchange | undefined {
    return this.#storage.getStore();
  }
}
