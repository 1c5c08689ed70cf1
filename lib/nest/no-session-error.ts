import { Logger, type ArgumentsHost } from '@nestjs/common';
import { SessionUsageError } from '../errors/session.error.js';
import { isOurServer, type Request } from './bind-to-adapter.js';

const logger = new Logger('SessionModule');

/** What is wrong, and the remedy, in a handler that is not one of HTTP. */
const MESSAGES: Readonly<Record<string, string>> = {
  rpc: 'a message handler ("rpc") has no HTTP request, so it has no session. Remove @Session() and getSession(), and send what the handler needs in the message',
  ws: 'no HTTP request was found in this WebSocket client, so there is no session. Call getSession(request) with the request that handleConnection(client, request) gets',
  graphql:
    'the GraphQL context has no request that SessionModule serves, so there is no session. Let the function "context" of the GraphQLModule return the request as "req"',
};

/**
 * The error for a place where there is no session. It is logged as well: Nest's filters answer 500 and log no
 * HttpException, so the developer would see no cause.
 */
export function noSessionError(carrier: unknown): SessionUsageError {
  const error = new SessionUsageError(reasonOf(carrier));
  logger.error(error.message, error.stack);
  return error;
}

function reasonOf(carrier: unknown): string {
  if (typeof carrier !== 'object' || carrier === null) {
    return `getSession() was called with ${carrier === null ? 'null' : `a value of type ${typeof carrier}`}. ${WHAT_TO_PASS}`;
  }
  const { switchToHttp, getType } = carrier as Partial<ArgumentsHost>;
  if (typeof switchToHttp !== 'function' || typeof getType !== 'function') {
    const isRequest = 'headers' in carrier || 'raw' in carrier;
    return isRequest
      ? reasonOfRequest(carrier as Request)
      : `this object has no HTTP request. ${WHAT_TO_PASS}`;
  }
  const host = carrier as ArgumentsHost;
  const type = host.getType<string>();
  if (type === 'http') return reasonOfRequest(host.switchToHttp().getRequest<Request>());
  return (
    MESSAGES[type] ?? `a handler of type "${type}" has no HTTP request, so it has no session. ${WHAT_TO_PASS}`
  );
}

const WHAT_TO_PASS = 'Pass the request, an ExecutionContext or an ArgumentsHost of an HTTP request';

function reasonOfRequest(request: Request): string {
  return isOurServer(request)
    ? 'the session of this request is not open yet: this code runs before SessionModule. Ask in a middleware, a guard or a handler'
    : "there is no SessionModule in the application that serves this request. Write imports: [SessionModule.forRoot('filesystem')], with the type of your store, in its root module";
}
