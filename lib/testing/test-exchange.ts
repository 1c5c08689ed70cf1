import { IncomingMessage, ServerResponse, type IncomingHttpHeaders } from 'node:http';
import { Socket } from 'node:net';
import type { RequestSession } from '../lifecycle/request-session.js';
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
  return { request, response, requestSession: lifecycle.begin(request, response) };
}
