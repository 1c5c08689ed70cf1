import { types } from 'node:util';
import type { SessionCodec } from '../codec/session-codec.interface.js';
import { jsonCodec } from '../codec/json.codec.js';
import { SessionConfigError, type SessionConfigProblem } from '../errors/session-config.error.js';
import { compileExclude } from './compile-exclude.js';
import { describe, isObject, OptionReader } from './option-reader.js';
import { cookieOptionNames, resolveCookieOptions } from './resolve-cookie-options.js';
import type { SessionCookieOptions } from './cookie-options.interface.js';
import type { ResolvedCookieOptions, ResolvedSessionOptions } from './resolved-session-options.interface.js';
import { resolveSecret } from './resolve-secret.js';
import { explainStoreOption, isStore, optionNamesOf, resolveStore } from './resolve-store.js';
import { sessionOptionDefaults as defaults } from './session-options.defaults.js';
import type { CommonSessionOptions, ForRootOptions } from './session-options.interface.js';

/** A century. All stores can keep such a moment, and a longer timeout is probably a mistake. */
const LONGEST_TIMEOUT_MS = 100 * 365.25 * 86_400_000;
const LONGEST_STORE_TIMEOUT_MS = 600_000;

const commonOptionNames: readonly (keyof CommonSessionOptions | 'type' | 'store')[] = [
  'type',
  'store',
  'load',
  'idleTimeout',
  'absoluteTimeout',
  'touchInterval',
  'cookie',
  'secret',
  'onStoreError',
  'storeTimeout',
  'failFast',
  'saveOnServerError',
  'maxSize',
  'codec',
  'exclude',
];

/**
 * Checks the options of the module and applies the defaults. Does no I/O, and keeps no reference to the given object.
 *
 * @param problems the problems that are known already
 * @throws SessionConfigError with all problems together, each with its remedy.
 */
export function resolveSessionOptions(
  options: ForRootOptions,
  environment: { readonly production: boolean },
  problems: SessionConfigProblem[] = [],
): ResolvedSessionOptions {
  const given = asObject(options);
  const misfit = explainMisfit(given);
  if (misfit !== undefined || !isObject(given)) {
    throw new SessionConfigError([{ option: 'options', message: misfit ?? `is ${describe(given)}.` }]);
  }

  const reader = new OptionReader(given, '', problems);
  const type = reader.value('type');
  reader.refuseUnknown([...commonOptionNames, ...optionNamesOf(type)], name => explainUnknown(name, type));

  const store = resolveStore(reader);
  const timeouts = resolveTimeouts(reader);
  const cookie = resolveCookieOptions(reader.value('cookie'), environment, problems);
  const resolved = {
    load: reader.oneOf('load', ['eager', 'lazy']) ?? defaults.load,
    ...timeouts,
    cookie,
    tokens: resolveSecret(reader, cookie.name, problems),
    onStoreError: reader.oneOf('onStoreError', ['fail', 'anonymous']) ?? defaults.onStoreError,
    storeTimeoutMs:
      reader.count('storeTimeout', 'milliseconds', LONGEST_STORE_TIMEOUT_MS) ?? defaults.storeTimeoutMs,
    failFast: reader.boolean('failFast') ?? defaults.failFast,
    saveOnServerError: reader.boolean('saveOnServerError') ?? defaults.saveOnServerError,
    maxSizeBytes: reader.count('maxSize', 'bytes') ?? defaults.maxSizeBytes,
    codec: readCodec(reader) ?? jsonCodec,
    isExcluded: compileExclude(reader),
    warnings: Object.freeze(warningsAboutLimits(reader, timeouts, cookie)),
  };
  if (store === undefined || problems.length > 0) throw new SessionConfigError(problems);
  return Object.freeze({ store: Object.freeze(store), ...resolved });
}

/** Resolves the store alone, even if other options are wrong. The store checks its own options when it is created. */
export function resolveStoreOption(options: ForRootOptions): ResolvedSessionOptions['store'] | undefined {
  const given = asObject(options);
  return isObject(given) ? resolveStore(new OptionReader(given, '', [])) : undefined;
}

const asObject = (options: unknown): unknown => (typeof options === 'string' ? { type: options } : options);

