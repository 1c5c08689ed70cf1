import type { ArgumentsHost } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { RequestSession } from '../lifecycle/request-session.js';
import { requestSessionOf, detachedSessionOf } from './bind-to-adapter.js';
import { noSessionError } from './no-session-error.js';
import { upgradeRequestOf } from './upgrade-requests.js';

/**
 * An object in which a request is found: the request itself, an ExecutionContext, an ArgumentsHost, a GraphQL context,
 * or a gateway's client.
 *
 * @publicApi
 */
export type SessionCarrier = object;

type Found = IncomingMessage & { raw?: IncomingMessage };

/** A GraphQL context, as the usual servers and configurations make it. */
interface GraphqlContext {
  readonly req?: Found & { readonly extra?: { readonly request?: Found } };
  readonly request?: Found;
  readonly reply?: { readonly request?: Found };
}

/**
 * The RequestSession of a request, an ExecutionContext, an ArgumentsHost, a GraphQL context, or a gateway's client.
 *
 * @throws SessionUsageError when there is no HTTP request in it, or SessionModule does not serve it
 */
export function requireRequestSession(carrier: unknown): RequestSession {
  const requestSession =
    typeof carrier === 'object' && carrier ? requestSessionOfCarrier(carrier) : undefined;
  if (requestSession) return requestSession;
  throw noSessionError(carrier);
}

/** `undefined` when there is no HTTP request in it, or SessionModule does not serve it. */
export function requestSessionOfHost(host: ArgumentsHost): RequestSession | undefined {
  if (host.getType() === 'http') return requestSessionOf(host.switchToHttp().getRequest<Found>());
  if (host.getType() === 'ws') return requestSessionOfCarrier(host.switchToWs().getClient<object>());
  return isGraphql(host) ? requestSessionOfGraphqlContext(graphqlContextOf(host)) : undefined;
}

/**
 * The carrier is an ArgumentsHost, a request of Express, Fastify or Node, a GraphQL context, or a gateway's client. The
 * request by which a client connected is an upgrade request, or an ordinary one if a socket.io client began to poll.
 * The adapter sees neither of them.
 */
function requestSessionOfCarrier(carrier: object): RequestSession | undefined {
  if (isHost(carrier)) return requestSessionOfHost(carrier);
  const { headers, raw, request } = carrier as { headers?: unknown; raw?: unknown; request?: Found };
  // A GraphQL context may have `headers`, too, so this is not decided by the name alone.
  const direct = headers === undefined && raw === undefined ? undefined : requestSessionOf(carrier as Found);
  if (direct) return direct;
  const requestSession = requestSessionOfGraphqlContext(carrier);
  if (requestSession) return requestSession;
  const connected = request ?? upgradeRequestOf(carrier);
  return connected && detachedSessionOf(connected);
}

/**
 * The request is `req` with Apollo and by Nest's default, `request` in some configurations, and `reply.request` with
 * Mercurius. In a subscription of graphql-ws, `req` is that library's context, and the upgrade request is in `extra`.
 */
function requestSessionOfGraphqlContext(context: GraphqlContext): RequestSession | undefined {
  const { req, request, reply } = context;
  for (const found of [req, request, reply?.request, req?.extra?.request]) {
    const requestSession = found && requestSessionOf(found);
    if (requestSession) return requestSession;
  }
  return undefined;
}

/**
 * A resolver is called with its parent, the arguments, the context and the info. A reference resolver and a loader have
 * no arguments, so the context is one place further to the front.
 */
function graphqlContextOf(host: ArgumentsHost): GraphqlContext {
  const place = host.getArgByIndex(3) === undefined ? 1 : 2;
  return host.getArgByIndex<GraphqlContext | undefined>(place) ?? {};
}

function isGraphql(host: ArgumentsHost): boolean {
  return host.getType<'graphql'>() === 'graphql';
}

function isHost(carrier: object): carrier is ArgumentsHost {
  return typeof (carrier as Partial<ArgumentsHost>).switchToHttp === 'function';
}
