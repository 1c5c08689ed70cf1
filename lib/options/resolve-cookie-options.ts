import type { SessionConfigProblem } from '../errors/session-config.error.js';
import type { SessionCookieOptions } from './cookie-options.interface.js';
import { describe, isObject, OptionReader } from './option-reader.js';
import type { ResolvedCookieOptions } from './resolved-session-options.interface.js';
import { sessionOptionDefaults } from './session-options.defaults.js';

type CookieReader = OptionReader<keyof SessionCookieOptions>;
type Attributes = Omit<ResolvedCookieOptions, 'name'>;

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 6265bis §4.1.1, without blanks (no path of a request has one) and `<` (which the `cookie` package refuses). */
const PATH = /^\/[\u0021-\u003a\u003d-\u007e]*$/;
/** RFC 1123. A leading dot is allowed and has no effect. */
const DOMAIN = /^\.?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** Browsers ignore a cookie of more than 4096 bytes. This leaves enough room for a token. */
const LONGEST_NAME = 256;
/** Browsers ignore an attribute that is longer (RFC 6265bis §5.6). */
const LONGEST_PATH = 1024;
/** The longest name in DNS. */
const LONGEST_DOMAIN = 253;
/** RFC 6265bis §5.5. */
const MAX_AGE_LIMIT_MS = 400 * 86_400_000;

export const cookieOptionNames: readonly (keyof SessionCookieOptions)[] = [
  'name',
  'path',
  'domain',
  'secure',
  'httpOnly',
  'sameSite',
  'partitioned',
  'priority',
  'maxAge',
];

/**
 * Checks the cookie options, applies the defaults, and adds the prefix to the name. Adds what is wrong to `problems`.
 */
export function resolveCookieOptions(
  given: unknown,
  environment: { readonly production: boolean },
  problems: SessionConfigProblem[],
): ResolvedCookieOptions {
  if (given !== undefined && !isObject(given)) {
    problems.push({
      option: 'cookie',
      message: `is ${describe(given)}; write an object: { sameSite: 'strict' }.`,
    });
  }
  const options: CookieReader = new OptionReader(isObject(given) ? given : {}, 'cookie.', problems);
  options.refuseUnknown(cookieOptionNames, explainUnknown);

  const defaults = sessionOptionDefaults.cookie;
  const attributes: Attributes = {
    path: readPath(options) ?? defaults.path,
    domain: readDomain(options),
    secure: options.oneOf('secure', [true, false, 'auto']) ?? (environment.production ? true : 'auto'),
    httpOnly: options.boolean('httpOnly') ?? defaults.httpOnly,
    sameSite: options.oneOf('sameSite', ['strict', 'lax', 'none']) ?? defaults.sameSite,
    partitioned: options.boolean('partitioned') ?? defaults.partitioned,
    priority: options.oneOf('priority', ['low', 'medium', 'high']),
    maxAgeMs: options.duration('maxAge', '30d', MAX_AGE_LIMIT_MS, '400 days are kept by browsers'),
  };
  checkTogether(attributes, options);
  return Object.freeze({ name: resolveName(attributes, options), ...attributes });
}

function readPath(options: CookieReader): string | undefined {
  const path = options.value('path');
  if (path === undefined) return undefined;
  if (typeof path === 'string' && path.length <= LONGEST_PATH && PATH.test(path)) return path;
  const remedy = `begin with '/', without blanks, ';', '<', control characters and letters beyond ASCII, ${LONGEST_PATH} characters at most.`;
  return options.problem('path', `is ${describe(path)}; ${remedy}`);
}

function readDomain(options: CookieReader): string | undefined {
  const domain = options.value('domain');
  if (domain === undefined) return undefined;
  if (typeof domain === 'string' && domain.length <= LONGEST_DOMAIN && DOMAIN.test(domain)) return domain;
  const remedy = "write a host name alone, like 'example.com', or leave it out.";
  return options.problem('domain', `is ${describe(domain)}; ${remedy}`);
}

/** Refuses combinations that browsers silently reject: no user could stay signed in. */
function checkTogether({ sameSite, partitioned, secure }: Attributes, options: CookieReader): void {
  if (secure === true || !options.areSound('secure')) return;
  const remedy = `needs cookie.secure: true, and that is ${describe(secure)} here.`;
  if (sameSite === 'none') options.problem('sameSite', `'none' ${remedy}`);
  if (partitioned) options.problem('partitioned', remedy);
}

function resolveName(attributes: Attributes, options: CookieReader): string {
  const name = options.value('name') ?? sessionOptionDefaults.cookie.name;
  if (typeof name !== 'string' || name.length > LONGEST_NAME || !TOKEN.test(name)) {
    const remedy = `write letters, digits, '-', '_' or '.', ${LONGEST_NAME} characters at most.`;
    options.problem('name', `is ${describe(name)}; ${remedy}`);
    return sessionOptionDefaults.cookie.name;
  }
  const prefix = prefixes.find(({ text }) => name.toLowerCase().startsWith(text));
  if (prefix !== undefined) {
    checkPrefix(name, prefix, attributes, options);
    return name;
  }
  if (attributes.secure !== true) return name; // the name must not change between requests
  const isForHost = attributes.domain === undefined && attributes.path === '/';
  return (isForHost ? '__Host-' : '__Secure-') + name;
}

interface Prefix {
  /** In lower case, because browsers ignore the case of prefixes (RFC 6265bis §5.4). */
  readonly text: string;
  /** Whether the cookie must be bound to one host: no `domain`, `path: '/'`. */
  readonly isForHost: boolean;
  /** Whether the cookie must be hidden from scripts. */
  readonly isHttpOnly: boolean;
}

/** A prefix that begins with another one comes before it. */
const prefixes: readonly Prefix[] = [
  { text: '__host-http-', isForHost: true, isHttpOnly: true },
  { text: '__host-', isForHost: true, isHttpOnly: false },
  { text: '__http-', isForHost: false, isHttpOnly: true },
  { text: '__secure-', isForHost: false, isHttpOnly: false },
];

function checkPrefix(
  name: string,
  { text, isForHost, isHttpOnly }: Prefix,
  attributes: Attributes,
  options: CookieReader,
): void {
  if (!options.areSound('secure', 'domain', 'path', 'httpOnly')) return;
  const needs: string[] = [];
  if (attributes.secure !== true) needs.push('cookie.secure: true');
  if (isForHost && attributes.domain !== undefined) needs.push('no cookie.domain');
  if (isForHost && attributes.path !== '/') needs.push("cookie.path: '/'");
  if (isHttpOnly && !attributes.httpOnly) needs.push('cookie.httpOnly: true');
  if (needs.length === 0) return;
  const remedy = 'or leave the prefix out: with secure: true the right one is added automatically.';
  options.problem(
    'name',
    `its prefix '${name.slice(0, text.length)}' needs ${needs.join(' and ')}; ${remedy}`,
  );
}

function explainUnknown(name: string): string | undefined {
  return name === 'expires' ? 'there is no such option. Write maxAge, a duration.' : undefined;
}