type Timeouts = Pick<ResolvedSessionOptions, 'idleTimeoutMs' | 'absoluteTimeoutMs' | 'touchIntervalMs'>;

function resolveTimeouts(reader: OptionReader): Timeouts {
  const century = [LONGEST_TIMEOUT_MS, '100 years are possible'] as const;
  const idle = reader.duration('idleTimeout', '30m', ...century);
  const absolute = reader.duration('absoluteTimeout', '12h', ...century);
  const touch = reader.duration('touchInterval', '60s', ...century);

  const absoluteTimeoutMs = absolute ?? defaults.absoluteTimeoutMs;
  // If the absolute limit is shorter, the default follows it. A value that was given does not: that is a problem,
  // below.
  const idleTimeoutMs = idle ?? Math.min(defaults.idleTimeoutMs, absoluteTimeoutMs);
  const share = Math.max(1, Math.floor(idleTimeoutMs * defaults.touchIntervalShare));
  const touchIntervalMs = touch ?? Math.min(share, defaults.touchIntervalMaxMs);

  if (idleTimeoutMs > absoluteTimeoutMs && reader.areSound('absoluteTimeout')) {
    const other = absolute === undefined ? "which is '24h' unless you set it" : 'which nothing extends';
    reader.problem(
      'idleTimeout',
      `is longer than absoluteTimeout, ${other}; raise that one or lower this one.`,
    );
  }
  if (touch !== undefined && touch >= idleTimeoutMs && reader.areSound('idleTimeout', 'absoluteTimeout')) {
    const reason = 'sessions would end while they are in use';
    reader.problem(
      'touchInterval',
      `is not shorter than idleTimeout, so ${reason}; lower it, or leave it out.`,
    );
  }
  return { idleTimeoutMs, absoluteTimeoutMs, touchIntervalMs };
}

/** Users of a persistent cookie expect to stay signed in. The default limits end the session much earlier. */
function warningsAboutLimits(
  reader: OptionReader,
  { idleTimeoutMs, absoluteTimeoutMs }: Timeouts,
  { maxAgeMs = 0 }: ResolvedCookieOptions,
): string[] {
  const endsBy = (option: string, limit: number, standard: number): boolean =>
    reader.value(option) === undefined && limit === standard && limit < maxAgeMs;
  const ends: string[] = [];
  if (endsBy('idleTimeout', idleTimeoutMs, defaults.idleTimeoutMs))
    ends.push('after 1h without use (the default of idleTimeout)');
  if (endsBy('absoluteTimeout', absoluteTimeoutMs, defaults.absoluteTimeoutMs))
    ends.push('after 24h in any case (the default of absoluteTimeout)');
  if (ends.length === 0) return [];
  const given = describe((reader.value('cookie') as SessionCookieOptions).maxAge);
  const them = ends.length === 1 ? 'it' : 'both';
  return [
    `The browser keeps the session cookie for cookie.maxAge: ${given}, but the session ends sooner: ${ends.join(', and ')}. Set ${them} to how long users should stay signed in.`,
  ];
}

function readCodec(reader: OptionReader): SessionCodec | undefined {
  const codec = reader.value('codec');
  if (codec === undefined || isCodec(codec)) return codec;
  return reader.problem(
    'codec',
    `is ${describe(codec)}; give an object with encode(value) and decode(text).`,
  );
}

function isCodec(value: unknown): value is SessionCodec {
  return isObject(value) && typeof value['encode'] === 'function' && typeof value['decode'] === 'function';
}

/** The message if the options are not an options object at all. */
function explainMisfit(given: unknown): string | undefined {
  const example = "{ type: 'memory' }";
  if (types.isPromise(given))
    return 'is a promise; await it, or use SessionModule.forRootAsync({ useFactory }).';
  if (isStore(given)) return 'is a store; write { store: yourStore }.';
  return isObject(given) ? undefined : `is ${describe(given)}; write an object like ${example}.`;
}

function explainUnknown(name: string, type: unknown): string | undefined {
  if (cookieOptionNames.some(cookieOption => cookieOption === name)) {
    return `is an option of the cookie; write cookie: { ${name}: … }.`;
  }
  return explainStoreOption(name, type);
}
