import 'reflect-metadata';
import {
  Module,
  type DynamicModule,
  type INestApplication,
  type LoggerService,
  type ModuleMetadata,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  SessionModule,
  Sessions,
  SessionStore,
  type SessionEvent,
  type SessionModuleOptions,
} from '../../lib/index.js';
import { SESSION_CLOCK } from '../../lib/session.constants.js';
import type { Clock } from '../../lib/time/clock.js';
import type { Backend } from './backends.js';
import { Browser } from './browser.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import type { Platform } from './platforms.js';

/** The two ways to create a Nest application: the one of `main.ts` and the one of an application's tests. */
export const makers = ['NestFactory', 'a testing module'] as const;

export interface AppOptions extends Pick<ModuleMetadata, 'controllers' | 'providers' | 'imports'> {
  readonly platform: Platform;
  /** A backend, on which a new place is created and removed with the app, or the options of a shared place. */
  readonly backend: Backend | SessionModuleOptions;
  /** Further options of the module. */
  readonly session?: Partial<SessionModuleOptions>;
  readonly clock?: ManualClock;
  /** @default 'NestFactory' */
  readonly madeBy?: (typeof makers)[number];
  /** Runs before `listen`, for a global prefix, filters or middleware. */
  readonly configure?: (app: INestApplication) => void | Promise<void>;
  /** Replaces `listen` on a free port of 127.0.0.1. */
  readonly listen?: (app: INestApplication) => Promise<unknown>;
}

export interface RunningApp {
  readonly app: INestApplication;
  readonly url: string;
  readonly clock: ManualClock;
  readonly sessions: Sessions;
  readonly store: SessionStore;
  /** All events so far, in order. */
  readonly events: SessionEvent[];
  /** All log messages, as `level: message`. */
  readonly logs: string[];
  /** The options of the place, for a second application that shares it. */
  readonly place: SessionModuleOptions;
  browser(): Browser;
  close(): Promise<void>;
}

/** Starts an application with sessions. The caller has to close it. */
export async function startApp(options: AppOptions): Promise<RunningApp> {
  const {
    platform,
    backend,
    session,
    configure,
    listen = app => app.listen(0, '127.0.0.1'),
    clock = new ManualClock(),
    madeBy = 'NestFactory',
    imports = [],
    ...metadata
  } = options;
  const place =
    'place' in backend ? await backend.place() : { options: backend, dispose: async () => undefined };
  // The store may be another process on a busy machine, and most tests do not measure its speed.
  const moduleOptions = { storeTimeout: 10_000, ...place.options, ...session } as SessionModuleOptions;
  const logs: string[] = [];
  const logger = loggerTo(logs);
  const sessionModule = withClock(SessionModule.forRoot(moduleOptions), clock);
  @Module({ imports: [sessionModule, ...imports], ...metadata })
  class AppModule {}
  const app =
    madeBy === 'NestFactory'
      ? // The test checks errors at the start. By default Nest ends the process.
        await NestFactory.create(AppModule, platform.adapter(), { logger, abortOnError: false })
      : (
          await Test.createTestingModule({ imports: [AppModule] })
            .setLogger(logger)
            .compile()
        ).createNestApplication(platform.adapter(), { logger });
  const events: SessionEvent[] = [];
  const sessions = app.get(Sessions);
  sessions.events$.subscribe(event => events.push(event));
  await configure?.(app);
  await listen(app);
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  return {
    app,
    url,
    clock,
    sessions,
    store: app.get(SessionStore),
    events,
    logs,
    place: place.options,
    browser: () => new Browser(url),
    async close() {
      await app.close();
      await place.dispose();
    },
  };
}

/**
 * Replaces the provider of the clock in the result of `forRoot()` and keeps all other providers. `NestFactory` cannot
 * override providers, unlike a testing module, but a dynamic module is plain data.
 */
function withClock(session: DynamicModule, clock: Clock): DynamicModule {
  const { providers = [] } = session;
  const others = providers.filter(
    provider => typeof provider === 'function' || provider.provide !== SESSION_CLOCK,
  );
  if (others.length !== providers.length - 1) throw new Error('forRoot() has no provider of SESSION_CLOCK');
  return { ...session, providers: [...others, { provide: SESSION_CLOCK, useValue: clock }] };
}

function loggerTo(logs: string[]): LoggerService {
  const log =
    (level: string) =>
    (message: unknown): void =>
      void logs.push(`${level}: ${message instanceof Error ? message.message : String(message)}`);
  return {
    log: log('log'),
    error: log('error'),
    warn: log('warn'),
    debug: log('debug'),
    verbose: log('verbose'),
  };
}
