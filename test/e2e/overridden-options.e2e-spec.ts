import {
  Controller,
  Get,
  Injectable,
  Module,
  Post,
  type DynamicModule,
  type INestApplication,
} from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  SESSION_CLOCK,
  SESSION_OPTIONS,
  Session,
  SessionModule,
  Sessions,
  type SessionModuleOptions,
  type SessionOptionsFactory,
} from '../../lib/index.js';
import { Browser } from '../support/browser.js';
import { FaultyStore, ManualClock } from '../../lib/testing/index.js';
import { platforms } from '../support/platforms.js';

@Controller()
class AccountController {
  @Post('login')
  async login(@Session() session: Session) {
    await session.login('alice');
  }

  @Get('me')
  me(@Session() session: Session) {
    return { user: session.loggedInAs ?? null };
  }
}

const inMemory = (builder: TestingModuleBuilder): TestingModuleBuilder =>
  builder.overrideProvider(SESSION_OPTIONS).useValue('memory');
const userOf = async (browser: Browser): Promise<unknown> => (await browser.get('/me')).json();

function neverCalled(): never {
  throw new Error('the factory was called');
}

// How users test: their own module, with the options of production, and another store for the tests.
describe.each(platforms)('overrideProvider() of a testing module on $name', platform => {
  /** A server in the place of the configured store. It answers nothing and counts. */
  let configured: Server;
  let connections = 0;
  let logs: unknown[];
  let app: INestApplication | undefined;
  beforeAll(async () => {
    configured = createServer(socket => {
      connections++;
      socket.on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(configured, 'listening');
  });
  afterAll(() => configured.close());
  beforeEach(() => {
    logs = [];
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  /** Options that would keep the application from starting. */
  const production = (): SessionModuleOptions => ({
    type: 'redis',
    url: `redis://127.0.0.1:${(configured.address() as AddressInfo).port}`,
    failFast: true,
  });

  async function start(
    sessions: DynamicModule,
    override: (builder: TestingModuleBuilder) => TestingModuleBuilder,
  ): Promise<Browser> {
    @Module({ imports: [sessions], controllers: [AccountController] })
    class AppModule {}
    const testing = await override(Test.createTestingModule({ imports: [AppModule] }))
      .setLogger({
        log: () => undefined,
        warn: message => logs.push(message),
        error: message => logs.push(message),
      })
      .compile();
    app = testing.createNestApplication(platform.adapter());
    await app.listen(0, '127.0.0.1');
    return new Browser(await app.getUrl());
  }

  async function expectSessions(browser: Browser): Promise<void> {
    await browser.post('/login');
    expect(await userOf(browser)).toEqual({ user: 'alice' });
    expect(await app!.get(Sessions).listByUser('alice')).toHaveLength(1);
    expect([connections, logs]).toEqual([0, []]);
  }

  it('SESSION_OPTIONS replaces the options of forRoot(): the configured store is never connected to', async () => {
    await expectSessions(await start(SessionModule.forRoot(production()), inMemory));
  });

  it('SESSION_OPTIONS replaces the factory of forRootAsync(): it is never called', async () => {
    await expectSessions(await start(SessionModule.forRootAsync({ useFactory: neverCalled }), inMemory));
  });

  it('SESSION_OPTIONS replaces the class of forRootAsync(): it is asked for nothing', async () => {
    @Injectable()
    class Settings implements SessionOptionsFactory {
      createSessionOptions(): never {
        throw new Error('the class was asked');
      }
    }
    await expectSessions(await start(SessionModule.forRootAsync({ useClass: Settings }), inMemory));
  });

  it('SESSION_OPTIONS replaces a store that was given: it is neither opened nor called nor closed', async () => {
    const store = new FaultyStore();
    await expectSessions(await start(SessionModule.forRoot({ store, failFast: true }), inMemory));
    await app!.close();
    expect(store.takeVerbs()).toEqual([]);
  });

  it('SESSION_OPTIONS takes options as forRoot() does, and reports mistakes in them', async () => {
    const browser = await start(SessionModule.forRoot(production()), builder =>
      builder.overrideProvider(SESSION_OPTIONS).useValue({ type: 'memory', cookie: { name: 'test' } }),
    );
    await browser.post('/login');
    expect([...browser.cookies.keys()]).toEqual(['test']);
    const starting = start(SessionModule.forRoot(production()), builder =>
      builder.overrideProvider(SESSION_OPTIONS).useValue({ type: 'memory', idleTimeout: 'soon' }),
    );
    await expect(starting).rejects.toThrow(/idleTimeout/);
  });

  it('SESSION_CLOCK moves the time by hand: an idle session ends', async () => {
    const clock = new ManualClock();
    const browser = await start(SessionModule.forRoot({ type: 'memory', idleTimeout: '30m' }), builder =>
      builder.overrideProvider(SESSION_CLOCK).useValue(clock),
    );
    await browser.post('/login');
    clock.advance(29 * 60_000);
    expect(await userOf(browser)).toEqual({ user: 'alice' });
    clock.advance(31 * 60_000);
    expect(await userOf(browser)).toEqual({ user: null });
  });
});
