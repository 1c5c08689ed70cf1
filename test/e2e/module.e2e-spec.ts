import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type INestApplication,
  type LoggerService,
  type Provider,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  Session,
  SessionConfigError,
  SessionModule,
  Sessions,
  SessionStore,
  SessionStoreError,
  StoreRefusedError,
  type SessionEvent,
  type SessionModuleAsyncOptions,
  type SessionModuleOptions,
  type SessionOptionsFactory,
} from '../../lib/index.js';
import { MemorySessionStore } from '../../lib/stores/memory/index.js';
import { Browser } from '../support/browser.js';
import { MINUTE } from '../support/durations.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms } from '../support/platforms.js';

@Controller()
class CountController {
  @Get('count')
  count(@Session() session: Session<{ count?: number }>) {
    session.count = (session.count ?? 0) + 1;
    return session.count;
  }
}

/** A module that imports nothing: what it injects is global. */
@Injectable()
class FeatureService {
  constructor(
    @Inject(SessionStore) readonly store: SessionStore,
    @Inject(Sessions) readonly sessions: Sessions,
  ) {}
}

@Module({ controllers: [CountController], providers: [FeatureService], exports: [FeatureService] })
class FeatureModule {}

@Injectable()
class Settings {
  readonly idle = '20m';
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Injectable()
class SessionSettings implements SessionOptionsFactory {
  createSessionOptions(): SessionModuleOptions {
    return { type: 'memory', idleTimeout: '20m' };
  }
}

@Module({ providers: [SessionSettings], exports: [SessionSettings] })
class SessionSettingsModule {}

const logs: string[] = [];
const note =
  (level: string) =>
  (message: unknown): void =>
    void logs.push(`${level}: ${message instanceof Error ? message.message : String(message)}`);
const logger: LoggerService = { log: () => undefined, error: note('error'), warn: note('warn') };

let apps: INestApplication[] = [];
beforeEach(() => {
  logs.length = 0;
});
afterEach(async () => {
  await Promise.all(apps.map(app => app.close()));
  apps = [];
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const [express] = platforms;

/** Starts an application as `main.ts` does. */
async function start(session: DynamicModule, platform = express!, providers: Provider[] = []) {
  @Module({ imports: [session, FeatureModule], providers })
  class AppModule {}
  const app = await NestFactory.create(AppModule, platform.adapter(), { logger, abortOnError: false });
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  return { app, browser: new Browser(url), feature: app.get(FeatureService) };
}

/** How long a session of this application may go unused. */
async function idleTimeoutOf(session: DynamicModule): Promise<number> {
  const { browser, feature } = await start(session);
  const created: SessionEvent[] = [];
  feature.sessions.events$.subscribe(event => created.push(event));
  expect((await browser.get('/count')).text).toBe('1');
  expect((await browser.get('/count')).text).toBe('2');
  const info = await feature.sessions.get((created[0] as { id: string }).id);
  return info!.expiresAt.getTime() - info!.lastSeenAt.getTime();
}

const startUpError = (session: DynamicModule): Promise<unknown> =>
  start(session).then(
    () => 'started',
    (error: unknown) => error,
  );

describe.each(platforms)('SessionModule on $name', platform => {
  it('takes the short form, options and a store of your own', async () => {
    const forms: (SessionModuleOptions | 'memory')[] = [
      'memory',
      { type: 'memory', maxSessions: 10 },
      { store: new MemorySessionStore() },
    ];
    for (const form of forms) {
      const { browser } = await start(SessionModule.forRoot(form), platform);
      await browser.get('/count');
      expect((await browser.get('/count')).text).toBe('2');
    }
  });

  it('is global, and provides the store and the service', async () => {
    const { app, feature } = await start(SessionModule.forRoot('memory'), platform);
    expect(feature.store).toBe(app.get(SessionStore));
    expect(feature.store).toBeInstanceOf(SessionStore);
    expect(feature.sessions).toBe(app.get(Sessions));
    await expect(feature.sessions.ping()).resolves.toBeUndefined();
  });
});

describe('SessionModule.forRootAsync()', () => {
  it('takes a factory, with imports and injected providers, and async', async () => {
    const session = SessionModule.forRootAsync({
      imports: [SettingsModule],
      inject: [Settings],
      useFactory: async (settings: Settings) => ({ type: 'memory', idleTimeout: settings.idle }),
    });
    expect(await idleTimeoutOf(session)).toBe(20 * MINUTE);
  });

  it('takes a factory of the short form', async () => {
    expect(await idleTimeoutOf(SessionModule.forRootAsync({ useFactory: () => 'memory' }))).toBe(60 * MINUTE);
  });

  it('takes a class, and a provider that is there already', async () => {
    const byClass = SessionModule.forRootAsync({ useClass: SessionSettings });
    expect(await idleTimeoutOf(byClass)).toBe(20 * MINUTE);
    const existing = SessionModule.forRootAsync({
      imports: [SessionSettingsModule],
      useExisting: SessionSettings,
    });
    expect(await idleTimeoutOf(existing)).toBe(20 * MINUTE);
  });

  it.each<[string, SessionModuleAsyncOptions]>([
    ['none', {}],
    ['two', { useFactory: () => 'memory', useClass: SessionSettings }],
    ['three', { useFactory: () => 'memory', useClass: SessionSettings, useExisting: SessionSettings }],
  ])('refuses %s of the ways at once', (_, options) => {
    expect(() => SessionModule.forRootAsync(options)).toThrow(
      /exactly one of useFactory, useClass and useExisting/,
    );
  });

  it('stops start-up with the factory’s own error, or with the mistakes in its options', async () => {
    const failing = SessionModule.forRootAsync({ useFactory: () => Promise.reject(new Error('no vault')) });
    expect(await startUpError(failing)).toMatchObject({ message: 'no vault' });
    const wrong = SessionModule.forRootAsync({ useFactory: () => ({ type: 'memory', idleTimeout: 'soon' }) });
    expect(await startUpError(wrong)).toBeInstanceOf(SessionConfigError);
  });
});

describe('problems in the options', () => {
  it('are reported together, at start-up, each with its remedy', async () => {
    const wrong = {
      type: 'memory',
      directory: './x',
      idleTimout: '1h',
      absoluteTimeout: -1,
      cookie: { sameSite: 'none', secure: false },
      exclude: '/assets/*',
    } as unknown as SessionModuleOptions;
    const error = await startUpError(SessionModule.forRoot(wrong));
    expect(error).toBeInstanceOf(SessionConfigError);
    const { problems, message } = error as SessionConfigError;
    expect(problems.map(({ option }) => option).toSorted()).toEqual(
      expect.arrayContaining(['absoluteTimeout', 'directory', 'exclude', 'idleTimout']),
    );
    expect(problems.some(({ option }) => option.startsWith('cookie.'))).toBe(true);
    for (const problem of problems) expect(message).toContain(`- ${problem.option}: ${problem.message}`);
    expect(message).toMatch(/idleTimeout/);
  });

  it.each([
    { type: 'memory', maxSessions: 0 },
    { type: 'filesystem', directory: 7 },
    { type: 'redis', prefix: '' },
    { type: 'mongodb', url: 'http://user:secret@localhost' },
  ])('include what the store itself says of its options: %o', async wrong => {
    const error = await startUpError(
      SessionModule.forRoot({ ...wrong, idleTimeout: -1 } as unknown as SessionModuleOptions),
    );
    expect(error).toBeInstanceOf(SessionConfigError);
    const { problems, message } = error as SessionConfigError;
    expect(problems.map(({ option }) => option)).toEqual([`type: '${wrong.type}'`, 'idleTimeout']);
    expect(message).toContain(`"${Object.keys(wrong)[1]}"`);
    expect(message).not.toContain('secret');
  });

  it.each([
    [undefined],
    [null],
    [{}],
    [7],
    ['postgres'],
    [{ type: 'memory', store: new MemorySessionStore() }],
  ])('are a SessionConfigError for %j, too', async options => {
    const error = await startUpError(SessionModule.forRoot(options as SessionModuleOptions));
    expect(error).toBeInstanceOf(SessionConfigError);
  });

  it('include a second import with different options, and not one with the same', async () => {
    const options = { type: 'memory', idleTimeout: '20m' } as const;
    @Module({ imports: [SessionModule.forRoot({ ...options })] })
    class OtherModule {}
    @Module({ imports: [SessionModule.forRoot({ ...options, idleTimeout: '21m' })] })
    class DifferentModule {}
    const withOther = (other: object): Promise<unknown> => {
      const session = SessionModule.forRoot(options);
      return startUpError({ ...session, imports: [...(session.imports ?? []), other as DynamicModule] });
    };
    expect(await withOther(OtherModule)).toBe('started');
    const error = await withOther(DifferentModule);
    expect(error).toBeInstanceOf(SessionConfigError);
    expect((error as Error).message).toContain('imported twice');
  });
});

describe('options that are accepted but do not do what they seem to', () => {
  it('are a warning at start-up: a cookie that is kept longer than the default limits let a session live', async () => {
    await start(SessionModule.forRoot({ type: 'memory', cookie: { maxAge: '30d' } }));
    expect(logs).toEqual([
      expect.stringMatching(/^warn: .*cookie\.maxAge: '30d'.*idleTimeout.*absoluteTimeout/),
    ]);
    logs.length = 0;
    const limits = { idleTimeout: '7d', absoluteTimeout: '30d' };
    await start(SessionModule.forRoot({ type: 'memory', cookie: { maxAge: '30d' }, ...limits }));
    expect(logs).toEqual([]);
  });
});

const warnings = (): string[] => logs.filter(line => line.includes('memory store'));

describe('the memory store', () => {
  it('warns in production, once at each start, whether it was chosen by type or given', async () => {
    vi.stubEnv('NODE_ENV', 'production');
    await start(SessionModule.forRoot('memory'));
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatch(/^warn: .*lost at every restart/);
    await start(SessionModule.forRoot({ store: new MemorySessionStore() }));
    expect(warnings()).toHaveLength(2);
  });

  it('says nothing in development', async () => {
    vi.stubEnv('NODE_ENV', 'development');
    await start(SessionModule.forRoot('memory'));
    expect(logs).toEqual([]);
  });
});

describe.each(platforms)('opening and closing on $name', platform => {
  it('a store of your own is opened, and left open: you close it', async () => {
    const store = new FaultyStore();
    const { app } = await start(SessionModule.forRoot({ store }), platform);
    await app.close();
    expect(store.takeVerbs()).toEqual(['open']);
  });

  it('a store that we made is closed with the application, and the events complete', async () => {
    const close = vi.spyOn(MemorySessionStore.prototype, 'close');
    const { app, feature } = await start(SessionModule.forRoot('memory'), platform);
    const completed = vi.fn<() => void>();
    feature.sessions.events$.subscribe({ complete: completed });
    expect(close).not.toHaveBeenCalled();
    await app.close();
    expect(close).toHaveBeenCalledTimes(1);
    expect(completed).toHaveBeenCalledTimes(1);
  });

  it('a directory is made at start-up, not at the first session', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'nestjs-http-session-'));
    const directory = join(parent, 'deep', 'sessions');
    await start(SessionModule.forRoot({ type: 'filesystem', directory }), platform);
    await expect(access(directory)).resolves.toBeUndefined();
    await rm(parent, { recursive: true });
  });
});

