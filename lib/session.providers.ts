import type {
  InjectionToken,
  ModuleMetadata,
  OptionalFactoryDependency,
  Provider,
  Type,
} from '@nestjs/common';
import { APP_INTERCEPTOR, HttpAdapterHost } from '@nestjs/core';
import type { SessionModuleOptions } from './options/session-options.interface.js';
import { SESSION_CLOCK, SESSION_ENGINE, SESSION_OPTIONS } from './session.constants.js';
import { SessionEngine } from './session.engine.js';
import { SessionInterceptor } from './session.interceptor.js';
import { Sessions } from './sessions.service.js';
import { SessionStore } from './store/session-store.js';
import type { SessionStoreType } from './options/store-types.js';
import { systemClock, type Clock } from './time/clock.js';

/** A class that makes the options, for `useClass` and `useExisting`. @publicApi */
export interface SessionOptionsFactory {
  createSessionOptions():
    SessionModuleOptions | SessionStoreType | Promise<SessionModuleOptions | SessionStoreType>;
}

/** What `forRootAsync` takes: exactly one of `useFactory`, `useClass` and `useExisting`. @publicApi */
export interface SessionModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  /** What the factory's parameters are, by token. */
  readonly inject?: (InjectionToken | OptionalFactoryDependency)[];
  /** Makes the options. */
  readonly useFactory?: (
    // oxlint-disable-next-line typescript/no-explicit-any -- the parameters' types are those of the injected providers
    ...injected: any[]
  ) => SessionModuleOptions | SessionStoreType | Promise<SessionModuleOptions | SessionStoreType>;
  /** A class that is instantiated here. */
  readonly useClass?: Type<SessionOptionsFactory>;
  /** A provider that is there already. */
  readonly useExisting?: InjectionToken<SessionOptionsFactory>;
}

/** The store is exported guarded: what is injected keeps the deadline and reports to `Sessions.events$`. */
export const sessionProviders: Provider[] = [
  { provide: SESSION_CLOCK, useValue: systemClock },
  {
    provide: SESSION_ENGINE,
    inject: [HttpAdapterHost, SESSION_OPTIONS, SESSION_CLOCK],
    useFactory: (host: HttpAdapterHost, options: SessionModuleOptions | SessionStoreType, clock: Clock) =>
      SessionEngine.for(host, options, clock),
  },
  { provide: SessionStore, inject: [SESSION_ENGINE], useFactory: ({ store }: SessionEngine) => store },
  Sessions,
  { provide: APP_INTERCEPTOR, useClass: SessionInterceptor },
];

export const SESSION_EXPORTS = [SessionStore, Sessions];

/** @throws TypeError at once when none, or more than one, way to make the options is given */
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
