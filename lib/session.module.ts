import {
  Inject,
  Module,
  Optional,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { SessionConfigError } from './errors/session-config.error.js';
import type { ForRootOptions } from './options/session-options.interface.js';
import { SESSION_ENGINE, SESSION_OPTIONS } from './session.constants.js';
import { serveGateway } from './nest/bind-to-adapter.js';
import { rememberUpgradeRequests } from './nest/upgrade-requests.js';
import type { SessionEngine } from './session.engine.js';
import {
  asyncOptionsProviders,
  sessionProviders,
  SESSION_EXPORTS,
  type SessionModuleAsyncOptions,
} from './session.providers.js';

/**
 * Sessions for a NestJS application. Import it once, in the root module: it is global.
 *
 * @example
 * ```ts
 * @Module({ imports: [SessionModule.forRoot('filesystem')] })
 * export class AppModule {}
 * ```
 *
 * @publicApi
 */
@Module({})
export class SessionModule implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #engine: SessionEngine;

  /** @throws SessionConfigError when the module was imported without `forRoot()` or `forRootAsync()` */
  constructor(
    @Inject(ApplicationConfig) config: ApplicationConfig,
    @Optional() @Inject(SESSION_ENGINE) engine?: SessionEngine,
  ) {
    if (!engine) {
      throw new SessionConfigError([
        {
          option: 'SessionModule',
          message:
            "it was imported without options. Write imports: [SessionModule.forRoot('filesystem')], with the type of your store, once, in the root module. It is global, so no other module imports it",
        },
      ]);
    }
    this.#engine = engine;
    rememberUpgradeRequests(config, request => serveGateway(request, engine.lifecycle));
  }

  /**
   * Configures sessions with options that are known when the module is defined. All problems in the options are
   * reported together, as a `SessionConfigError` that keeps the application from starting and names the remedy of each.
   *
   * @param options the store and all other options, or just the type of the store
   * @example
   * ```ts
   * SessionModule.forRoot({ type: 'filesystem', directory: './.sessions', idleTimeout: '30m' });
   * ```
   */
  static forRoot(options: ForRootOptions): DynamicModule {
    return definition([], [{ provide: SESSION_OPTIONS, useValue: options }]);
  }

  /**
   * Configures sessions with options that a factory or a class returns. Both can have providers injected. Problems in
   * the options are reported as those of `forRoot()`.
   *
   * @throws TypeError when not exactly one of `useFactory`, `useClass` and `useExisting` is given
   * @example
   * ```ts
   * SessionModule.forRootAsync({
   *   imports: [SettingsModule], // exports AppSettings
   *   inject: [AppSettings],
   *   useFactory: (settings: AppSettings) => ({ type: 'filesystem', directory: settings.sessionDirectory }),
   * });
   * ```
   */
  static forRootAsync(options: SessionModuleAsyncOptions): DynamicModule {
    return definition(options.imports ?? [], asyncOptionsProviders(options));
  }

  /** The HTTP server exists now. */
  onApplicationBootstrap(): void {
    this.#engine.start();
  }

  /** Closes the store, if the module created it. Nest has let all requests finish, so their sessions are saved. */
  async onApplicationShutdown(): Promise<void> {
    await this.#engine.close();
  }
}

function definition(
  imports: NonNullable<DynamicModule['imports']>,
  optionsProviders: NonNullable<DynamicModule['providers']>,
): DynamicModule {
  return {
    module: SessionModule,
    global: true,
    imports,
    providers: [...optionsProviders, ...sessionProviders],
    exports: SESSION_EXPORTS,
  };
}