describe('a store that does not answer at start-up on express', () => {
  it('is logged, and the application starts (failFast: false)', async () => {
    const store = new FaultyStore();
    store.fail('open', { error: new Error('connection refused'), times: 1 });
    const { browser } = await start(SessionModule.forRoot({ store }));
    expect(logs).toEqual([expect.stringMatching(/^error: .*does not answer.*503.*connection refused/)]);
    expect((await browser.get('/count')).text).toBe('1');
  });

  it('stops start-up with failFast: true, with the cause', async () => {
    const store = new FaultyStore();
    const refused = new Error('connection refused');
    store.fail('open', { error: refused });
    const error = await startUpError(SessionModule.forRoot({ store, failFast: true }));
    expect(error).toBeInstanceOf(SessionConfigError);
    expect(error).toMatchObject({
      cause: refused,
      problems: [{ option: 'store', message: 'connection refused' }],
    });
  });

  it('stops start-up with failFast: true when it can only be asked by a load', async () => {
    class Unreachable extends MemorySessionStore {
      override load(): never {
        throw new Error('unreachable');
      }
      override ping(): never {
        throw new Error('unreachable');
      }
    }
    const withoutOpen = () => Object.assign(new Unreachable(), { open: undefined });
    const error = await startUpError(SessionModule.forRoot({ store: withoutOpen(), failFast: true }));
    expect(error).toBeInstanceOf(SessionConfigError);
    expect(await startUpError(SessionModule.forRoot({ store: withoutOpen() }))).toBe('started');
  });

  it('always stops start-up when it answers and refuses us', async () => {
    const store = new FaultyStore();
    store.fail('open', { error: new StoreRefusedError('wrong password: set "url" to one that may write') });
    const error = await startUpError(SessionModule.forRoot({ store }));
    expect(error).toBeInstanceOf(SessionConfigError);
    expect((error as Error).message).toContain('wrong password: set "url" to one that may write');
  });
});

