import { IncomingMessage, ServerResponse, type IncomingHttpHeaders } from 'node:http';
import { Socket } from 'node:net';
import { RequestSession } from '../lifecycle/request-session.js';
import type { SessionLifecycle } from '../lifecycle/session-lifecycle.js';

/** A request and its response, of Node's own classes, which no client has sent. */
export interface TestExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestSession: RequestSession;
}

/** Begins a request as the adapter does. It comes over HTTPS, so a cookie with any attributes can be set. */
export function beginExchange(lifecycle: SessionLifecycle, headers: IncomingHttpHeaders = {}): TestExchange {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { method: 'GET', url: '/', httpVersion: '1.1' });
  Object.assign(request.headers, { host: 'localhost', 'x-forwarded-proto': 'https', ...headers });
  const response = new ServerResponse(request);
  // Not `lifecycle.begin()`: the path may be in `exclude`.
  const requestSession = new RequestSession(lifecycle, request, response, false).attach();
  return { request, response, requestSession };
}
