import type { IncomingMessage } from 'node:http';
import { debuglog } from 'node:util';
import { pathOf } from '../http/path-of.js';

/**
 * With `NODE_DEBUG=nestjs-http-session`, writes to stderr what was read, decided and written for each request. A line
 * never contains a token, an id, a key or a value, and the path comes without its query.
 */
export class SessionTrace {
  readonly #write = debuglog('nestjs-http-session');
  readonly #numbers = new WeakMap<IncomingMessage, number>();
  #count = 0;

  get isOn(): boolean {
    return this.#write.enabled;
  }

  write(request: IncomingMessage, what: string): void {
    this.#write('#%d %s %s: %s', this.#numberOf(request), request.method, pathOf(request), what);
  }

  #numberOf(request: IncomingMessage): number {
    const number = this.#numbers.get(request) ?? ++this.#count;
    this.#numbers.set(request, number);
    return number;
  }
}
