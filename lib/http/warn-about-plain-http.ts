import type { IncomingMessage } from 'node:http';
import type { SessionLog } from '../events/session-log.interface.js';

/** A browser drops a `Secure` cookie that comes over plain HTTP, but for hosts of its own machine. Says so, once. */
export function warnAboutPlainHttp({ headers }: IncomingMessage, log: SessionLog): void {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  if (/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|.*\.localhost)$/i.test(host)) return;
  log.warnOnce(
    'plain-http',
    'The session cookie is "Secure" and this request came over plain HTTP, so browsers drop it. Serve the application over HTTPS; behind a proxy, let it send X-Forwarded-Proto.',
  );
}
