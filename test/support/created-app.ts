import 'reflect-metadata';
import { Module, type INestApplication, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  SessionModule,
  Sessions,
  SessionStore,
  type SessionEvent,
  type SessionModuleOptions,
} from '../../lib/index.js';
import { Browser } from './browser.js';
import type { AppOptions, RunningApp } from './start-app.js';

/** A listening application made like a real one: with `NestFactory.create()` and the clock of the system. */
export type CreatedApp = Omit<RunningApp, 'clock' | 'place'>;

/** Creates the application and starts to listen. The caller has to close it. */
export async function createApp(options: Omit<AppOptions, 'clock'>): Promise<CreatedApp> {
  const { platform, backend, session, configure, imports = [], ...metadata } = options;
  const place =
    'place' in backend ? await backend.place() : { options: backend, dispose: async () => undefined };
  // The store may be another process on a busy machine, and these tests do not measure its speed.
  const moduleOptions = { storeTimeout: 10_000, ...place.options, ...session } as SessionModuleOptions;

  @Module({ imports: [SessionModule.forRoot(moduleOptions), ...imports], ...metadata })
  class AppModule {}

  const logs: string[] = [];
  const app: INestApplication = await NestFactory.create(AppModule, platform.adapter(), {
    logger: loggerTo(logs),
    abortOnError: false,
  });
  const events: SessionEvent[] = [];
  const sessions = app.get(Sessions);
  sessions.events$.subscribe(event => events.push(event));
  await configure?.(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    url,
    sessions,
    store: app.get(SessionStore),
    events,
    logs,
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
  return { log: log('log'), error: log('error'), warn: log('warn'), debug: log('debug') };
}
