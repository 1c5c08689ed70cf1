import 'reflect-metadata';
import {
  Controller,
  Get,
  Module,
  Res,
  type DynamicModule,
  type LoggerService,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { getSession, Session, SessionModule, type SessionModuleOptions } from '../../lib/index.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { MemorySessionStore } from '../../lib/stores/memory/memory.store.js';
import { Browser } from '../support/browser.js';

type Data = { outer?: number; inner?: number };
type Next = () => void;

@Controller()
class InnerController {
  @Get('write')
  write(@Session() session: Session<Data>): object {
    session.inner = (session.inner ?? 0) + 1;
    return { inner: session.inner };
  }
}

const late: { login: Promise<unknown> | undefined } = { login: undefined };

@Controller()
class LateController {
  /** Answers, and signs in afterwards without waiting. */
  @Get('late-login')
  answer(@Session() session: Session<Data>, @Res() response: ServerResponse): void {
    void session.inner;
    response.end('answered');
    late.login = session.login('alice').catch((error: unknown) => error);
  }
}

@Controller('outer')
class OuterController {
  @Get('read')
  read(@Session() session: Session<Data>): object {
    return { ...session };
  }
}

const applications: NestExpressApplication[] = [];

/** What the applications of a test have warned of. */
let warnings: string[] = [];
const logger: LoggerService = {
  log: () => undefined,
  warn: (message: unknown) => void warnings.push(String(message)),
  error: () => undefined,
};

async function create(controllers: Type[], session: SessionModuleOptions): Promise<NestExpressApplication> {
  @Module({})
  class AppModule {}
  const root: DynamicModule = {
    module: AppModule,
    imports: [SessionModule.forRoot(session)],
    controllers,
  };
  const app = await NestFactory.create<NestExpressApplication>(root, { logger });
  applications.push(app);
  return app;
}

const outerCookie = { cookie: { name: 'outer' } } as const;
/**
 * One application mounted in another. The outer one's middleware changes its session, then the inner one's handler
 * changes another session: both have to be saved before the one head leaves.
 */
async function startNested({
  wrapsEnd = false,
  innerStore,
  outerStore,
  innerName = 'inner',
}: {
  wrapsEnd?: boolean;
  innerStore?: FaultyStore;
  outerStore?: FaultyStore;
  innerName?: string;
} = {}): Promise<{
  browser: Browser;
  endings: number[];
}> {
  const endings: number[] = [];
  const outer = await create(
    [OuterController],
    outerStore ? { store: outerStore, ...outerCookie } : { type: 'memory', ...outerCookie },
  );
  outer.use('/inner', (request: IncomingMessage, response: ServerResponse, next: Next) => {
    void getSession<Data>(request).then(session => {
      session.outer = (session.outer ?? 0) + 1;
      if (wrapsEnd) {
        const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
        response.end = ((...args: unknown[]) => (endings.push(response.statusCode), end(...args))) as never;
      }
      next();
    });
  });
  const innerCookie = { cookie: { name: innerName } } as const;
  const inner = await create(
    [InnerController, LateController],
    innerStore ? { store: innerStore, ...innerCookie } : { type: 'memory', ...innerCookie },
  );
  await inner.init();
  outer.use('/inner', inner.getHttpAdapter().getInstance());
  await outer.listen(0, '127.0.0.1');
  return { browser: new Browser((await outer.getUrl()).replace('[::1]', '127.0.0.1')), endings };
}

afterEach(async () => {
  warnings = [];
  for (const app of applications.splice(0).toReversed()) await app.close();
});

describe('a Nest application mounted in another one, both with sessions, on express', () => {
  it.each([false, true])(
    'saves what both changed in one request (res.end wrapped between them: %s)',
    async wrapsEnd => {
      const { browser, endings } = await startNested({ wrapsEnd });
      const first = await browser.request('GET', '/inner/write');
      expect([first.status, first.json()]).toEqual([200, { inner: 1 }]);
      expect(first.setCookies.map(line => line.split('=')[0])).toEqual(['outer', 'inner']);
      const second = await browser.request('GET', '/inner/write');
      expect([second.json(), second.setCookies]).toEqual([{ inner: 2 }, []]);
      expect((await browser.request('GET', '/outer/read')).json()).toEqual({ outer: 2 });
      expect(endings).toEqual(wrapsEnd ? [200, 200] : []);
    },
  );

  it('an operation that starts after its own commit cannot set a cookie, although the other one still commits', async () => {
    const memory = new MemorySessionStore();
    const outerStore = new FaultyStore(memory);
    const { browser } = await startNested({ outerStore });
    await browser.request('GET', '/inner/write');
    const held = outerStore.hold('update');
    const answer = browser.request('GET', '/inner/late-login');
    await held.reached;
    expect(await late.login).toMatchObject({ code: 'SESSION_HEAD_SENT' });
    held.release();
    expect((await answer).setCookies).toEqual([]);
    expect((await browser.request('GET', '/inner/write')).json()).toEqual({ inner: 2 });
    memory.close();
  });

  it('a save of the inner one that fails makes the request fail, and the outer session stays as it was', async () => {
    const memory = new MemorySessionStore();
    const innerStore = new FaultyStore(memory);
    const { browser } = await startNested({ innerStore });
    innerStore.fail('create', { error: new Error('out of order') });
    const failed = await browser.request('GET', '/inner/write');
    expect([failed.status, failed.setCookies]).toEqual([503, []]);
    expect((await browser.request('GET', '/outer/read')).json()).toEqual({});
    memory.close();
  });

  it.each([
    ['inner', []],
    ['outer', [expect.stringMatching(/both call their session cookie "outer".*Set cookie: \{ name \}/)]],
  ])(
    'with the cookie name %s of the inner one, there are these warnings: %j',
    async (innerName, expected) => {
      const { browser } = await startNested({ innerName });
      await browser.request('GET', '/inner/write');
      await browser.request('GET', '/inner/write');
      expect(warnings.filter(message => message.includes('cookie'))).toEqual(expected);
    },
  );
});
