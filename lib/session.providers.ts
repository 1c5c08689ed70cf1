import type {
  InjectionToken,
  ModuleMetadata,
  OptionalFactoryDependency,
  Provider,
  Type,
} from '@nestjs/common';
import { APP_INTERCEPTOR, HttpAdapterHost } from '@nestjs/core';
import type { ForRootOptions } from './options/session-options.interface.js';
import { SESSION_CLOCK, SESSION_ENGINE, SESSION_OPTIONS } from './session.constants.js';
import { SessionEngine } from './session.engine.js';
import { SessionInterceptor } from './session.interceptor.js';
import { Sessions } from './sessions.service.js';
import { SessionStore } from './store/session-store.js';
import { systemClock, type Clock } from './time/clock.js';

/** A class that returns the options, for `useClass` and `useExisting` of `forRootAsync()`. @publicApi */
export interface SessionOptionsFactory {
  createSessionOptions(): ForRootOptions | Promise<ForRootOptions>;
}

/** What `forRootAsync` takes: exactly one of `useFactory`, `useClass` and `useExisting`. @publicApi */
export interface SessionModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  /** The tokens of the providers that `useFactory` gets as its parameters, in this order. */
  readonly inject?: (InjectionToken | OptionalFactoryDependency)[];
  /** Returns the options. */
  readonly useFactory?: (
    // oxlint-disable-next-line typescript/no-explicit-any -- the parameters' types are those of the injected providers
    ...injected: any[]
  ) => ForRootOptions | Promise<ForRootOptions>;
  /** A class that returns the options. The module creates its instance. */
  readonly useClass?: Type<SessionOptionsFactory>;
  /** The token of a provider, of a module in `imports` or of a global one, that returns the options. */
  readonly useExisting?: InjectionToken<SessionOptionsFactory>;
}

/**
 * The providers of the module besides its options. The store that is injected as `SessionStore` is the guarded one: it
 * keeps `storeTimeout` and reports to `Sessions.events$`.
 */
export const sessionProviders: Provider[] = [
  { provide: SESSION_CLOCK, useValue: systemClock },
  {
    provide: SESSION_ENGINE,
    inject: [HttpAdapterHost, SESSION_OPTIONS, SESSION_CLOCK],
    useFactory: (host: HttpAdapterHost, options: ForRootOptions, clock: Clock) =>
      SessionEngine.for(host, options, clock),
  },
  { provide: SessionStore, inject: [SESSION_ENGINE], useFactory: ({ store }: SessionEngine) => store },
  Sessions,
  { provide: APP_INTERCEPTOR, useClass: SessionInterceptor },
];

export const SESSION_EXPORTS = [SessionStore, Sessions];

/**
 * The providers of the options of `forRootAsync()`.
 *
 * @throws TypeError when not exactly one of `useFactory`, `useClass` and `useExisting` is given
 */
export function asyncOptionsProviders(options: SessionModuleAsyncOptions): Provider[] {
  const { useFactory, useClass, useExisting, inject = [] } = options;
  if ([useFactory, useClass, useExisting].filter(way => way !== undefined).length !== 1) {
    throw new TypeError(
      '[session] SessionModule.forRootAsync() needs exactly one of useFactory, useClass and useExisting',
    );
  }
  if (useFactory) return [{ provide: SESSION_OPTIONS, inject, useFactory }];
  const token = useExisting ?? useClass;
  return [
    ...(useClass ? [useClass] : []),
    {
      provide: SESSION_OPTIONS,
      inject: [token as InjectionToken],
      useFactory: (factory: SessionOptionsFactory) => factory.createSessionOptions(),
    },
  ];
}
