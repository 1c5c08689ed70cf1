import type { ServerResponse } from 'node:http';

/** The facts that a locked response reports about itself. */
export interface HeadLock {
  readonly state: string;
  readonly isEndQueued: boolean;
}

const HEADER_METHODS = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const;

/** While a commit runs, the head counts as sent. Otherwise other code could begin a second response. */
export function lockHead(response: ServerResponse, lock: HeadLock): void {
  const inherited = (property: string): unknown =>
    Reflect.get(Object.getPrototypeOf(response) as object, property, response);
  Object.defineProperties(response, {
    headersSent: { configurable: true, get: () => lock.state === 'leaving' || inherited('headersSent') },
    writableEnded: { configurable: true, get: () => lock.isEndQueued || inherited('writableEnded') },
  });
  for (const method of HEADER_METHODS) {
    Object.defineProperty(response, method, { configurable: true, writable: true, value: refuseHeader });
  }
}

/** Lets the headers be changed again, which only we do from here on. */
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
