import { exchangeIn, type SessionCarrier } from './nest/request-of.js';
import type { SessionData } from './session/session-data.interface.js';
import type { SessionOf } from './session/session.interface.js';

/**
 * The session of a request, anywhere one is at hand: guards, middleware, filters, GraphQL resolvers, gateways. Loads it
 * when that has not happened yet; afterwards always gives the current object.
 *
 * @param carrier the request of Express, Fastify or Node, an ExecutionContext, an ArgumentsHost, a GraphQL context, or a
 *   gateway's client. A WebSocket outlives its upgrade request: there every call reads anew, and writes need `save()`.
 * @throws SessionUsageError when there is no such request, or its path is excluded
 * @throws SessionStoreError from the first look on, when the session could not be read
 * @example
 * ```ts
 * @Injectable()
 * class SignedInGuard implements CanActivate {
 *   async canActivate(context: ExecutionContext) {
 *     return (await getSession(context)).loggedInAs !== undefined;
 *   }
 * }
 * ```
 *
 * @publicApi
 */
export async function getSession<T = SessionData>(carrier: SessionCarrier): Promise<SessionOf<T>> {
  const exchange = exchangeIn(carrier);
  return (await exchange.getSession()).facade as SessionOf<T>;
}
