import { Logger } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { StoredSessions } from './backend/stored/stored-sessions.js';
import { UserSessions } from './backend/stored/user-sessions.js';
import { SessionConfigError, type SessionConfigProblem } from './errors/session-config.error.js';
import { SessionError } from './errors/session.error.js';
import { SessionEvents } from './events/session-events.js';
import { CurrentExchange } from './nest/current-exchange.js';
import { usesExpressSession } from './nest/express-session.js';
import { bindToAdapter, serveUpgrades } from './nest/bind-to-adapter.js';
import { SessionLifecycle } from './lifecycle/session-lifecycle.js';
import type { SessionLog } from './events/session-log.interface.js';
import type { ResolvedSessionOptions } from './options/resolved-session-options.interface.js';
import { isSameConfiguration } from './options/is-same-configuration.js';
import { resolveSessionOptions, resolveStoreOption } from './options/resolve-session-options.js';
import type { SessionModuleOptions } from './options/session-options.interface.js';
import { GuardedStore } from './store/guarded-store.js';
import { StoreRefusedError } from './store/store-refused.error.js';
import type {
  ClosableSessionStore,
  OpenableSessionStore,
} from './store/session-store-abilities.interface.js';
import type { SessionStore } from './store/session-store.js';
import { storeTypes, type SessionStoreType } from './options/store-types.js';
import type { Clock } from './time/clock.js';

type SetUpStore = SessionStore & Partial<OpenableSessionStore & ClosableSessionStore>;

/**
 * What the module runs on: one per application, however often the module is imported. It opens what it made itself at
 * start-up, binds the lifecycle to the HTTP adapter, and closes what it opened.
 */
export class SessionEngine {
  readonly events: SessionEvents;
  readonly current = new CurrentExchange();
  readonly lifecycle: SessionLifecycle;
  readonly store: GuardedStore;
  readonly stored: StoredSessions;
  readonly users: UserSessions;
  readonly #logger = new Logger('SessionModule');
  #hasInterceptor = false;
  #assertBound: (() => void) | undefined;

  static readonly #byHost = new WeakMap<HttpAdapterHost, Promise<SessionEngine>>();

  /**
   * The engine of an application. A second import of the module gets the first one's.
   *
   * @throws SessionConfigError when the options are wrong, or differ from those of the first import
   */
  static async for(
    host: HttpAdapterHost,
    given: SessionModuleOptions | SessionStoreType,
    clock: Clock,
  ): Promise<SessionEngine> {
    const known = this.#byHost.get(host);
    if (known) return (await known).#shared(given);
    const engine = this.#create(host, given, clock);
    this.#byHost.set(host, engine);
    return engine;
  }

  static async #create(
    host: HttpAdapterHost,
    given: SessionModuleOptions | SessionStoreType,
    clock: Clock,
  ): Promise<SessionEngine> {
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
    readonly given: SessionModuleOptions | SessionStoreType,
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

  /** `true` for the one interceptor that may act: a second import brings a second one. */
  claimInterceptor(): boolean {
    const isFirst = !this.#hasInterceptor;
    this.#hasInterceptor = true;
    return isFirst;
  }

  /** The application is complete. @throws SessionConfigError when another session library is in our place */
  start(): void {
    this.#assertBound?.();
    serveUpgrades(this.host, this.lifecycle);
    const adapter = this.host.httpAdapter;
    if (adapter?.getType() === 'express' && usesExpressSession(adapter.getInstance())) {
      this.#logger.warn(
        'express-session is registered, too. Beside SessionModule it keeps no session: it finds request.session taken. Use one of them.',
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
      if (failFast && !this.store.inner.open) await this.store.ping();
    } catch (error) {
      const isRefusal = error instanceof StoreRefusedError;
      if (isRefusal || failFast) {
        await this.close(); // nobody else will: what the store opened would hold the process, and try for ever
        throw storeProblem(store, error);
      }
      this.#logger.error(
        `The session store does not answer; requests with a session get 503 until it does: ${messageOf(error)}`,
      );
    }
  }

  #shared(given: SessionModuleOptions | SessionStoreType): this {
    if (isSameConfiguration(this.given, given)) return this;
    throw new SessionConfigError([
      {
        option: 'forRoot',
        message:
          'the module is imported twice with different options. Call forRoot() once, in the root module: it is global',
      },
    ]);
  }
}

/** `undefined`, with a problem, when the store does not take its options. Nothing is connected yet. */
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

function logTo(logger: Logger): SessionLog {
  const warned = new Set<string>();
  const logged = new WeakSet<SessionError>();
  return {
    error: (message, error) =>
      logger.error(`${message}: ${messageOf(error)}`, error instanceof Error ? error.stack : undefined),
    mistake(error) {
      if (!(error instanceof SessionError) || error.getStatus() !== 500 || logged.has(error)) return;
      logged.add(error);
      logger.error(error.message, error.stack);
    },
    warnOnce(topic, message) {
      if (warned.has(topic)) return;
      warned.add(topic);
      logger.warn(message);
    },
  };
}
