import type { ServerResponse } from 'node:http';

/** What a locked response says of itself. */
export interface HeadLock {
  readonly isCommitting: boolean;
  readonly isEndQueued: boolean;
}

const HEADER_METHODS = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const;

/** While a commit runs the head counts as sent, or somebody would begin a second answer. */
export function lockHead(response: ServerResponse, lock: HeadLock): void {
  const inherited = (property: string): unknown =>
    Reflect.get(Object.getPrototypeOf(response) as object, property, response);
  Object.defineProperties(response, {
    headersSent: { configurable: true, get: () => lock.isCommitting || inherited('headersSent') },
    writableEnded: { configurable: true, get: () => lock.isEndQueued || inherited('writableEnded') },
  });
  for (const method of HEADER_METHODS) {
    Object.defineProperty(response, method, { configurable: true, writable: true, value: refuseHeader });
  }
}

/** The headers can be changed again, if only by us. */
export function unlockHead(response: ServerResponse): void {
  const methods = response as unknown as Record<string, unknown>;
  for (const method of HEADER_METHODS) {
    if (Object.hasOwn(methods, method) && methods[method] === refuseHeader) delete methods[method];
  }
}

function refuseHeader(): never {
  const error = new Error('Cannot change headers after they are sent: the session is being saved');
  throw Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}
