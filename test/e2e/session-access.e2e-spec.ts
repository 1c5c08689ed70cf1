import {
  Catch,
  Controller,
  DefaultValuePipe,
  Get,
  HttpCode,
  Injectable,
  ParseIntPipe,
  Post,
  Session as NestSession,
  Req,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  Inject,
  type ArgumentMetadata,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type MiddlewareConsumer,
  type NestInterceptor,
  type NestModule,
  type PipeTransform,
  Module,
  Param,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { FileInterceptor } from '@nestjs/platform-express';
import { AsyncResource } from 'node:async_hooks';
import { readFile } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { getSession, Session, Sessions, SessionUsageError } from '../../lib/index.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms } from '../support/platforms.js';
import { startApp, type RunningApp } from '../support/start-app.js';

interface Shop {
  cart?: string[];
  page?: string;
  seen?: string[];
}

type WithSession = IncomingMessage & { session: Session<Shop>; raw?: IncomingMessage };
const requestOf = (context: ArgumentsHost): WithSession => context.switchToHttp().getRequest<WithSession>();

/** Asks for the session in every way that a guard has, and lets pass whoever gets the same one each time. */
@Injectable()
class EveryWayGuard implements CanActivate {
  constructor(@Inject(Sessions) private readonly sessions: Sessions) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = requestOf(context);
    const found = [
      await getSession<Shop>(context),
      await getSession<Shop>(request),
      await getSession<Shop>(request.raw ?? request),
      await this.sessions.current<Shop>(),
      request.session,
    ];
    (found[0]!.seen ??= []).push('guard');
    return new Set(found).size === 1;
  }
}

@Injectable()
class SeenInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    const { session } = requestOf(context);
    session.seen = [...(session.seen ?? []), 'interceptor'];
    return next.handle();
  }
}

@Injectable()
class SeenPipe implements PipeTransform {
  constructor(@Inject(Sessions) private readonly sessions: Sessions) {}

  async transform(value: unknown, { type }: ArgumentMetadata): Promise<unknown> {
    if (type !== 'param') return value;
    const session = await this.sessions.current<Shop>();
    session.seen = [...(session.seen ?? []), 'pipe'];
    return value;
  }
}

class Teapot extends Error {}

@Catch(Teapot)
class TeapotFilter implements ExceptionFilter {
  async catch(_: Teapot, host: ArgumentsHost): Promise<void> {
    const session = await getSession<Shop>(host);
    session.seen = [...(session.seen ?? []), 'filter'];
    const body = JSON.stringify({ same: session === requestOf(host).session });
    const response = host.switchToHttp().getResponse<{ raw?: ServerResponse }>();
    const raw = response.raw ?? (response as ServerResponse);
    raw.writeHead(418, { 'content-type': 'application/json' }).end(body);
  }
}

@Injectable()
class CartService {
  constructor(@Inject(Sessions) private readonly sessions: Sessions) {}

  async add(item: string): Promise<string[]> {
    await turn();
    const session = await this.sessions.current<Shop>();
    return (session.cart = [...(session.cart ?? []), item]);
  }
}

@Injectable({ scope: Scope.REQUEST })
class RequestScoped {
  constructor(@Inject(REQUEST) private readonly request: WithSession) {}

  async cart(): Promise<string[]> {
    return (await getSession<Shop>(this.request)).cart ?? [];
  }
}

class Shout implements PipeTransform<string[] | undefined, string[]> {
  transform(value: string[] | undefined): string[] {
    return (value ?? ['nothing']).map(item => item.toUpperCase());
  }
}

@Controller()
class AccessController {
  constructor(
    private readonly carts: CartService,
    @Inject(Sessions) private readonly sessions: Sessions,
  ) {}

  @Post('fill')
  @HttpCode(200)
  fill(@Session() session: Session<Shop>) {
    session.cart = ['tea'];
    session.page = '7';
  }

  @Get('seen')
  seen(@Session('seen') seen: string[] = []) {
    return seen;
  }

  @Get('cart')
  cart(@Session('cart') cart: string[] = []) {
    return cart;
  }

  @Get('page')
  page(@Session('page', new DefaultValuePipe('1'), ParseIntPipe) page: number) {
    return { page };
  }

