import type { ArgumentsHost } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { SessionUsageError } from '../errors/session.error.js';
import type { HttpExchange } from '../lifecycle/http-exchange.js';
import { exchangeOf, unattachedExchangeOf } from './bind-to-adapter.js';

/** What a request can be found in. @publicApi */
export type SessionCarrier = ArgumentsHost | object;

type Found = IncomingMessage & { raw?: IncomingMessage };

/** A GraphQL context, as the usual servers and configurations make it. */
interface GraphqlContext {
  readonly req?: Found & { readonly extra?: { readonly request?: Found } };
  readonly request?: Found;
  readonly reply?: { readonly request?: Found };
}

const NO_REQUEST =
  'no session here: pass the request, an ExecutionContext or an ArgumentsHost of an HTTP request that SessionModule serves';
const NO_REQUEST_IN_GRAPHQL =
  'no session here: the GraphQL context has no request that SessionModule serves. Let the function "context" of the GraphQLModule return the request as "req"';

/**
 * The exchange that belongs to a request, an ExecutionContext, an ArgumentsHost, a GraphQL context, or a gateway's client.
 *
 * @throws SessionUsageError when there is no HTTP request in it, or SessionModule does not serve it
 */
export function exchangeIn(carrier: SessionCarrier): HttpExchange {
  const exchange = isHost(carrier) ? exchangeOfHost(carrier) : exchangeOfCarrier(carrier);
  if (exchange) return exchange;
  throw new SessionUsageError(isHost(carrier) && isGraphql(carrier) ? NO_REQUEST_IN_GRAPHQL : NO_REQUEST);
}

/** `undefined` when there is no HTTP request in it, or SessionModule does not serve it. */
export function exchangeOfHost(host: ArgumentsHost): HttpExchange | undefined {
  if (host.getType() === 'http') return exchangeOf(host.switchToHttp().getRequest<Found>());
  if (host.getType() === 'ws') return exchangeOfCarrier(host.switchToWs().getClient<object>());
  return isGraphql(host) ? exchangeOfGraphqlContext(graphqlContextOf(host)) : undefined;
}

/**
 * A request of Express, Fastify or Node; a GraphQL context; or a socket.io client, which keeps the request by which it
 * connected. That is an upgrade request, or an ordinary one when the client began to poll, which socket.io answers before
 * the adapter sees it.
 */
function exchangeOfCarrier(carrier: object): HttpExchange | undefined {
  const { headers, raw, request } = carrier as { headers?: unknown; raw?: unknown; request?: Found };
  if (headers !== undefined || raw !== undefined) return exchangeOf(carrier as Found);
  return exchangeOfGraphqlContext(carrier) ?? (request && unattachedExchangeOf(request));
}

/**
 * The request is `req` with Apollo and by Nest's default, `request` in some configurations, and `reply.request` with
 * Mercurius. In a subscription of graphql-ws, `req` is that library's context, and the upgrade request is in `extra`.
 */
function exchangeOfGraphqlContext(context: GraphqlContext): HttpExchange | undefined {
  const { req, request, reply } = context;
  for (const found of [req, request, reply?.request, req?.extra?.request]) {
    const exchange = found && exchangeOf(found);
    if (exchange) return exchange;
  }
  return undefined;
}

/**
 * A resolver is called with its parent, the arguments, the context and the info. A reference resolver and a loader have no
 * arguments, so the context is one place further to the front.
 */
function graphqlContextOf(host: ArgumentsHost): GraphqlContext {
  const place = host.getArgByIndex(3) === undefined ? 1 : 2;
  return host.getArgByIndex<GraphqlContext | undefined>(place) ?? {};
}

function isGraphql(host: ArgumentsHost): boolean {
  return host.getType<'graphql'>() === 'graphql';
}

function isHost(carrier: SessionCarrier): carrier is ArgumentsHost {
  return typeof (carrier as Partial<ArgumentsHost>).switchToHttp === 'function';
}
