import { Module, type INestApplication, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import fastify, { type FastifyPluginAsync } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  getSession,
  SessionModule,
  Sessions,
  type Session,
  type SessionModuleOptions,
} from '../../lib/index.js';
import { backends, type BackendPlace } from '../support/backends.js';
import { Browser } from '../support/browser.js';
import { describeCells } from '../support/cells.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms, type Platform } from '../support/platforms.js';
import { NO_SESSION, returning, ScriptController, type Me } from '../support/scripts.js';

type Anything = Session<Record<string, unknown>>;
type Request = IncomingMessage & { session: Anything; originalUrl?: string };
type Middleware = (request: Request, response: ServerResponse, next: (error?: unknown) => void) => unknown;

interface Running {
  readonly app: INestApplication;
  readonly sessions: Sessions;
  browser(): Browser;
}

/** Where an application registers its middleware. */
type Way = 'consumer.apply()' | 'app.use()';
const ways: readonly Way[] = ['consumer.apply()', 'app.use()'];

/** An application as `main.ts` makes it. On Fastify, NestFactory registers middie before it creates any module. */
async function start(
  platform: Platform,
  way: Way,
  options: SessionModuleOptions,
  middleware: readonly Middleware[],
  configure?: (app: INestApplication) => unknown,
): Promise<Running> {
  @Module({ imports: [SessionModule.forRoot(options)], controllers: [ScriptController] })
  class RootModule implements NestModule {
    configure(consumer: MiddlewareConsumer): void {
      if (way === 'consumer.apply()') consumer.apply(...middleware).forRoutes('*path');
    }
  }
  const app = await NestFactory.create(RootModule, platform.adapter(), {
    logger: false,
    abortOnError: false,
  });
  if (way === 'app.use()') for (const one of middleware) app.use(one);
  await configure?.(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return { app, sessions: app.get(Sessions), browser: () => new Browser(url) };
}

const me = async (browser: Browser, path = '/me'): Promise<Me> => (await browser.get(path)).json<Me>();

const count: Middleware = async (request, _response, next) => {
  const session = (await getSession(request)) as Anything;
  session.visits = Number(session.visits ?? 0) + 1;
  next();
};

describe.each(ways)('a session in middleware of %s', way => {
  describeCells('a session in middleware', backends, ({ platform, backend }) => {
    let place: BackendPlace;
    let running: Running;
    const run = async (...middleware: Middleware[]): Promise<Browser> => {
      running = await start(platform, way, { storeTimeout: 10_000, ...place.options }, middleware);
      return running.browser();
    };
    beforeEach(async () => {
      place = await backend.place();
    });
    afterEach(async () => {
      await running.app.close();
      await place.dispose();
    });

    it('what it writes reaches the handler and the store', async () => {
      const browser = await run(count);
      expect(await me(browser)).toEqual({ user: null, data: { visits: 1 } });
      expect(await me(browser)).toEqual({ user: null, data: { visits: 2 } });
    });

    it('login() signs in, with one cookie', async () => {
      const browser = await run(async (request, _response, next) => {
        const session = await getSession(request);
        if (request.originalUrl === '/me?login') await session.login('alice');
        next();
      });
      const answer = await browser.get('/me?login');
      expect([answer.json(), answer.setCookies.length]).toEqual([{ user: 'alice', data: {} }, 1]);
      expect((await me(browser)).user).toBe('alice');
      expect(await running.sessions.listByUser('alice')).toHaveLength(1);
    });

    it('request.session and Sessions.current() are the session that the handler gets', async () => {
      const seen: unknown[] = [];
      const browser = await run(async (request, _response, next) => {
        const { session } = request;
        session.visits = Number(session.visits ?? 0) + 1;
        seen.push((await running.sessions.current()) === session, (await getSession(request)) === session);
        next();
      });
      const same = returning(async (session, { request }) => {
        seen.push((await running.sessions.current()) === session, request.session === session);
        return { ...session };
      });
      expect((await browser.get(same)).json()).toEqual({ visits: 1 });
      expect((await browser.get(same)).json()).toEqual({ visits: 2 });
      expect(seen).toEqual(Array(8).fill(true));
    });

    it('what it writes is saved when it answers itself', async () => {
      const browser = await run(async (request, response, next) => {
        if (request.originalUrl !== '/answered') return next();
        request.session.answered = true;
        response.end('done');
      });
      const answer = await browser.get('/answered');
      expect([answer.text, answer.setCookies.length]).toEqual(['done', 1]);
      expect((await me(browser)).data).toEqual({ answered: true });
    });
  });
});

describe.each(ways.flatMap(way => platforms.map(platform => ({ way, platform }))))(
  'middleware of $way on $platform.name',
  ({ way, platform }) => {
    let running: Running | undefined;
    const run = async (options: SessionModuleOptions, middleware: Middleware[]): Promise<Browser> => {
      running = await start(platform, way, options, middleware);
      return running.browser();
    };
    afterEach(() => running?.app.close());

    it('costs no load of its own: one for each request that brings a cookie', async () => {
      const store = new FaultyStore();
      const browser = await run({ store }, [count, count, count]);
      await browser.get('/me');
      expect(store.takeVerbs()).toEqual(['open', 'create']);
      expect((await me(browser)).data).toEqual({ visits: 6 });
      expect(store.takeVerbs()).toEqual(['load', 'update']);
      await browser.get('/nowhere');
      expect(store.takeVerbs()).toEqual(['load', 'update']);
    });

    it('with load: "lazy", getSession() loads; request.session throws before that and works afterwards', async () => {
      const store = new FaultyStore();
      const seen: unknown[] = [];
      const browser = await run({ store, load: 'lazy' }, [
        async (request, _response, next) => {
          try {
            void request.session;
          } catch (error) {
            seen.push((error as Error).message);
          }
          seen.push((await getSession(request)) === request.session);
          next();
        },
        count,
      ]);
      await browser.get('/me');
      store.takeVerbs();
      expect((await me(browser)).data).toEqual({ visits: 2 });
      expect(store.takeVerbs()).toEqual(['load', 'update']);
      expect(seen).toEqual([
        expect.stringContaining('await getSession(request)'),
        true,
        expect.stringContaining('await getSession(request)'),
        true,
      ]);
    });

    it('that throws after the session was loaded answers 500, and the next request works', async () => {
      const browser = await run({ type: 'memory' }, [
        (request, _response, next) => {
          request.session.visits = Number(request.session.visits ?? 0) + 1;
          if (request.originalUrl === '/throw') throw new Error('of the application');
          next();
        },
      ]);
      await browser.get('/me');
      expect((await browser.get('/throw')).status).toBe(500);
      expect((await me(browser)).data).toEqual({ visits: 2 });
    });

    it('on an excluded path gets the error that says so', async () => {
      const errors: unknown[] = [];
      const browser = await run({ type: 'memory', exclude: ['/static/*'] }, [
        async (request, _response, next) => {
          await getSession(request).catch((error: unknown) => errors.push(String(error)));
          next();
        },
      ]);
      expect((await browser.get('/static/logo.png')).status).toBe(404);
      expect(errors).toEqual([expect.stringContaining('"exclude"')]);
    });

    it('cannot assign request.session', async () => {
      const errors: unknown[] = [];
      const browser = await run({ type: 'memory' }, [
        (request, _response, next) => {
          try {
            Object.assign(request, { session: {} });
          } catch (error) {
            errors.push((error as Error).message);
          }
          next();
        },
      ]);
      expect(await me(browser)).toEqual(NO_SESSION);
      expect(errors).toEqual([expect.stringContaining('cannot be assigned')]);
    });
  },
);

const countInHook = (request: object, _reply: unknown, done: () => void): void => {
  const { session } = request as Request;
  session.visits = Number(session.visits ?? 0) + 1;
  done();
};
const answerVisits = (request: object) => ({ visits: (request as Request).session.visits ?? 0 });
const visits: FastifyPluginAsync = async plugin => {
  plugin.get('/visits', answerVisits);
};

describe('the session in other parts of an application of Fastify', () => {
  const onFastify = platforms.find(({ name }) => name === 'fastify')!;
  it('middleware runs with it for the routes of a plugin that main.ts registers', async () => {
    for (const way of ways) {
      const { app, browser } = await start(onFastify, way, { type: 'memory' }, [count], main =>
        (main as NestFastifyApplication).register(visits, { prefix: '/plugin' }),
      );
      const visitor = browser();
      expect((await visitor.get('/plugin/visits')).json()).toEqual({ visits: 1 });
      expect((await visitor.get('/plugin/visits')).json()).toEqual({ visits: 2 });
      await app.close();
    }
  });

  it('hooks and plugins that an instance of the application had before Nest have it', async () => {
    const instance = fastify();
    instance.addHook('onRequest', countInHook);
    await instance.register(async plugin => {
      plugin.addHook('onRequest', countInHook);
      plugin.get('/plugin', answerVisits);
    });
    const platform: Platform = { name: 'fastify', adapter: () => new FastifyAdapter(instance as never) };
    const { app, browser } = await start(platform, 'app.use()', { type: 'memory' }, []);
    const visitor = browser();
    expect((await visitor.get('/plugin')).json()).toEqual({ visits: 2 });
    expect((await me(visitor)).data).toEqual({ visits: 3 });
    expect((await visitor.get('/nowhere')).status).toBe(404);
    expect((await me(visitor)).data).toEqual({ visits: 5 });
    await app.close();
  });

  it('inject() passes through the same opening', async () => {
    const { app } = await start(onFastify, 'app.use()', { type: 'memory' }, [count]);
    const instance = app.getHttpAdapter().getInstance() as ReturnType<typeof fastify>;
    const answer = await instance.inject({ url: '/me' });
    expect(answer.json()).toEqual({ user: null, data: { visits: 1 } });
    await app.close();
  });
});
