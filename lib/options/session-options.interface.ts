import type { SessionCodec } from '../codec/session-codec.interface.js';
import type { SessionStore } from '../store/session-store.js';
import type { SessionStoreTypeOptions } from './store-types.js';
import type { SessionCookieOptions } from './cookie-options.interface.js';

/** What every store has in common. @publicApi */
export interface CommonSessionOptions {
  /**
   * When the session is read from the store.
   *
   * - `'eager'`: before guards and middleware, when the request brings a session cookie. `request.session` works
   *   everywhere.
   * - `'lazy'`: when something asks: a handler with `@Session()`, or `await getSession(request)`. Routes that do not
   *   use the session cost no store call at all; `request.session` throws until then.
   *
   * @default 'eager'
   */
  readonly load?: 'eager' | 'lazy';
  /**
   * How long a session may go unused before it ends: milliseconds, or text like `'30m'`. A use is a look at the session
   * or a change of it, not its loading; it moves the moment, at most once per `touchInterval`. Shorter limits how long a
   * stolen cookie is of use.
   * @default '1h'
   */
  readonly idleTimeout?: number | string;
  /**
   * How long a session lasts at most, however active: milliseconds, or text like `'12h'`. Only a new `login()` starts
   * it again. The two defaults together meet NIST SP 800-63B at AAL2.
   * @default '24h'
   */
  readonly absoluteTimeout?: number | string;
  /**
   * How often activity is written down at most: milliseconds, or text. A session ends between `idleTimeout −
   * touchInterval` and `idleTimeout` after its last use; a longer interval saves writes.
   * @default a tenth of `idleTimeout`, at most '60s'
   */
  readonly touchInterval?: number | string;
  /** The cookie's attributes. */
  readonly cookie?: SessionCookieOptions;
  /**
   * What a request gets when the session cannot be read.
   *
   * - `'fail'`: 503 for the routes that look at the session; the others answer.
   * - `'anonymous'`: an empty session whose writes reject. **Warning**: signed-in users look signed out meanwhile.
   *
   * @default 'fail'
   */
  readonly onStoreError?: 'fail' | 'anonymous';
  /**
   * How long one store call may take, a number of milliseconds (no text), waiting for a lock or a queue included. Then the call fails with
   * `SESSION_STORE_TIMEOUT`; whether a write was applied is unknown, and it is never sent again.
   * @default 1000
   */
  readonly storeTimeout?: number;
  /**
   * Whether the application refuses to start when the store does not answer. A store that answers and refuses us (wrong
   * password, wrong directory) always stops start-up.
   * @default false
   */
  readonly failFast?: boolean;
  /**
   * Whether what was assigned is saved when a guard, a handler or a filter fails with a status of 500 or more. What
   * `save()`, `update()`, `take()`, `login()`, `regenerate()` and `destroy()` did stands in any case. What fails after the
   * handler has returned (a body that cannot be serialised, `@HttpCode(500)`) comes after the save.
   * @default false
   */
  readonly saveOnServerError?: boolean;
  /**
   * How large a session may become, in encoded bytes. A change that grows it beyond is refused with `SESSION_TOO_LARGE`,
   * which names the largest keys, and the stored session stays as it was. What does not grow it always passes.
   * @default 65536
   */
  readonly maxSize?: number;
  /**
   * How values become text.
   * @default JSON with `Date`, `Map`, `Set`, `BigInt`, `Uint8Array`, `undefined`, `NaN` and the infinities
   */
  readonly codec?: SessionCodec;
  /**
   * Paths that never have a session, static files above all: strings that are matched whole, with `*` for any run of
   * characters (`'/assets/*'`), or regular expressions, tested against the path without the query. There `@Session()`
   * is an error.
   * @default none
   */
  readonly exclude?: readonly (string | RegExp)[];
}

/** A store of your own instead of one by `type`. @publicApi */
export interface CustomStoreOptions {
  /**
   * The store. The module calls its `open()` at start, if it has one, and leaves it open: call `await store.close()` when
   * you shut down, for instance in `onApplicationShutdown`.
   */
  readonly store: SessionStore;
  readonly type?: undefined;
}

/**
 * The options of `SessionModule.forRoot`: where sessions are kept, and everything else, all optional.
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
