import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';
import expressSession from 'express-session';
import fastify from 'fastify';
import passport from 'passport';
import { describe, expect, it } from 'vitest';
import { SessionConfigError, SessionModule } from '../../lib/index.js';
import { platforms } from '../support/platforms.js';
import { me, returning, ScriptController, startScriptedApp } from '../support/scripts.js';

const SECRET = 'a secret of the tests that is long enough';
const write = returning(session => void (session.mark = 'ours'));

@Module({ imports: [SessionModule.forRoot('memory')], controllers: [ScriptController] })
class RootModule {}

const onExpress = platforms[0]!;

const theirs = () => expressSession({ secret: SECRET, resave: true, saveUninitialized: true });

const WARNING = /^warn: express-session is registered as well, .*Remove one of the two/;
const warnings = (logs: readonly string[]) => logs.filter(line => WARNING.test(line));

describe('express-session in the same application', () => {
  it('registered after us it steps aside: one session, one cookie, and a warning at start-up', async () => {
    const running = await startScriptedApp(onExpress, { configure: app => void app.use(theirs()) });
    try {
      const browser = running.browser();
      const answer = await browser.get(write);
      expect(answer.setCookies).toHaveLength(1);
      expect(answer.setCookies[0]).toMatch(/^sid=/);
      expect((await me(browser)).data).toEqual({ mark: 'ours' });
      expect(warnings(running.logs)).toHaveLength(1);
    } finally {
      await running.close();
    }
  });

  it('with load: "lazy" it is refused: 500, and the log names the cause', async () => {
    const running = await startScriptedApp(onExpress, {
      session: { load: 'lazy' },
      configure: app => void app.use(theirs()),
    });
    try {
      const answer = await running.browser().get(write);
      expect(answer.status).toBe(500);
      expect(answer.setCookies).toEqual([]);
      expect(running.logs.join()).toMatch(/another session library/);
      expect(warnings(running.logs)).toHaveLength(1);
    } finally {
      await running.close();
    }
  });

  it('is found inside a router, too', async () => {
    const router = express.Router().use('/deep', express.Router().use(theirs()));
    const running = await startScriptedApp(onExpress, { configure: app => void app.use('/admin', router) });
    expect(warnings(running.logs)).toHaveLength(1);
    await running.close();
  });

  it('other middleware causes no warning', async () => {
    const running = await startScriptedApp(onExpress, {
      configure(app) {
        app.use(function session(request: { user?: string }, _: unknown, next: () => void) {
          request.user = 'alice';
          next();
        });
        app.use((request: { sessionID?: string; sessionStore?: string }, _: unknown, next: () => void) => {
          request.sessionID = String(request.sessionStore === undefined);
          next();
        });
        app.use(passport.initialize(), passport.session(), express.static('lib'), express.Router());
        app.use((_error: Error, _request: unknown, _response: unknown, next: () => void) => next());
      },
    });
    expect(running.logs.join()).not.toMatch(/express-session/);
    await running.close();
  });

  it('middleware of any shape is looked at without harm', async () => {
    const odd = Object.assign((_request: unknown, _response: unknown, next: () => void) => next(), {
      stack: 'no list',
    });
    const router = express.Router();
    router.use('/again', router);
    const running = await startScriptedApp(onExpress, {
      configure: app => void app.use('/odd', odd, router, theirs()),
    });
    expect(warnings(running.logs)).toHaveLength(1);
    await running.close();
  });

  it('applied by a module, which we cannot see, it does not replace the session', async () => {
    class AppliedModule implements NestModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(theirs()).forRoutes('*path');
      }
    }
    Module({})(AppliedModule);
    const running = await startScriptedApp(onExpress, { imports: [AppliedModule] });
    try {
      const answer = await running.browser().get(write);
      expect(answer.setCookies).toHaveLength(1);
      expect(answer.setCookies[0]).toMatch(/^sid=/);
      expect(warnings(running.logs)).toEqual([]); // Nest keeps it in a closure
    } finally {
      await running.close();
    }
  });

  it('registered before us, on an instance of the application, it steps aside as well, and the warning is there', async () => {
    const instance = express();
    instance.use(theirs());
    const running = await startScriptedApp({ ...onExpress, adapter: () => new ExpressAdapter(instance) });
    try {
      const browser = running.browser();
      for (let i = 0; i < 3; i++) {
        const answer = await browser.get(write);
        expect(answer.setCookies.map(line => line.slice(0, 4))).toEqual(i === 0 ? ['sid='] : []);
      }
      expect((await me(browser)).data).toEqual({ mark: 'ours' });
      expect(warnings(running.logs)).toHaveLength(1);
    } finally {
      await running.close();
    }
  });
});

describe('@fastify/session in the same application', () => {
  it('registered after us it is refused by Fastify, which names the decorator', async () => {
    const app = await NestFactory.create(RootModule, new FastifyAdapter(), { logger: false });
    // What @fastify/session begins with.
    expect(() => app.getHttpAdapter().getInstance().decorateRequest('session', null)).toThrow(
      /'session' has already been added/,
    );
    await app.close();
  });

  it('registered before us it is refused at start-up, with what to do', async () => {
    const instance = fastify();
    await instance.register(fastifyCookie);
    await instance.register(fastifySession, { secret: SECRET });
    const app = await NestFactory.create(RootModule, new FastifyAdapter(instance as never), {
      logger: false,
      abortOnError: false,
    });
    const starting = app.init();
    await expect(starting).rejects.toThrow(SessionConfigError);
    await expect(starting).rejects.toThrow(/Use one of the two/);
    await instance.close();
  });
});

describe.each(platforms)('assigning request.session on $name', platform => {
  it('is refused, with what to do', async () => {
    const running = await startScriptedApp(platform);
    try {
      const answer = await running.browser().get(
        returning((_, { request }) => {
          try {
            Object.assign(request, { session: null });
            return 'assigned';
          } catch (error) {
            return String(error);
          }
        }),
      );
      expect(answer.text).toMatch(/SessionUsageError.*session\.destroy\(\)/);
    } finally {
      await running.close();
    }
  });
});
