import type { WebSocketAdapter } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';

const requests = new WeakMap<object, IncomingMessage>();
const watched = new WeakSet<WebSocketAdapter>();

/** The request by which a gateway's client connected. A client of `ws` does not keep it, a client of socket.io does. */
export function upgradeRequestOf(client: object): IncomingMessage | undefined {
  return requests.get(client);
}

/**
 * Remembers the request of each client that connects to a gateway. Nest gives it to `handleConnection()` only. It binds
 * the gateways at application start, after `main.ts` has set the adapter or, without one, after it has made its own.
 *
 * @param onRequest called with each of these requests: the server of a gateway may be another than the application's
 */
export function rememberUpgradeRequests(
  config: ApplicationConfig,
  onRequest: (request: IncomingMessage) => void,
): void {
  const setIoAdapter = config.setIoAdapter.bind(config);
  config.setIoAdapter = adapter => {
    watchConnections(adapter, onRequest);
    setIoAdapter(adapter);
  };
}

function watchConnections(adapter: WebSocketAdapter, onRequest: (request: IncomingMessage) => void): void {
  if (watched.has(adapter)) return;
  watched.add(adapter);
  const bindClientConnect = adapter.bindClientConnect.bind(adapter) as (...args: unknown[]) => unknown;
  adapter.bindClientConnect = (server, connect: (...args: unknown[]) => unknown) =>
    bindClientConnect(server, (client: { readonly request?: unknown }, ...rest: unknown[]) => {
      const request = [client.request, rest[0]].find(isRequest);
      if (request) {
        requests.set(client, request);
        onRequest(request);
      }
      return connect(client, ...rest);
    });
}

function isRequest(value: unknown): value is IncomingMessage {
  const { headers, socket } = Object(value) as { readonly headers?: unknown; readonly socket?: unknown };
  return headers !== undefined && socket !== undefined;
}
