import type { SessionCodec } from '../codec/session-codec.interface.js';
import type { SessionStore } from '../store/session-store.js';
import type { SessionStoreType, SessionStoreTypeOptions } from './store-types.js';
import type { SessionKeys, SessionSecret } from './secret-options.interface.js';
import type { SessionCookieOptions } from './cookie-options.interface.js';

/** The options that do not depend on the store. @publicApi */
export interface CommonSessionOptions {
  /**
   * When the session is read from the store.
   *
   * - `'eager'`: before guards and middleware, if the request has a session cookie. `request.session` works everywhere.
   * - `'lazy'`: when it is first needed, by `@Session()` in a handler or by `await getSession(request)`. A route that
   *   does not use the session makes no store call. Until the session is read, `request.session` throws.
   *
   * @default 'eager'
   */
  readonly load?: 'eager' | 'lazy';
  /**
   * How long a session may be unused before it ends: milliseconds, or a text like `'30m'`. Reading or changing the
   * session's data counts as use; loading the session does not. A use moves the end, at most once per `touchInterval`.
   * With a shorter timeout a stolen cookie is useful for a shorter time.
   * @default '1h'
   */
  readonly idleTimeout?: number | string;
  /**
   * How long a session may last, even if it is used all the time: milliseconds, or a text like `'12h'`. Only a new
   * `login()` starts this time again. Together the two defaults meet NIST SP 800-63B at AAL2.
   * @default '24h'
   */
  readonly absoluteTimeout?: number | string;
  /**
   * The shortest time between two writes of a session's last use: milliseconds, or a text. So a session ends between
   * `idleTimeout − touchInterval` and `idleTimeout` after its last use. A longer interval causes fewer writes.
   * @default a tenth of `idleTimeout`, at most '60s'
   */
  readonly touchInterval?: number | string;
  /** The attributes of the session cookie. */
  readonly cookie?: SessionCookieOptions;
  /**
   * Signs the session cookie, so that a cookie which this application has not made is refused without a call to the
   * store. A key is a text or bytes, at least 32 bytes long and random. Of several keys the first signs and all verify:
   * to change the key, put the new one first, and remove the old one when the last session signed with it has ended.
   * Nobody is signed out by that.
   *
   * To turn signing on without signing users out, write `{ keys, acceptUnsigned: true }` until `absoluteTimeout` has
   * passed. Unsigned cookies are then accepted, and replaced when their session is used.
   * @default none: the cookie is a random secret of 256 bits, which cannot be guessed
   * @example
   * ```ts
   * SessionModule.forRoot({ type: 'filesystem', secret: process.env.SESSION_KEY });
   * ```
   */
  readonly secret?: SessionKeys | SessionSecret | undefined;
  /**
   * What happens if the session cannot be read, because the store has failed.
   *
   * - `'fail'`: a route that uses the session answers with 503. Other routes work.
   * - `'anonymous'`: the session is empty, and every write to it fails. **Warning**: until the store is back, users who
   *   are signed in appear to be signed out.
   *
   * @default 'fail'
   */
  readonly onStoreError?: 'fail' | 'anonymous';
  /**
   * How long one call to the store may take: a number of milliseconds (no text). Waiting for a lock or in a queue
   * counts. A call that takes longer fails with `SESSION_STORE_TIMEOUT`. Whether a write was applied is then unknown,
   * and it is never sent again.
   * @default 1000
   */
  readonly storeTimeout?: number;
  /**
   * Whether the start of the application fails if the store does not answer. If the store answers and refuses (wrong
   * password, wrong directory), the start always fails.
   * @default false
   */
  readonly failFast?: boolean;
  /**
   * Whether assigned values are saved if a guard, a handler or a filter fails with a status of 500 or more. The
   * effects of `save()`, `update()`, `take()`, `login()`, `regenerate()` and `destroy()` remain in any case. If
   * something fails after the handler has returned (a body that cannot be serialised, `@HttpCode(500)`), the values
   * have already been saved.
   * @default false
   */
  readonly saveOnServerError?: boolean;
  /**
   * How large a session may become, in encoded bytes. If a change would make it larger than this, saving fails with
   * `SESSION_TOO_LARGE`, which names the largest keys, and the stored session stays as it was. A change that does not
   * make the session larger is always allowed.
   * @default 65536
   */
  readonly maxSize?: number;
  /**
   * Turns values into texts and back.
   * @default JSON with `Date`, `Map`, `Set`, `BigInt`, `Uint8Array`, `undefined`, `NaN` and the infinities
   */
  readonly codec?: SessionCodec;
  /**
   * Paths that never have a session, such as those of static files. A string has to match the whole path, and `*`
   * stands for any number of characters: `'/assets/*'`. A regular expression is tested against the path. The query is
   * not part of the path. Using the session on an excluded path is an error.
   * @default none
   */
  readonly exclude?: readonly (string | RegExp)[];
}

/** The option for a store of your own. @publicApi */
export interface CustomStoreOptions {
  /**
   * A store object, instead of a `type`. If the store has an `open()`, the module calls it at start-up. The module
   * never closes the store: call `await store.close()` yourself, for instance in `onApplicationShutdown`.
   */
  readonly store: SessionStore;
  readonly type?: undefined;
}

/**
 * The options of `SessionModule.forRoot`. Either `type` or `store` is required. Everything else is optional.
 *
 * @example
 * ```ts
 * const options: SessionModuleOptions = {
 *   type: 'filesystem',
 *   directory: './.sessions',
 *   idleTimeout: '30m',
 *   cookie: { sameSite: 'strict' },
 * };
 * ```
 *
 * @publicApi
 */
export type SessionModuleOptions = CommonSessionOptions & (SessionStoreTypeOptions | CustomStoreOptions);

/**
 * What `SessionModule.forRoot()` takes and the factories of `forRootAsync()` return: all options, or just the type of
 * the store, with every option at its default.
 *
 * @publicApi
 */
export type ForRootOptions = SessionModuleOptions | SessionStoreType;
