import type { IncomingMessage } from 'node:http';
import type { SessionLog } from '../events/session-log.interface.js';

/** Warns once. Browsers drop a `Secure` cookie that arrives over plain HTTP, except from hosts on their own machine. */
export function warnAboutPlainHttp({ headers }: IncomingMessage, log: SessionLog): void {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  if (/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|.*\.localhost)$/i.test(host)) return;
  log.warnOnce(
    'plain-http',
    'The session cookie is "Secure" and this request came over plain HTTP, so browsers drop it. Serve the application over HTTPS; behind a proxy, let it send X-Forwarded-Proto.',
  );
}