  @Get('bad-page')
  badPage(@Session('cart', ParseIntPipe) page: number) {
    return { page };
  }

  @Get('shout')
  shout(@Session('cart', Shout) cart: string[], @Session('cart', new Shout()) again: string[]) {
    return [cart, again];
  }

  @Get('two')
  async two(@Session() one: Session<Shop>, @Session() two: Session<Shop>, @Req() request: WithSession) {
    return { same: one === two && (await getSession(request)) === (one as unknown) };
  }

  @Get('nest')
  nest(@NestSession() session: Session<Shop>, @Req() request: WithSession) {
    return { same: session === request.session, cart: session.cart };
  }

  @Get('bare')
  bare(@Req() request: WithSession) {
    return { cart: request.session.cart };
  }

  @Get('untouched')
  untouched() {
    return { ok: true };
  }

  @UseGuards(EveryWayGuard)
  @UseInterceptors(SeenInterceptor)
  @UsePipes(SeenPipe)
  @Get('everywhere/:id')
  everywhere(@Param('id') id: string) {
    return { id };
  }

  @UseFilters(TeapotFilter)
  @Get('teapot')
  teapot() {
    throw new Teapot();
  }

  @Post('service')
  @HttpCode(200)
  service() {
    return this.carts.add('milk');
  }

  @Get('later')
  async later() {
    await new Promise(resolve => setTimeout(resolve, 1));
    await Promise.all([turn(), turn()]);
    const session = await this.sessions.current<Shop>();
    return { cart: session.cart };
  }
}

@Controller('scoped')
class ScopedController {
  constructor(private readonly scoped: RequestScoped) {}

  @Get()
  cart() {
    return this.scoped.cart();
  }
}

@Controller('upload')
class UploadController {
  constructor(private readonly carts: CartService) {}

  @Post()
  @HttpCode(200)
  @UseInterceptors(FileInterceptor('file'))
  upload() {
    return this.carts.add('uploaded');
  }
}

/** A middleware that comes back through the thread pool. */
function throughThreadPool(_: unknown, __: unknown, next: () => void): void {
  readFile(new URL(import.meta.url), () => next());
}

/** One that comes back in another context, as from a pool of connections that was there before the request. */
const inContextOfPool = AsyncResource.bind((next: () => void) => next());
function throughPool(_: unknown, __: unknown, next: () => void): void {
  inContextOfPool(next);
}

@Module({})
class PoolsModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(throughThreadPool, throughPool).forRoutes('service');
  }
}

const providers = [CartService, RequestScoped, EveryWayGuard, SeenPipe];
const controllers = [AccessController, ScopedController];
const imports = [PoolsModule];

const modes = (['eager', 'lazy'] as const).flatMap(load => platforms.map(platform => ({ load, platform })));

