import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';

/**
 * Whether the browser speaks HTTPS with us or with the proxy in front. The header can be forged by a client, which can
 * only harden its own cookie: the attribute keeps the cookie off plain connections.
 */
export function isSecureRequest(request: IncomingMessage): boolean {
  if ((request.socket as TLSSocket).encrypted) return true;
  const forwarded = request.headers['x-forwarded-proto'];
  if (forwarded === undefined) return false;
  const first = String(forwarded).split(',', 1)[0] ?? '';
  return first.trim().toLowerCase() === 'https';
}
