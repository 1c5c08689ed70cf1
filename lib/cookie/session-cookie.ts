import { stringifySetCookie } from 'cookie';
import { isSid } from '../crypto/session-id.js';
import type { ResolvedCookieOptions } from '../options/resolved-session-options.interface.js';
import { nameOfSetCookie, readCookieValues } from './cookie-header.js';

/** How many different tokens of one request are tried. A browser that behaves sends one. */
const MAX_CANDIDATES = 4;

/** What a request brought under our cookie's name. */
export interface CookieCandidates {
  /** Whether there was a cookie of our name, well-formed or not. */
  readonly brought: boolean;
  /** The distinct well-formed tokens in the order of the header, at most four. */
  readonly tokens: readonly string[];
  /** Whether there were values of our name that cannot be ours. */
  readonly malformed: boolean;
  /** Whether there were more than four distinct well-formed tokens, so that some were not looked at. */
  readonly crowded: boolean;
}

/** Shared: most requests bring no cookie of ours, and they should cost nothing. */
const NOTHING: CookieCandidates = Object.freeze({
  brought: false,
  tokens: Object.freeze([]),
  malformed: false,
  crowded: false,
});

/** The session cookie: read from requests, and written and cleared with the same attributes. */
export class SessionCookie {
  readonly name: string;
  /** Whether the cookie is `Secure` on every request, so that browsers drop it over plain HTTP. */
  readonly isSecureOnly: boolean;
  private readonly start: string;
  private readonly setOverHttp: string;
  private readonly setOverHttps: string;
  private readonly clearOverHttp: string;
  private readonly clearOverHttps: string;

  constructor(options: ResolvedCookieOptions) {
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

  /** Whatever the header says, this neither throws nor takes more than time in proportion to its length. */
  read(header: string | undefined): CookieCandidates {
    if (header === undefined || !header.includes(this.start)) return NOTHING;
    // The token is the sid itself: 256 random bits have nothing to sign.
    const { wellFormed, malformed, crowded } = readCookieValues(header, this.name, isSid, MAX_CANDIDATES);
    if (wellFormed.length === 0 && !malformed) return NOTHING;
    return { brought: true, tokens: wellFormed, malformed, crowded };
  }

  /**
   * The `Set-Cookie` line that hands out a token. `secure` says whether the request came over HTTPS; it matters with
   * `secure: 'auto'` only.
   */
  set(token: string, secure: boolean): string {
    return this.start + token + (secure ? this.setOverHttps : this.setOverHttp);
  }

  /** The `Set-Cookie` line that removes the cookie: browsers want the very attributes that it was set with. */
  clear(secure: boolean): string {
    return secure ? this.clearOverHttps : this.clearOverHttp;
  }

  /** Whether a `Set-Cookie` line, whoever wrote it, sets the cookie of our name. */
  isOwn(setCookieLine: string): boolean {
    return nameOfSetCookie(setCookieLine) === this.name;
  }
}

/** `Max-Age` decides in browsers; `Expires` is for clients that know nothing else. */
const GONE = { maxAge: 0, expires: new Date(0) };

/** The whole line of a cookie with an empty value. */
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
    // No `Expires` beside it: browsers follow `Max-Age`, and a date would be wrong on clients whose clock is.
    // Rounded up, so that the cookie never ends before what was asked for.
    maxAge: maxAgeMs === undefined ? undefined : Math.ceil(maxAgeMs / 1000),
    ...gone,
  });
}
