import type { ArgumentsHost } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { SessionUsageError } from '../errors/session.error.js';
import type { HttpExchange } from '../lifecycle/http-exchange.js';
import { exchangeOf } from './bind-to-adapter.js';

/** What a request can be found in. @publicApi */
export type SessionCarrier = ArgumentsHost | object;

type Found = IncomingMessage & { raw?: IncomingMessage };

/**
 * The exchange that belongs to a request, an ExecutionContext, an ArgumentsHost, or a gateway's client.
 *
 * @throws SessionUsageError when there is no HTTP request in it, or SessionModule does not serve it
 */
export function exchangeIn(carrier: SessionCarrier): HttpExchange {
  const request = requestIn(carrier);
  const exchange = request && exchangeOf(request);
  if (exchange) return exchange;
  throw new SessionUsageError(
    'no session here: pass the request, an ExecutionContext or an ArgumentsHost of an HTTP request that SessionModule serves',
  );
}

function requestIn(carrier: SessionCarrier): Found | undefined {
  if (!isHost(carrier)) return requestOfClient(carrier);
  if (carrier.getType() === 'http') return carrier.switchToHttp().getRequest<Found>();
  if (carrier.getType() === 'ws') return requestOfClient(carrier.switchToWs().getClient<object>());
  return undefined;
}

/** A request of Express, of Fastify or of Node; or a socket.io client, which keeps its upgrade request. */
function requestOfClient(client: object): Found | undefined {
  const { headers, raw, request } = client as { headers?: unknown; raw?: unknown; request?: unknown };
  if (headers !== undefined || raw !== undefined) return client as Found;
  return request === undefined ? undefined : (request as Found);
}

function isHost(carrier: SessionCarrier): carrier is ArgumentsHost {
  return typeof (carrier as Partial<ArgumentsHost>).switchToHttp === 'function';
}
