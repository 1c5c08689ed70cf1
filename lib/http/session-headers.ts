import type { ResponseHead } from './response-head.js';

/** The headers that the session adds to a head. */
export interface SessionHeaders {
  /** A `Set-Cookie` line; `undefined` if the response says nothing about the cookie. */
  readonly cookie: string | undefined;
  /** Whether a `Set-Cookie` line sets the session cookie. */
  readonly isOwnCookie: (line: string) => boolean;
  readonly variesByCookie: boolean;
  readonly retryAfterSeconds: number | undefined;
}

export function addSessionHeaders(head: ResponseHead, dress: SessionHeaders): void {
  if (dress.cookie !== undefined) {
    const others = listOf(head.get('set-cookie')).filter(line => !dress.isOwnCookie(line));
    head.set('set-cookie', [...others, dress.cookie]);
    // `Set-Cookie` alone does not keep a shared cache from storing the response (RFC 9111 §7.3). Headers that address
    // such caches directly would override `Cache-Control` (RFC 9213).
    head.set('cache-control', 'no-store');
    head.remove('cdn-cache-control');
    head.remove('surrogate-control');
  }
  if (dress.variesByCookie) {
    const vary = listOf(head.get('vary')).join(', ');
    if (!vary) head.set('vary', 'Cookie');
    else if (!/(?:^|,)\s*(?:\*|cookie)\s*(?:,|$)/i.test(vary)) head.set('vary', `${vary}, Cookie`);
  }
  if (dress.retryAfterSeconds !== undefined && head.get('retry-after') === undefined) {
    head.set('retry-after', String(dress.retryAfterSeconds));
  }
}

function listOf(value: string | readonly string[] | number | undefined): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