describe.each(modes)('reaching the session with load: $load on $platform.name', ({ load, platform }) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({
      platform,
      backend: { type: 'memory' },
      session: { load },
      controllers: platform.name === 'express' ? [...controllers, UploadController] : controllers,
      providers,
      imports,
    });
  });
  afterAll(() => running.close());

  async function shopper() {
    const browser = running.browser();
    await browser.post('/fill');
    return browser;
  }

  it('by @Session(), always the same object', async () => {
    const browser = await shopper();
    expect((await browser.get('/two')).json()).toEqual({ same: true });
    expect((await running.browser().get('/two')).json()).toEqual({ same: true });
  });

  it('by @Session(key), with a default and with pipes', async () => {
    const browser = await shopper();
    expect((await browser.get('/cart')).json()).toEqual(['tea']);
    expect((await running.browser().get('/cart')).json()).toEqual([]);
    expect((await browser.get('/page')).json()).toEqual({ page: 7 });
    expect((await running.browser().get('/page')).json()).toEqual({ page: 1 });
    expect((await browser.get('/bad-page')).status).toBe(400);
    expect((await browser.get('/shout')).json()).toEqual([['TEA'], ['TEA']]);
    expect((await running.browser().get('/shout')).json()).toEqual([['NOTHING'], ['NOTHING']]);
  });

  it('in filters, by getSession(host); what they change is saved', async () => {
    const browser = await shopper();
    const answer = await browser.get('/teapot');
    expect([answer.status, answer.json()]).toEqual([418, { same: true }]);
    expect((await browser.get('/seen')).json()).toEqual(['filter']);
  });

  it('in guards, interceptors and pipes, by every way; what they change is saved', async () => {
    const browser = await shopper();
    expect((await browser.get('/everywhere/5')).json()).toEqual({ id: '5' });
    expect((await browser.get('/seen')).json()).toEqual(['guard', 'interceptor', 'pipe']);
    const visitor = running.browser();
    expect((await visitor.get('/everywhere/6')).json()).toEqual({ id: '6' });
    expect((await visitor.get('/seen')).json()).toEqual(['guard', 'interceptor', 'pipe']);
  });

  it('in services, by Sessions.current(), after parsing a large body and through pools', async () => {
    const browser = await shopper();
    const large = { text: 'x'.repeat(90_000) };
    expect((await browser.post('/service', large)).json()).toEqual(['tea', 'milk']);
    expect((await browser.get('/later')).json()).toEqual({ cart: ['tea', 'milk'] });
  });

  it('in services, for each of many requests at the same time its own', async () => {
    const browsers = await Promise.all(Array.from({ length: 10 }, shopper));
    await Promise.all(browsers.map((browser, i) => (i % 2 ? browser.post('/service') : undefined)));
    const carts = await Promise.all(browsers.map(async browser => (await browser.get('/later')).json()));
    expect(carts).toEqual(browsers.map((_, i) => ({ cart: i % 2 ? ['tea', 'milk'] : ['tea'] })));
  });

  it('in request-scoped providers', async () => {
    expect((await (await shopper()).get('/scoped')).json()).toEqual(['tea']);
  });

  it.runIf(platform.name === 'express')('behind a multipart upload', async () => {
    const browser = await shopper();
    const form = new FormData();
    form.append('file', new Blob(['x'.repeat(200_000)]), 'a.txt');
    const answer = await fetch(`${running.url}/upload`, {
      method: 'POST',
      body: form,
      headers: { cookie: browser.cookie },
    });
    expect([answer.status, await answer.json()]).toEqual([200, ['tea', 'uploaded']]);
  });

  it('not outside of a request: a typed error that says so', async () => {
    const errors = await Promise.all(
      [
        running.sessions.current(),
        getSession({}),
        getSession({ headers: {}, socket: {} }),
        getSession(new Map()),
        getSession(new Request('http://localhost')),
      ].map(asked => asked.catch((error: unknown) => error)),
    );
    for (const error of errors) {
      expect(error).toBeInstanceOf(SessionUsageError);
      expect(error).toMatchObject({ code: 'SESSION_MISUSED' });
    }
    expect((errors[0] as Error).message).toContain('outside of a request');
    expect((errors[1] as Error).message).toContain('ExecutionContext');
  });
});

