/**
 * The session cookie's attributes.
 *
 * @publicApi
 */
export interface SessionCookieOptions {
  /**
   * The cookie's name. With `secure: true` a prefix is added: `__Host-` if the cookie is sent to this host only (no
   * `domain`, `path: '/'`), otherwise `__Secure-`. A browser then refuses a cookie of that name that another site or an
   * attacker in the network tries to set (RFC 6265bis §4.1.3). If the name already has a prefix, it is kept and checked
   * against the other attributes.
   * @default 'sid'
   */
  readonly name?: string;
  /**
   * The browser sends the cookie with requests for this path and all paths below it. This does not protect applications
   * of one host from each other.
   * @default '/'
   */
  readonly path?: string;
  /**
   * Share the cookie with this domain and all its subdomains. **Warning**: every subdomain can then read and replace
   * the cookie.
   * @default none: only the host that set the cookie gets it
   */
  readonly domain?: string;
  /**
   * Whether the browser sends the cookie over HTTPS only.
   *
   * - `true`: yes. Over plain HTTP a browser drops such a cookie, except for `localhost`, and no user stays signed in.
   * - `'auto'`: if the request came over HTTPS. `X-Forwarded-Proto: https` counts as HTTPS, since that can only make
   *   the cookie safer. The name gets no prefix.
   * - `false`: no. **Warning**: anyone who can read the network traffic can take over the session.
   *
   * @default true when `NODE_ENV` is `production`, else 'auto'
   */
  readonly secure?: boolean | 'auto';
  /**
   * Whether the cookie is hidden from scripts in the page. **Warning**: with `false`, one injected script is enough to
   * steal a session.
   * @default true
   */
  readonly httpOnly?: boolean;
  /**
   * Whether the browser sends the cookie with requests that other sites start.
   *
   * - `'strict'`: never.
   * - `'lax'`: only when the user follows a link to this site.
   * - `'none'`: always. Needs `secure: true`. **Warning**: this removes the first defence against cross-site request
   *   forgery.
   *
   * @default 'lax'
   */
  readonly sameSite?: 'strict' | 'lax' | 'none';
  /**
   * Whether the browser keeps a separate cookie for each site that embeds this one (CHIPS). Needs `secure: true`.
   * @default false
   */
  readonly partitioned?: boolean;
  /**
   * How long the browser holds on to the cookie when it has too many: `'low'` is dropped first, `'high'` last.
   * @default none
   */
  readonly priority?: 'low' | 'medium' | 'high';
  /**
   * How long the browser keeps the cookie: milliseconds, or a text like `'30d'`; 400 days at most (RFC 6265bis §5.5).
   * The same value applies to all sessions. The cookie is sent again each time the session's activity is written
   * down. The session itself ends by `idleTimeout` and `absoluteTimeout`, so raise those as well.
   * @default none: the cookie ends when the browser is closed
   */
  readonly maxAge?: number | string;
}
