import { AsyncLocalStorage } from 'node:async_hooks';
import type { HttpExchange } from '../lifecycle/http-exchange.js';

/** From this version on Node follows a context without asking every promise. */
const CHEAP_SINCE_NODE = 24;

/**
 * The request that the running code works for. Following it costs every request some microseconds on older versions of
 * Node, whether anybody asks or not, so there it is followed only when somebody may ask.
 */
export class CurrentExchange {
  readonly #storage = new AsyncLocalStorage<HttpExchange>();
  #isFollowed = Number.parseInt(process.versions.node, 10) >= CHEAP_SINCE_NODE;

  get isFollowed(): boolean {
    return this.#isFollowed;
  }

  /** From the next request on. */
  follow(): void {
    this.#isFollowed = true;
  }

  run<T>(exchange: HttpExchange, work: () => T): T {
    return this.#isFollowed ? this.#storage.run(exchange, work) : work();
  }

  get(): HttpExchange | undefined {
    return this.#storage.getStore();
  }
}