describe.each(platforms)('request.session on $name', platform => {
  const stores = { eager: new FaultyStore(), lazy: new FaultyStore() };
  let eager: RunningApp;
  let lazy: RunningApp;
  beforeAll(async () => {
    const [one, other] = (['eager', 'lazy'] as const).map(load =>
      startApp({
        platform,
        backend: { store: stores[load] },
        session: { load },
        controllers,
        providers,
        imports,
      }),
    );
    eager = await one!;
    lazy = await other!;
  });
  afterAll(async () => {
    await lazy.close();
    await eager.close();
  });
  afterEach(() => Object.values(stores).forEach(store => store.restore()));

  it('and Nest’s own @Session() are the session, loaded early', async () => {
    const browser = eager.browser();
    await browser.post('/fill');
    expect((await browser.get('/nest')).json()).toEqual({ same: true, cart: ['tea'] });
    expect((await browser.get('/bare')).json()).toEqual({ cart: ['tea'] });
  });

  it('throws with the remedy when loading is lazy and the session was not asked for yet, and works afterwards', async () => {
    const browser = lazy.browser();
    await browser.post('/fill');
    for (const path of ['/nest', '/bare']) {
      expect((await browser.get(path)).status).toBe(500);
      expect(lazy.logs.filter(line => line.startsWith('error')).at(-1)).toMatch(
        /load: "lazy".*@Session\(\).*await getSession\(request\)/,
      );
    }
    expect((await browser.get('/two')).json()).toEqual({ same: true });
  });

  it('lazy: a route that does not ask costs no store call, cookie or not', async () => {
    const browser = lazy.browser();
    await browser.post('/fill');
    stores.lazy.calls.length = 0;
    const { headers, setCookies } = await browser.get('/untouched');
    expect([headers.get('vary'), setCookies, stores.lazy.calls]).toEqual([null, [], []]);
    await browser.get('/cart');
    expect(stores.lazy.calls.map(({ verb }) => verb)).toEqual(['load']);
  });

  it('eager: a visitor costs no store call, a session one read', async () => {
    stores.eager.calls.length = 0;
    await eager.browser().get('/cart');
    await eager.browser().get('/untouched');
    expect(stores.eager.calls).toEqual([]);
    const browser = eager.browser();
    await browser.post('/fill');
    stores.eager.calls.length = 0;
    await browser.get('/untouched');
    await browser.get('/cart');
    expect(stores.eager.calls.map(({ verb }) => verb)).toEqual(['load', 'load']);
  });

  it('eager: a load that fails is thrown by the first look; a route that never looks answers', async () => {
    const browser = eager.browser();
    await browser.post('/fill');
    stores.eager.fail('load');
    expect((await browser.get('/untouched')).status).toBe(200);
    expect((await browser.get('/two')).status).toBe(200); // holding it is no look
    for (const path of ['/cart', '/bare', '/nest', '/later']) {
      const { status, headers, setCookies } = await browser.get(path);
      expect([path, status, headers.get('retry-after'), setCookies]).toEqual([path, 503, '1', []]);
    }
    expect((await browser.post('/service')).status).toBe(503);
    stores.eager.restore();
    expect((await browser.get('/cart')).json()).toEqual(['tea']);
  });

  it('lazy: a load that fails does the same, for those who ask', async () => {
    const browser = lazy.browser();
    await browser.post('/fill');
    stores.lazy.fail('load');
    expect((await browser.get('/untouched')).status).toBe(200);
    expect((await browser.get('/two')).status).toBe(200);
    expect((await browser.get('/cart')).status).toBe(503);
    stores.lazy.restore();
    expect((await browser.get('/cart')).json()).toEqual(['tea']);
  });

  it('cannot be assigned: another session library would do that', async () => {
    const app = await startApp({
      platform,
      backend: { type: 'memory' },
      controllers,
      providers,
      configure(nest: INestApplication) {
        nest.use(
          (request: WithSession & { originalUrl?: string }, _: unknown, next: (error?: unknown) => void) => {
            try {
              Object.assign(request, { session: {} });
              next();
            } catch (error) {
              next(error);
            }
          },
        );
      },
    });
    expect((await app.browser().get('/untouched')).status).toBe(500);
    await app.close();
  });
});

describe.each(modes)('an excluded path with load: $load on $platform.name', ({ load, platform }) => {
  it('has no session: a typed error that is logged, and no store call for those who do not ask', async () => {
    const store = new FaultyStore();
    const running = await startApp({
      platform,
      backend: { store },
      session: { load, exclude: ['/untouched', '/cart', /^\/bare$/, '/later'] },
      controllers,
      providers,
    });
    const browser = running.browser();
    await browser.post('/fill');
    store.takeVerbs();
    expect((await browser.get('/untouched?x=1')).status).toBe(200);
    for (const path of ['/cart', '/later']) {
      const logged = running.logs.length;
      expect((await browser.get(path)).status).toBe(500);
      expect(running.logs.slice(logged)).toEqual([expect.stringContaining('this path is in "exclude"')]);
    }
    const logged = running.logs.length;
    expect((await browser.get('/bare')).json()).toEqual({}); // request.session, where there is a cart elsewhere
    expect(running.logs.slice(logged)).toEqual([]);
    expect(store.takeVerbs()).toEqual([]);
    expect((await browser.get('/page')).json()).toEqual({ page: 7 });
    await running.close();
  });
});