describe('the injected SessionStore', () => {
  it('keeps the deadline, wraps faults and reports them', async () => {
    const store = new FaultyStore();
    const { feature } = await start(SessionModule.forRoot({ store, storeTimeout: 30 }));
    const events: SessionEvent[] = [];
    feature.sessions.events$.subscribe(event => events.push(event));
    expect(feature.store).not.toBe(store);
    const broken = new Error('connection lost');
    store.fail('load', { error: broken, times: 1 });
    const failed = await Promise.resolve(feature.store.load('0'.repeat(64))).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(SessionStoreError);
    expect(failed).toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE', cause: broken });
    store.hang('load', { times: 1 });
    const late = await Promise.resolve(feature.store.load('0'.repeat(64))).catch((error: unknown) => error);
    expect(late).toMatchObject({ code: 'SESSION_STORE_TIMEOUT' });
    expect(events).toEqual([
      { type: 'store-failed', operation: 'load', code: 'SESSION_STORE_UNAVAILABLE', cause: broken },
      { type: 'store-failed', operation: 'load', code: 'SESSION_STORE_TIMEOUT', cause: late },
    ]);
  });
});

describe('an application without HTTP', () => {
  it('has the service and the store, and no current session', async () => {
    @Module({ imports: [SessionModule.forRoot('memory'), FeatureModule] })
    class WorkerModule {}
    const context = await NestFactory.createApplicationContext(WorkerModule, { logger, abortOnError: false });
    const sessions = context.get(Sessions);
    expect(await sessions.listByUser('alice')).toEqual([]);
    expect(await sessions.revokeByUser('alice')).toBe(0);
    await expect(sessions.current()).rejects.toMatchObject({ code: 'SESSION_MISUSED' });
    await context.close();
  });
});
