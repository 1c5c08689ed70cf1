import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Post,
  Version,
  VersioningType,
  VERSION_NEUTRAL,
  type INestApplication,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  MessagePattern,
  Transport,
  ClientProxyFactory,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';
import fastify from 'fastify';
import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Session, SessionConfigError, SessionModule, Sessions, SessionStore } from '../../lib/index.js';
import { Browser } from '../support/browser.js';
import { Deferred } from '../support/deferred.js';
import { platforms, type Platform } from '../support/platforms.js';
import { me, returning, ScriptController, startScriptedApp, type Me } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';
import { WatchedStore } from '../support/watched-store.js';

type Anything = Session<Record<string, unknown>>;
const write = returning(session => {
  session.count = Number(session.count ?? 0) + 1;
  return { count: session.count };
});

async function during<T extends { close(): Promise<unknown> }>(
  starting: Promise<T>,
  run: (running: T) => Promise<void>,
): Promise<void> {
  const running = await starting;
  try {
    await run(running);
  } finally {
    await running.close();
  }
}

/** An application as `main.ts` makes it, without the testing module. */
async function create(platform: Platform, Root: new () => object): Promise<INestApplication> {
  const app = await NestFactory.create(Root, platform.adapter(), { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  return app;
}

const onExpress = (instance: express.Express): Platform => ({
  name: 'express',
  adapter: () => new ExpressAdapter(instance),
});

const userOf = (request: object): unknown => (request as { session: Anything }).session.loggedInAs;

const browserOf = async (app: INestApplication): Promise<Browser> => new Browser(await app.getUrl());

@Controller('shop')
class VersionedController {
  @Post('visit')
  @Version('1')
  first(@Session() session: Anything) {
    session.version = 1;
    return { version: 1 };
  }

  @Post('visit')
  @Version('2')
  second(@Session() session: Anything) {
    session.version = Number(session.version) + 10;
    return { version: 2 };
  }

  @Get('seen')
  @Version(VERSION_NEUTRAL)
  seen(@Session('version') version: unknown) {
    return { seen: version };
  }
}

@Controller()
class HybridController {
  @MessagePattern('sum')
  sum(numbers: number[]): number {
    return numbers.reduce((a, b) => a + b, 0);
  }
}

describe.each(platforms)('applications on $name', platform => {
  it('a global prefix: its routes work, and paths outside of it are not found', () =>
    during(
      startScriptedApp(platform, { configure: app => void app.setGlobalPrefix('api/v1') }),
      async running => {
        const browser = running.browser();
        expect((await browser.get(`/api/v1${write}`)).setCookies).toHaveLength(1);
        expect((await browser.get(`/api/v1${write}`)).json()).toEqual({ count: 2 });
        expect((await browser.get(write)).status).toBe(404);
      },
    ));

  it('versioning by URI', () =>
    during(
      startScriptedApp(platform, {
        controllers: [VersionedController],
        configure: app => void app.enableVersioning({ type: VersioningType.URI }),
      }),
      async running => {
        const browser = running.browser();
        expect((await browser.post('/v1/shop/visit')).setCookies).toHaveLength(1);
        expect((await browser.post('/v2/shop/visit')).json()).toEqual({ version: 2 });
        expect((await browser.get('/shop/seen')).json()).toEqual({ seen: 11 });
      },
    ));

  it('versioning by header', () =>
    during(
      startScriptedApp(platform, {
        controllers: [VersionedController],
        configure: app => void app.enableVersioning({ type: VersioningType.HEADER, header: 'X-Version' }),
      }),
      async running => {
        const browser = running.browser();
        const visit = (version: string) =>
          browser.post('/shop/visit', undefined, { headers: { 'x-version': version } });
        expect((await visit('1')).setCookies).toHaveLength(1);
        expect((await visit('2')).json()).toEqual({ version: 2 });
        expect((await browser.get('/shop/seen')).json()).toEqual({ seen: 11 });
      },
    ));

  it('two applications in one process, with different cookies: each has its own', async () => {
    const one = await startScriptedApp(platform, { session: { cookie: { name: 'one' } } });
    const two = await startScriptedApp(platform, { session: { cookie: { name: 'two' } } });
    try {
      const browser = one.browser();
      await browser.get(write);
      const other = browser.copy(two.url);
      expect((await other.get(write)).json()).toEqual({ count: 1 });
      expect([...other.cookies.keys()]).toEqual(['one', 'two']);
      const both = other.copy(one.url);
      expect((await both.get(write)).json()).toEqual({ count: 2 });
      expect((await both.copy(two.url).get(write)).json()).toEqual({ count: 2 });
      await both.get(returning(session => session.destroy()));
      expect([...both.cookies.keys()]).toEqual(['two']);
    } finally {
      await Promise.all([one.close(), two.close()]);
    }
  });

  it('two applications in one process, with one cookie name: a session of one is unknown in the other', async () => {
    const apps = [await startScriptedApp(platform), await startScriptedApp(platform)] as const;
    try {
      const [one, two] = apps;
      const browser = one.browser();
      await browser.get(returning(session => session.login('alice')));
      const stranger = browser.copy(two.url);
      expect(await me(stranger)).toEqual({ user: null, data: {} });
      expect(two.events).toEqual([expect.objectContaining({ type: 'rejected', reason: 'unknown' })]);
      expect(one.events).toEqual([expect.objectContaining({ type: 'created', user: 'alice' })]);
      expect((await me(browser)).user).toBe('alice');
    } finally {
      await Promise.all(apps.map(app => app.close()));
    }
  });

  it('a hybrid application: messages pass the interceptor, requests have sessions', () =>
    during(startScriptedApp(platform, { controllers: [HybridController] }), async running => {
      const { app } = running;
      const service = app.connectMicroservice<MicroserviceOptions>(
        { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } },
        { inheritAppConfig: true },
      );
      await app.startAllMicroservices();
      const { port } = service.unwrap<{ address(): { port: number } }>().address();
      const client = ClientProxyFactory.create({
        transport: Transport.TCP,
        options: { host: '127.0.0.1', port },
      });
      try {
        expect(await firstValueFrom(client.send('sum', [1, 2, 3]))).toBe(6);
        const browser = running.browser();
        await browser.get(write);
        expect((await browser.get(write)).json()).toEqual({ count: 2 });
      } finally {
        await client.close();
      }
    }));

  it('the module is global: a module that does not import it has sessions and can inject the service', async () => {
    @Injectable()
    class Accounts {
      constructor(
        @Inject(Sessions) readonly sessions: Sessions,
        @Inject(SessionStore) readonly store: SessionStore,
      ) {}
    }
    @Module({ controllers: [ScriptController], providers: [Accounts] })
    class FeatureModule {}
    @Module({ imports: [FeatureModule, SessionModule.forRoot('memory')] })
    class RootModule {}
    await during(create(platform, RootModule), async app => {
      const browser = await browserOf(app);
      await browser.get(returning(session => session.login('alice')));
      const { sessions, store } = app.get(Accounts, { strict: false });
      const [info] = await sessions.listByUser('alice');
      expect(await store.load(info!.id)).toMatchObject({ data: {} });
      expect((await browser.get('/me')).json<Me>().user).toBe('alice');
    });
  });

  it('imported twice with the same options: bound once, and one store', async () => {
    @Module({
      imports: [SessionModule.forRoot({ type: 'memory', idleTimeout: '10m' })],
      controllers: [ScriptController],
    })
    class FeatureModule {}
    const options = { type: 'memory', idleTimeout: '10m' } as const;
    @Module({
      imports: [FeatureModule, SessionModule.forRootAsync({ useFactory: async () => options })],
    })
    class RootModule {}
    await during(create(platform, RootModule), async app => {
      const browser = await browserOf(app);
      const created: unknown[] = [];
      app.get(Sessions).events$.subscribe(event => created.push(event.type));
      const first = await browser.get(write);
      expect(first.setCookies).toHaveLength(1);
      const second = await browser.get(write);
      expect(second.json()).toEqual({ count: 2 });
      expect(second.setCookies).toEqual([]);
      expect(created).toEqual(['created']);
    });
  });

  it('imported twice with different options: refuses to start, and says what to do', async () => {
    @Module({ imports: [SessionModule.forRoot({ type: 'memory', idleTimeout: '10m' })] })
    class FeatureModule {}
    @Module({ imports: [FeatureModule, SessionModule.forRoot({ type: 'memory', idleTimeout: '20m' })] })
    class RootModule {}
    const starting = create(platform, RootModule);
    await expect(starting).rejects.toThrow(SessionConfigError);
    await expect(starting).rejects.toThrow(/imported twice with different options/);
  });

  it('closes: a request that is under way is saved and answered, then the events end', async () => {
    const store = new WatchedStore();
    const running: RunningApp = await startScriptedApp(platform, { backend: { store } });
    const happened: string[] = [];
    running.sessions.events$.subscribe({
      next: ({ type }) => happened.push(type),
      complete: () => happened.push('complete'),
    });
    const entered = new Deferred();
    const goOn = new Deferred();
    const answer = running.browser().get(
      returning(async session => {
        session.mark = 1;
        entered.resolve();
        await goOn.promise;
        return 'answered';
      }),
    );
    await entered.promise;
    const closed = running.close();
    goOn.resolve();
    expect((await answer).text).toBe('answered');
    expect((await answer).setCookies).toHaveLength(1);
    await closed;
    expect(happened).toEqual(['created', 'complete']);
    expect(store.ids.size).toBe(1);
  });
});

describe('an instance of the platform that the user made', () => {
  const signIn = returning(async session => {
    await session.login('alice');
  });

  it('of Express: middleware that was registered before Nest has the session, and what it changes is saved', async () => {
    const instance = express();
    instance.use((request, response, next) => {
      const session = (request as unknown as { session: Anything }).session;
      session.visits = Number(session.visits ?? 0) + 1;
      response.setHeader('x-user', session.loggedInAs ?? 'nobody');
      next();
    });
    const running = startScriptedApp(onExpress(instance));
    await during(running, async app => {
      const browser = app.browser();
      expect((await browser.get(signIn)).headers.get('x-user')).toBe('nobody');
      expect((await browser.get('/me')).headers.get('x-user')).toBe('alice');
      expect((await me(browser)).data).toEqual({ visits: 3 });
    });
  });

  it('of Express: a time limit above us that answers while the session loads is the answer, and the process lives', async () => {
    const store = new WatchedStore();
    const running = startScriptedApp(onExpress(express()), { backend: { store } });
    await during(running, async app => {
      const browser = app.browser();
      await browser.get(write);
      const server = app.app.getHttpServer() as Server;
      const load = store.hold('load');
      server.prependOnceListener('request', (_request, response: ServerResponse) => {
        void load.arrived.then(() => response.writeHead(503).end('too late'));
      });
      expect((await browser.get(write)).status).toBe(503);
      load.open();
      expect((await browser.get(write)).json()).toEqual({ count: 2 }); // the handler of the late one never ran
    });
  });

  it('of Express: a request that is sent through it once more, under another path, keeps its session', async () => {
    const instance = express();
    instance.use((request, response, next) => {
      if (request.url !== '/forwarded') return next();
      const { end } = response;
      response.end = ((...args: []) => Reflect.apply(end, response, args)) as typeof response.end;
      (request as unknown as { session: Anything }).session.forwarded = true;
      request.url = write;
      const app = instance as unknown as { handle(...args: unknown[]): void };
      app.handle(request, response);
    });
    await during(startScriptedApp(onExpress(instance)), async app => {
      const browser = app.browser();
      const answer = await browser.get('/forwarded');
      expect(answer.json()).toEqual({ count: 1 });
      expect(answer.setCookies).toHaveLength(1);
      expect((await me(browser)).data).toEqual({ forwarded: true, count: 1 });
    });
  });

  it('of Express: a request to an excluded path that is sent through it under another one has a session', async () => {
    const instance = express();
    instance.use((request, response, next) => {
      if (request.url !== '/static/shop') return next();
      request.url = request.originalUrl = write;
      const app = instance as unknown as { handle(...args: unknown[]): void };
      app.handle(request, response);
    });
    await during(
      startScriptedApp(onExpress(instance), { session: { exclude: ['/static/*'] } }),
      async app => {
        const browser = app.browser();
        expect((await browser.get('/static/shop')).json()).toEqual({ count: 1 });
        expect((await me(browser)).data).toEqual({ count: 1 });
      },
    );
  });

  it('of Express, mounted in another application: the session is there under its path', async () => {
    const instance = express();
    await during(startScriptedApp(onExpress(instance)), async () => {
      const outer = express().use('/inner', instance).listen(0, '127.0.0.1');
      await once(outer, 'listening');
      try {
        const browser = new Browser(`http://127.0.0.1:${(outer.address() as AddressInfo).port}/inner`);
        await browser.get(write);
        expect((await browser.get(write)).json()).toEqual({ count: 2 });
        expect((await browser.get('/inner-nowhere')).status).toBe(404);
      } finally {
        outer.close();
      }
    });
  });

  it('of Fastify: a hook, and a plugin that was registered before Nest, have the session', async () => {
    const instance = fastify();
    const seen: unknown[] = [];
    await instance.register(async plugin => {
      plugin.get('/plugin', (request, reply) => reply.send({ user: userOf(request) }));
    });
    const running = startScriptedApp(
      { name: 'fastify', adapter: () => new FastifyAdapter(instance as never) },
      {
        configure() {
          instance.addHook('onRequest', (request, _reply, done) => {
            seen.push(userOf(request));
            done();
          });
        },
      },
    );
    await during(running, async app => {
      const browser = app.browser();
      await browser.get(signIn);
      expect((await browser.get('/plugin')).json()).toEqual({ user: 'alice' });
      expect((await browser.get('/nowhere')).status).toBe(404);
      expect(seen).toEqual([undefined, 'alice', 'alice']);
    });
  });
});

describe('an application context without HTTP', () => {
  it('starts, and gives the store and the service', async () => {
    @Module({ imports: [SessionModule.forRoot('memory')] })
    class RootModule {}
    await during(NestFactory.createApplicationContext(RootModule, { logger: false }), async context => {
      const sessions = context.get(Sessions);
      await sessions.ping();
      expect(await sessions.prune()).toBe(0);
      expect(await sessions.listByUser('alice')).toEqual([]);
      expect(await context.get(SessionStore).load('0'.repeat(64))).toBeUndefined();
      await expect(sessions.current()).rejects.toMatchObject({ code: 'SESSION_MISUSED' });
    });
  });

  it('a microservice alone starts, and answers', async () => {
    @Module({ imports: [SessionModule.forRoot('memory')], controllers: [HybridController] })
    class RootModule {}
    const service = await NestFactory.createMicroservice<MicroserviceOptions>(RootModule, {
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: 0 },
      logger: false,
    });
    await during(Promise.resolve(service), async () => {
      await service.listen();
      const { port } = service.unwrap<{ address(): { port: number } }>().address();
      const client = ClientProxyFactory.create({
        transport: Transport.TCP,
        options: { host: '127.0.0.1', port },
      });
      expect(await firstValueFrom(client.send('sum', [4, 5]))).toBe(9);
      await client.close();
    });
  });
});
