import { requireRequestSession, type SessionCarrier } from './nest/request-of.js';
import type { SessionData } from './session/session-data.interface.js';
import type { SessionOf } from './session/session.interface.js';

/**
 * Returns the session of a request: in guards, middleware, filters, GraphQL resolvers and gateways. Loads it if that
 * has not happened yet. Every call for the same request returns the same object, until `regenerate(callback)` replaces
 * it.
 *
 * @param carrier the request of Express, Fastify or Node, an ExecutionContext, an ArgumentsHost, a GraphQL context, or
 *   a gateway's client. A WebSocket outlives its upgrade request, so there every call reads the session again, and
 *   changes need `save()`.
 * @throws SessionUsageError when the carrier has no HTTP request, when SessionModule does not serve it, or when its
 *   path is in `exclude`. The error is logged, too
 * @throws SessionStoreError not here, but when the session is first read or changed, if it could not be loaded
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
  const requestSession = requireRequestSession(carrier);
  return (await requestSession.getSession()).facade as SessionOf<T>;
}
