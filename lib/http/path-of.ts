import type { IncomingMessage } from 'node:http';

/** The path without the query. Express removes a mount path from `url`, and keeps the whole in `originalUrl`. */
export function pathOf(request: IncomingMessage & { originalUrl?: string }): string {
  const url = request.originalUrl ?? request.url ?? '/';
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}
