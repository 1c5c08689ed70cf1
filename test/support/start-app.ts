import 'reflect-metadata';
import type { INestApplication, LoggerService, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  SessionModule,
  Sessions,
  SessionStore,
  type SessionEvent,
  type SessionModuleOptions,
} from '../../lib/index.js';
import { SESSION_CLOCK } from '../../lib/session.constants.js';
import type { Backend } from './backends.js';
import { Browser } from './browser.js';
import { ManualClock } from './manual-clock.js';
import type { Platform } from './platforms.js';

export interface AppOptions extends Pick<ModuleMetadata, 'controllers' | 'providers' | 'imports'> {
  readonly platform: Platform;
  /** A backend, which gets a fresh place that is removed with the app; or the options of a place that others share. */
  readonly backend: Backend | SessionModuleOptions;
  /** Further options of the module. */
  readonly session?: Partial<SessionModuleOptions>;
  readonly clock?: ManualClock;
  /** Before `listen`: global prefix, filters, middleware … */
  readonly configure?: (app: INestApplication) => void | Promise<void>;
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
    clock = new ManualClock(),
    imports = [],
    ...metadata
  } = options;
  const place =
    'place' in backend ? await backend.place() : { options: backend, dispose: async () => undefined };
  // A store outside of the process, on a machine that is busy: what is tested is seldom how fast it is.
  const moduleOptions = { storeTimeout: 10_000, ...place.options, ...session } as SessionModuleOptions;
  const logs: string[] = [];
  const module = await Test.createTestingModule({
    imports: [SessionModule.forRoot(moduleOptions), ...imports],
    ...metadata,
  })
    .overrideProvider(SESSION_CLOCK)
    .useValue(clock)
    .setLogger(loggerTo(logs))
    .compile();
  const app = module.createNestApplication(platform.adapter(), { logger: loggerTo(logs) });
  const events: SessionEvent[] = [];
  const sessions = app.get(Sessions);
  sessions.events$.subscribe(event => events.push(event));
  await configure?.(app);
  await app.listen(0, '127.0.0.1');
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
