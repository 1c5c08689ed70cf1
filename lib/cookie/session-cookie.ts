import { stringifySetCookie } from 'cookie';
import { plainTokens, type SessionTokens, type TokenVerdict } from '../crypto/session-token.js';
import type { ResolvedCookieOptions } from '../options/resolved-session-options.interface.js';
import { nameOfSetCookie, readCookieValues } from './cookie-header.js';

/** How many different tokens of one request are tried. A browser normally sends one. */
const MAX_CANDIDATES = 4;

/** What the `Cookie` header of a request contains under the name of the session cookie. */
export interface CookieCandidates {
  /** Whether there is a cookie of this name, well-formed or not. */
  readonly brought: boolean;
  /** The distinct genuine tokens in the order of the header: the first four of them. */
  readonly tokens: readonly string[];
  /** Whether there are values that cannot be tokens. */
  readonly malformed: boolean;
  /** Whether there are values that have the form of a token and that no key of ours has signed. */
  readonly forged: boolean;
  /** Whether there are more than four distinct genuine tokens, so that some are ignored. */
  readonly crowded: boolean;
}

/** One shared object: most requests have no session cookie, and should cost nothing. */
const NOTHING: CookieCandidates = Object.freeze({
  brought: false,
  tokens: Object.freeze([]),
  malformed: false,
  forged: false,
  crowded: false,
});

/** Reads the session cookie of requests, and writes the `Set-Cookie` lines that set and clear it. */
export class SessionCookie {
  readonly name: string;
  /** Whether the cookie is `Secure` on every request, so that browsers drop it over plain HTTP. */
  readonly isSecureOnly: boolean;
  private readonly start: string;
  private readonly setOverHttp: string;
  private readonly setOverHttps: string;
  private readonly clearOverHttp: string;
  private readonly clearOverHttps: string;

  constructor(
    options: ResolvedCookieOptions,
    private readonly tokens: SessionTokens = plainTokens,
  ) {
    const { name, secure } = options;
    const overHttp = secure === 'auto' ? false : secure;
    const overHttps = secure === 'auto' ? true : secure;

    this.name = name;
    this.isSecureOnly = secure === true;
    this.start = `${name}=`;
    this.setOverHttp = attributes(options, overHttp).slice(this.start.length);
    this.setOverHttps = attributes(options, overHttps).slice(this.start.length);
    this.clearOverHttp = attributes(options, overHttp, GONE);
    this.clearOverHttps = attributes(options, overHttps, GONE);
  }

  /** Never throws, and takes time in proportion to the length of the header, whatever the header contains. */
  read(header: string | undefined): CookieCandidates {
    if (header === undefined || !header.includes(this.start)) return NOTHING;
    const judge = (value: string): TokenVerdict => this.tokens.judge(value);
    const { genuine, malformed, forged, crowded } = readCookieValues(
      header,
      this.name,
      judge,
      MAX_CANDIDATES,
    );
    if (genuine.length === 0 && !malformed && !forged) return NOTHING;
    return { brought: true, tokens: genuine, malformed, forged, crowded };
  }

  /**
   * The `Set-Cookie` line that sets the cookie to a token.
   *
   * @param secure whether the request came over HTTPS. This matters only with the option `secure: 'auto'`.
   */
  set(token: string, secure: boolean): string {
    return this.start + token + (secure ? this.setOverHttps : this.setOverHttp);
  }

  /** The `Set-Cookie` line that removes the cookie. Its attributes must be those that the cookie was set with. */
  clear(secure: boolean): string {
    return secure ? this.clearOverHttps : this.clearOverHttp;
  }

  /** Whether a `Set-Cookie` line sets a cookie of this name. The application may have written the line. */
  isOwn(setCookieLine: string): boolean {
    return nameOfSetCookie(setCookieLine) === this.name;
  }
}

/** Browsers use `Max-Age`. `Expires` is for clients that know nothing else. */
const GONE = { maxAge: 0, expires: new Date(0) };

/** The whole `Set-Cookie` line with an empty value. */
function attributes(options: ResolvedCookieOptions, secure: boolean, gone?: typeof GONE): string {
  const { name, path, domain, httpOnly, sameSite, partitioned, priority, maxAgeMs } = options;
  return stringifySetCookie({
    name,
    value: '',
    path,
    domain,
    secure,
    httpOnly,
    sameSite,
    partitioned,
    priority,
    // Without `Expires`: browsers use `Max-Age`, and a date would be wrong on a client whose clock is wrong.
    // Rounded up, so that the cookie never ends earlier than the option says.
    maxAge: maxAgeMs === undefined ? undefined : Math.ceil(maxAgeMs / 1000),
    ...gone,
  });
}
