import { SessionError, SessionStoreError } from '../errors/session.error.js';
import { dressHead } from '../http/dress-head.js';
import { isSecureRequest } from '../http/is-secure-request.js';
import type { ResponseHead } from '../http/response-head.js';
import type { HttpExchange, OwedCookie } from './http-exchange.js';
import { warnAboutPlainHttp } from '../http/warn-about-plain-http.js';

/** Once per head, and the last word: nothing can set a cookie after this. */
export function dressAnswer(exchange: HttpExchange, head: ResponseHead): void {
  exchange.isHeadSent = true;
  const owed = exchange.owed ?? renewedCookie(exchange);
  if (!owed && !exchange.wasLookedAt && !exchange.storeFailed) return;
  const { cookie, options, log } = exchange.lifecycle;
  const secure = owed ? isSecureRequest(exchange.request) : false;
  if (owed?.kind === 'set' && options.cookie.secure === true && !secure) {
    warnAboutPlainHttp(exchange.request, log);
  }
  dressHead(head, {
    cookie: owed && (owed.kind === 'set' ? cookie.set(owed.sid, secure) : cookie.clear(secure)),
    isOwnCookie: line => cookie.isOwn(line),
    variesByCookie: exchange.wasLookedAt,
    retryAfterSeconds: exchange.storeFailed && head.status === 503 ? 1 : undefined,
  });
}

/** What is answered when the commit failed: the body that Nest's filters give the error, and nothing of the store. */
export function answerTo(exchange: HttpExchange, error: unknown): { status: number; body: string } {
  exchange.storeFailed ||= error instanceof SessionStoreError;
  if (error instanceof SessionError) {
    return { status: error.getStatus(), body: JSON.stringify(error.getResponse()) };
  }
  exchange.lifecycle.log.error('The response could not be sent', error);
  return { status: 500, body: JSON.stringify({ statusCode: 500, message: 'Internal Server Error' }) };
}

function renewedCookie({ renewal }: HttpExchange): OwedCookie | undefined {
  return renewal === undefined ? undefined : { kind: 'set', sid: renewal };
}
