import type { ArgumentsHost } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { SessionUsageError } from '../errors/session.error.js';
import type { HttpExchange } from '../lifecycle/http-exchange.js';
import { exchangeOf, unattachedExchangeOf } from './bind-to-adapter.js';

/** What a request can be found in. @publicApi */
export type SessionCarrier = ArgumentsHost | object;

type Found = IncomingMessage & { raw?: IncomingMessage };

/**
 * The exchange that belongs to a request, an ExecutionContext, an ArgumentsHost, or a gateway's client.
 *
 * @throws SessionUsageError when there is no HTTP request in it, or SessionModule does not serve it
 */
export function exchangeIn(carrier: SessionCarrier): HttpExchange {
  const exchange = isHost(carrier) ? exchangeOfHost(carrier) : exchangeOfRequestOrClient(carrier);
  if (exchange) return exchange;
  throw new SessionUsageError(
    'no session here: pass the request, an ExecutionContext or an ArgumentsHost of an HTTP request that SessionModule serves',
  );
}

function exchangeOfHost(host: ArgumentsHost): HttpExchange | undefined {
  if (host.getType() === 'http') return exchangeOf(host.switchToHttp().getRequest<Found>());
  if (host.getType() === 'ws') return exchangeOfRequestOrClient(host.switchToWs().getClient<object>());
  return undefined;
}

/**
 * A request of Express, Fastify or Node; or a socket.io client, which keeps the request by which it connected. That is an
 * upgrade request, or an ordinary one when the client began to poll, which socket.io answers before the adapter sees it.
 */
function exchangeOfRequestOrClient(carrier: object): HttpExchange | undefined {
  const { headers, raw, request } = carrier as { headers?: unknown; raw?: unknown; request?: Found };
  if (headers !== undefined || raw !== undefined) return exchangeOf(carrier as Found);
  return request && (exchangeOf(request) ?? unattachedExchangeOf(request));
}

function isHost(carrier: SessionCarrier): carrier is ArgumentsHost {
  return typeof (carrier as Partial<ArgumentsHost>).switchToHttp === 'function';
}
