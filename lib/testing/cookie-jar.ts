import { parseSetCookie } from 'cookie';
import { systemClock, type Clock } from '../time/clock.js';
import { setCookieLinesOf, type ResponseLike } from './response-cookies.js';

interface KeptCookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly isSecure: boolean;
  /** Milliseconds since the epoch; `Infinity` until the browser is closed. */
  readonly endsAt: number;
}

/** @publicApi */
export interface CookieJarOptions {
  /**
   * Where the browser is: cookies for other hosts are refused, and `Secure` cookies are refused on `http:`, except on
   * `localhost`, which browsers trust.
   * @default 'http://localhost'
   */
  readonly origin?: string;
  /**
   * The clock that decides which cookies have expired.
   * @default the clock of the machine
   */
  readonly clock?: Clock;
}

/**
 * Keeps the cookies of responses as a browser does, and says what the browser would send. For clients that keep no
 * cookies: fetch, `inject()`, and single requests of supertest. One jar is one browser.
 *
 * The jar knows the rules for expiry, `Path`, `Domain`, `Secure`, `__Host-` and `__Secure-`
 * ({@link https://www.rfc-editor.org/rfc/rfc6265 | RFC 6265} and its revision). It does not know `SameSite` and
 * `Partitioned`, because it makes no requests from other sites.
 *
 * @example
 * ```ts
 * const jar = new CookieJar();
 * jar.keep(await fetch('http://localhost:3000/login', { method: 'POST' }));
 * await fetch('http://localhost:3000/cart', { headers: { cookie: jar.header() } });
 * ```
 *
 * @publicApi
 */
export class CookieJar {
  readonly #cookies = new Map<string, KeptCookie>();
  readonly #origin: URL;
  readonly #clock: Clock;

  /** @throws TypeError if `origin` is not a URL */
  constructor({ origin = 'http://localhost', clock = systemClock }: CookieJarOptions = {}) {
    this.#origin = new URL(origin);
    this.#clock = clock;
  }

  /**
   * Keeps the cookies that a response sets, and drops those that it clears.
   *
   * @param response of fetch, supertest, Fastify's `inject()` or Node
   * @param path the path of the request, for cookies without `Path`
   * @returns the same response
   */
  keep<Response extends ResponseLike>(response: Response, path = '/'): Response {
    for (const line of setCookieLinesOf(response)) this.#keepLine(line, path);
    return response;
  }

  /** The `Cookie` header of the next request to a path of the origin. It is empty if there is nothing to send. */
  header(path = '/'): string {
    const pathname = new URL(path, this.#origin).pathname;
    return [...this.#cookies.values()]
      .filter(cookie => this.#clock.now() < cookie.endsAt && isPathWithin(pathname, cookie.path))
      .filter(({ isSecure }) => !isSecure || this.#isTrusted)
      .toSorted((one, other) => other.path.length - one.path.length)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }

  /** Another jar with the same cookies: a second tab, or a thief. */
  copy(): CookieJar {
    const copy = new CookieJar({ origin: this.#origin.href, clock: this.#clock });
    for (const [key, cookie] of this.#cookies) copy.#cookies.set(key, cookie);
    return copy;
  }

  get #isTrusted(): boolean {
    const { protocol, hostname } = this.#origin;
    return protocol === 'https:' || /^(?:localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  }

  #keepLine(line: string, requestPath: string): void {
    // The value is sent back as it came.
    const cookie = parseSetCookie(line, { decode: value => value });
    const { name, value = '', maxAge, expires, domain, secure: isSecure = false } = cookie;
    const path = cookie.path?.startsWith('/') ? cookie.path : defaultPath(requestPath);
    const isHostOnly = domain === undefined || domain === '';
    if (!isHostOnly && !isDomainOf(domain, this.#origin.hostname)) return;
    if (isSecure && !this.#isTrusted) return;
    if (/^__secure-/i.test(name) && !isSecure) return;
    if (/^__host-/i.test(name) && !(isSecure && isHostOnly && cookie.path === '/')) return;
    const now = this.#clock.now();
    const endsAt = maxAge === undefined ? (expires?.getTime() ?? Infinity) : now + maxAge * 1000;
    const key = [name, isHostOnly ? '' : withoutDot(domain), path].join(';');
    if (endsAt > now) this.#cookies.set(key, { name, value, path, isSecure, endsAt });
    else this.#cookies.delete(key);
  }
}

const withoutDot = (domain: string): string => domain.replace(/^\./, '').toLowerCase();

function isDomainOf(domain: string, hostname: string): boolean {
  const name = withoutDot(domain);
  return hostname === name || hostname.endsWith(`.${name}`);
}

/** RFC 6265, section 5.1.4: the directory of the request. */
function defaultPath(path: string): string {
  const end = path.lastIndexOf('/');
  return end > 0 ? path.slice(0, end) : '/';
}

function isPathWithin(path: string, folder: string): boolean {
  if (!path.startsWith(folder)) return false;
  return path.length === folder.length || folder.endsWith('/') || path[folder.length] === '/';
}
