/**
 * The session cookie's attributes.
 *
 * @publicApi
 */
export interface SessionCookieOptions {
  /**
   * The cookie's name. With `secure: true` a prefix is put before it: `__Host-` when the cookie is bound to this very
   * host (no `domain`, `path: '/'`), else `__Secure-`; browsers then refuse a cookie of that name that somebody else
   * planted (RFC 6265bis §4.1.3). A prefix written by hand is kept, and checked against the other attributes.
   * @default 'sid'
   */
  readonly name?: string;
  /**
   * The path below which the browser sends the cookie. It is no security boundary between applications of one host.
   * @default '/'
   */
  readonly path?: string;
  /**
   * Share the cookie with this domain and everything below it. **Warning**: every subdomain can then read and replace
   * it. Without it the cookie stays with the host that set it.
   * @default none
   */
  readonly domain?: string;
  /**
   * Whether the cookie travels over HTTPS only. `'auto'` decides by each request's protocol (`X-Forwarded-Proto: https`
   * counts: it can only harden) and leaves the name plain. With `true` browsers drop the cookie that comes over plain
   * HTTP, but for `localhost`, and nobody stays signed in. **Warning**: `false` lets anybody on the wire take the session.
   * @default true when `NODE_ENV` is `production`, else 'auto'
   */
  readonly secure?: boolean | 'auto';
  /**
   * Whether scripts in the page are kept from reading the cookie. **Warning**: with `false` one script injection is
   * enough to steal a session.
   * @default true
   */
  readonly httpOnly?: boolean;
  /**
   * Whether the browser sends the cookie with requests that come from other sites. `'none'` needs `secure: true`.
   * **Warning**: `'none'` takes away the first of the defences against cross-site request forgery.
   * @default 'lax'
   */
  readonly sameSite?: 'strict' | 'lax' | 'none';
  /**
   * Keep the cookie apart per top-level site (CHIPS), for pages that are embedded elsewhere. Needs `secure: true`.
   * @default false
   */
  readonly partitioned?: boolean;
  /**
   * Which cookies the browser drops last when it has too many.
   * @default none
   */
  readonly priority?: 'low' | 'medium' | 'high';
  /**
   * How long the browser keeps the cookie: milliseconds, or text like `'30d'`; 400 days at most (RFC 6265bis §5.5). It is
   * one for all sessions.
   * With it the cookie outlives the browser and is sent again whenever the session's activity is written down; without
   * it the cookie ends with the browser. The session itself ends by `idleTimeout` and `absoluteTimeout` in both cases.
   * @default none: a browser-session cookie
   */
  readonly maxAge?: number | string;
}
