import { Logger } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { StoredSessions } from './backend/stored/stored-sessions.js';
import { UserSessions } from './backend/stored/user-sessions.js';
import { SessionConfigError, type SessionConfigProblem } from './errors/session-config.error.js';
import { SessionEvents } from './events/session-events.js';
import { CurrentRequestSession } from './nest/current-request-session.js';
import { usesExpressSession } from './nest/express-session.js';
import { bindToAdapter, serveUpgrades } from './nest/bind-to-adapter.js';
import { logTo } from './nest/session-logger.js';
import { SessionLifecycle } from './lifecycle/session-lifecycle.js';
import type { ResolvedSessionOptions } from './options/resolved-session-options.interface.js';
import { isSameConfiguration } from './options/is-same-configuration.js';
import { resolveSessionOptions, resolveStoreOption } from './options/resolve-session-options.js';
import type { ForRootOptions } from './options/session-options.interface.js';
import { GuardedStore } from './store/guarded-store.js';
import { StoreRefusedError } from './store/store-refused.error.js';
import type {
  ClosableSessionStore,
  OpenableSessionStore,
} from './store/session-store-abilities.interface.js';
import type { SessionStore } from './store/session-store.js';
import { storeTypes } from './options/store-types.js';
import type { Clock } from './time/clock.js';

type SetUpStore = SessionStore & Partial<OpenableSessionStore & ClosableSessionStore>;

/**
 * Creates the parts that the module consists of, connects them, and closes them: the composition root. An application
 * has one engine, however often it imports the module. Its parts:
 *
 * - **store**: the configured store, guarded: with a deadline for each call, typed errors and events.
 * - **records**: every call that the lifecycle makes to the store.
 * - **lifecycle**: what happens to the session of a request, from the `Cookie` header to `Set-Cookie`.
 * - **current**: the request that the running code works for.
 * - **events**: what `Sessions.events$` emits.
 */
export class SessionEngine {
  readonly events: SessionEvents;
  readonly current = new CurrentRequestSession();
  readonly lifecycle: SessionLifecycle;
  readonly store: GuardedStore;
  readonly stored: StoredSessions;
  readonly users: UserSessions;
  readonly #logger = new Logger('SessionModule');
  #hasInterceptor = false;
  #assertBound: (() => void) | undefined;

  static readonly #byHost = new WeakMap<HttpAdapterHost, Promise<SessionEngine>>();

  /**
   * Returns the engine of an application. The first import of the module creates it, a second one gets the same.
   *
   * @throws SessionConfigError when the options are wrong, or differ from those of the first import
   */
  static async for(host: HttpAdapterHost, given: ForRootOptions, clock: Clock): Promise<SessionEngine> {
    const known = this.#byHost.get(host);
    if (known) return (await known).#shared(given);
    const engine = this.#create(host, given, clock);
    this.#byHost.set(host, engine);
    return engine;
  }

  static async #create(host: HttpAdapterHost, given: ForRootOptions, clock: Clock): Promise<SessionEngine> {
    const problems: SessionConfigProblem[] = [];
    const store = await makeStore(resolveStoreOption(given), clock, problems);
    const production = process.env.NODE_ENV === 'production';
    const options = resolveSessionOptions(given, { production }, problems);
    if (!store) throw new SessionConfigError(problems);
    const engine = new SessionEngine(host, given, options, store, clock);
    await engine.#open();
    engine.#assertBound = bindToAdapter(host, engine.lifecycle, engine.current);
    return engine;
  }

  private constructor(
    readonly host: HttpAdapterHost,
    readonly given: ForRootOptions,
    readonly options: ResolvedSessionOptions,
    store: SetUpStore,
    readonly clock: Clock,
  ) {
    const log = logTo(this.#logger);
    this.events = new SessionEvents(log);
    this.store = new GuardedStore(store, options.storeTimeoutMs, this.events);
    this.stored = new StoredSessions(this.store, options, clock, this.events);
    this.users = new UserSessions(this.stored, this.store, clock);
    this.lifecycle = new SessionLifecycle(this.stored, options, clock, this.events, log);
  }

  /** `true` at the first call. A second import of the module brings a second interceptor, which must not act. */
  claimInterceptor(): boolean {
    const isFirst = !this.#hasInterceptor;
    this.#hasInterceptor = true;
    return isFirst;
  }

  /**
   * Is called when the application is complete: its HTTP server exists and its middleware is registered.
   *
   * @throws SessionConfigError when another session library has defined `request.session`
   */
  start(): void {
    this.#assertBound?.();
    serveUpgrades(this.host, this.lifecycle);
    const adapter = this.host.httpAdapter;
    if (adapter?.getType() === 'express' && usesExpressSession(adapter.getInstance())) {
      this.#logger.warn(
        'express-session is registered as well, and does nothing: request.session belongs to SessionModule. Remove one of the two.',
      );
    }
  }

  async close(): Promise<void> {
    if (this.options.store.kind === 'type') await this.store.inner.close?.();
    this.events.complete();
  }

  async #open(): Promise<void> {
    const { store, failFast } = this.options;
    for (const warning of this.options.warnings) this.#logger.warn(warning);
    try {
      const warnings = await this.store.inner.open?.();
      for (const warning of warnings ?? []) this.#logger.warn(warning);
      if (failFast) await this.store.ping();
    } catch (error) {
      const isRefusal = error instanceof StoreRefusedError;
      if (isRefusal || failFast) {
        await this.close(); // Nest closes no module of a failed start: the store would keep the process alive and reconnect
        throw storeProblem(store, error);
      }
      this.#logger.error(
        `The session store does not answer. Requests with a session get 503 until it does: ${messageOf(error)}`,
      );
    }
  }

  #shared(given: ForRootOptions): this {
    if (isSameConfiguration(this.given, given)) return this;
    throw new SessionConfigError([
      {
        option: 'forRoot',
        message:
          'the module is imported twice with different options. It is global: call forRoot() once, in the root module',
      },
    ]);
  }
}

/**
 * Creates the store, which connects to nothing yet. When the store refuses its options, the result is `undefined` and
 * the refusal is added to the problems.
 */
async function makeStore(
  store: ResolvedSessionOptions['store'] | undefined,
  clock: Clock,
  problems: SessionConfigProblem[],
): Promise<SetUpStore | undefined> {
  if (store?.kind !== 'type') return store?.store;
  const Store = await storeTypes[store.type].load();
  const options: Readonly<Record<string, unknown>> = { ...store.options, clock };
  try {
    return new Store(options);
  } catch (error) {
    problems.push({ option: `type: '${store.type}'`, message: messageOf(error) });
    return undefined;
  }
}

function storeProblem(store: ResolvedSessionOptions['store'], cause: unknown): SessionConfigError {
  const option = store.kind === 'type' ? `type: '${store.type}'` : 'store';
  return new SessionConfigError([{ option, message: messageOf(cause) }], { cause });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
