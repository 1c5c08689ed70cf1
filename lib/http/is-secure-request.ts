import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';

/**
 * Whether the browser uses HTTPS, to us or to the proxy in front of us. A client can forge the proxy's header, but that
 * only hardens its own cookie: the attribute keeps the cookie off plain connections.
 */
export function isSecureRequest(request: IncomingMessage): boolean {
  if ((request.socket as TLSSocket).encrypted) return true;
  const forwarded = request.headers['x-forwarded-proto'];
  if (forwarded === undefined) return false;
  const first = String(forwarded).split(',', 1)[0] ?? '';
  return first.trim().toLowerCase() === 'https';
}
