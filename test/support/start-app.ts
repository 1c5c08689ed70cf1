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
import { ManualClock } from './manual-clock.js';
import type { Platform } from './platforms.js';

/** How Nest makes an application: as `main.ts` does, or as the tests of an application do. */
export const makers = ['NestFactory', 'a testing module'] as const;

export interface AppOptions extends Pick<ModuleMetadata, 'controllers' | 'providers' | 'imports'> {
  readonly platform: Platform;
  /** A backend, which gets a fresh place that is removed with the app; or the options of a place that others share. */
  readonly backend: Backend | SessionModuleOptions;
  /** Further options of the module. */
  readonly session?: Partial<SessionModuleOptions>;
  readonly clock?: ManualClock;
  /** `NestFactory` by default. */
  readonly madeBy?: (typeof makers)[number];
  /** Before `listen`: global prefix, filters, middleware … */
  readonly configure?: (app: INestApplication) => void | Promise<void>;
  /** Listens elsewhere than on a free port of 127.0.0.1. */
  readonly listen?: (app: INestApplication) => Promise<unknown>;
}

export interface RunningApp {
  readonly app: INestApplication;
  readonly url: string;
  readonly clock: ManualClock;
  readonly sessions: Sessions;
  readonly store: SessionStore;
  /** What has happened so far, in order. */
  readonly events: SessionEvent[];
  /** What was logged, `level: message`. */
  readonly logs: string[];
  /** The options of the place, for a second application beside this one. */
  readonly place: SessionModuleOptions;
  browser(): Browser;
  close(): Promise<void>;
}

/** A listening application with sessions. Close it. */
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
  // A store outside of the process, on a machine that is busy: what is tested is seldom how fast it is.
  const moduleOptions = { storeTimeout: 10_000, ...place.options, ...session } as SessionModuleOptions;
  const logs: string[] = [];
  const logger = loggerTo(logs);
  const sessionModule = withClock(SessionModule.forRoot(moduleOptions), clock);
  @Module({ imports: [sessionModule, ...imports], ...metadata })
  class AppModule {}
  const app =
    madeBy === 'NestFactory'
      ? // An error at the start is the test's to judge: Nest's default ends the process.
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
 * `NestFactory` cannot override a provider as a testing module can. A dynamic module is plain data, so its provider of
 * the clock is replaced before Nest sees it; everything else stays what `forRoot()` returned.
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
