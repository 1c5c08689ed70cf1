import {
  Controller,
  Get,
  Injectable,
  Post,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { getSession, Session, SessionModule, Sessions } from 'nestjs-http-session';
import { CookieJar, sessionOf, signIn } from 'nestjs-http-session/testing';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { startApp, type RunningApp } from '../support/start-app.js';

interface Shop {
  cart: string[];
  since: Date;
}

@Injectable()
class SignedInGuard implements CanActivate {
  async canActivate(context: ExecutionContext) {
    return (await getSession(context)).loggedInAs !== undefined;
  }
}

@Controller()
class CartController {
  @Get('cart')
  @UseGuards(SignedInGuard)
  cart(@Session() session: Session<Shop>) {
    return { user: session.loggedInAs, cart: session.cart };
  }

  @Post('cart')
  add(@Session() session: Session<Shop>) {
    session.flash('info', 'added');
    return session.update('cart', (cart = []) => [...cart, 'milk']);
  }

  @Post('logout')
  async logout(@Session() session: Session<Shop>) {
    await session.destroy();
  }

  @Post('login')
  async login(@Session() session: Session<Shop>) {
    await session.login('ada');
  }
}

describeCells('signIn() and sessionOf()', backends, ({ platform, backend }) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({ platform, backend, controllers: [CartController] });
  });
  afterAll(() => running.close());

  it('a signed-in request in three lines', async () => {
    const { cookie } = await signIn<Shop>(running.app, 'ada', { data: { cart: ['tea'] } });
    const answer = await request(running.app.getHttpServer()).get('/cart').set('Cookie', cookie);
    expect(answer.body).toEqual({ user: 'ada', cart: ['tea'] });
  });

  it('without it the guard keeps the request out', async () => {
    await request(running.app.getHttpServer()).get('/cart').expect(403);
  });

  it('the session is that of a login: in the index, with its event, rotated by the next login', async () => {
    const before = running.events.length;
    const { cookie, id } = await signIn(running.app, 'eve');
    expect(running.events.slice(before)).toEqual([{ type: 'created', id, user: 'eve' }]);
    expect((await running.app.get(Sessions).listByUser('eve')).map(info => info.id)).toEqual([id]);
    await fetch(`${running.url}/login`, { method: 'POST', headers: { cookie } });
    expect(await sessionOf(running.app, cookie)).toBeUndefined();
  });

  it('each call is a device of its own', async () => {
    const [phone, laptop] = await Promise.all([signIn(running.app, 'joe'), signIn(running.app, 'joe')]);
    expect(phone.cookie).not.toBe(laptop.cookie);
    await fetch(`${running.url}/logout`, { method: 'POST', headers: { cookie: phone.cookie } });
    expect(await sessionOf(running.app, phone.cookie)).toBeUndefined();
    expect(await sessionOf(running.app, laptop.cookie)).toMatchObject({ id: laptop.id, loggedInAs: 'joe' });
  });

  it('sessionOf() shows data, facts and flash messages, and takes and moves nothing', async () => {
    const since = new Date('2026-01-01');
    const { cookie, id } = await signIn<Shop>(running.app, 'ada', { data: { cart: ['tea'], since } });
    await fetch(`${running.url}/cart`, { method: 'POST', headers: { cookie } });
    const first = await sessionOf<Shop>(running.app, cookie);
    expect(first).toEqual({
      id,
      loggedInAs: 'ada',
      loggedInAt: expect.any(Date) as Date,
      createdAt: expect.any(Date) as Date,
      lastSeenAt: expect.any(Date) as Date,
      expiresAt: expect.any(Date) as Date,
      data: { cart: ['tea', 'milk'], since },
      flashes: [{ category: 'info', message: 'added' }],
    });
    running.clock.advance(5 * 60_000);
    expect(await sessionOf<Shop>(running.app, cookie)).toEqual(first);
  });

  it('sessionOf() reads the response that began a session, and a jar; events stay silent', async () => {
    const jar = new CookieJar();
    const response = jar.keep(await fetch(`${running.url}/cart`, { method: 'POST' }));
    const seen = running.events.length;
    expect(await sessionOf(running.app, response)).toMatchObject({
      data: { cart: ['milk'] },
      loggedInAs: undefined,
    });
    const other = jar.keep(
      await request(running.app.getHttpServer()).post('/cart').set('Cookie', jar.header()),
    );
    expect(await sessionOf(running.app, jar)).toMatchObject({ data: { cart: ['milk', 'milk'] } });
    // The second response set no cookie.
    expect(await sessionOf(running.app, other)).toBeUndefined();
    expect(await sessionOf(running.app, 'sid=nonsense')).toBeUndefined();
    expect(await sessionOf(running.app, `sid=${'A'.repeat(43)}`)).toBeUndefined();
    expect(await sessionOf(running.app, '')).toBeUndefined();
    expect(running.events.slice(seen)).toEqual([]);
  });

  it('sessionOf() of an expired session, or of two at once, is undefined', async () => {
    const one = await signIn(running.app, 'ada');
    const other = await signIn(running.app, 'ada');
    expect(await sessionOf(running.app, `${one.cookie}; ${other.cookie}`)).toBeUndefined();
    expect(await sessionOf(running.app, one.cookie)).toBeDefined();
    running.clock.advance(61 * 60_000);
    expect(await sessionOf(running.app, one.cookie)).toBeUndefined();
  });

  it.runIf(platform.name === 'fastify')('works with inject()', async () => {
    const app = running.app as NestFastifyApplication;
    const { cookie } = await signIn(app, 'ada');
    expect((await app.inject({ url: '/cart', headers: { cookie } })).json()).toMatchObject({ user: 'ada' });
    const jar = new CookieJar();
    const response = jar.keep(await app.inject({ method: 'POST', url: '/login' }));
    expect(await sessionOf(app, response)).toMatchObject({ loggedInAs: 'ada' });
    expect((await app.inject({ url: '/cart', headers: { cookie: jar.header() } })).statusCode).toBe(200);
  });

  it('refuses what login() and the codec refuse', async () => {
    await expect(signIn(running.app, '')).rejects.toThrow(TypeError);
    await expect(signIn(running.app, 'ada', { data: { fn: () => 1 } })).rejects.toThrow(/"fn"/);
  });
});

describe('signIn()', () => {
  it('uses the name of the cookie that the options make', async () => {
    const module = await Test.createTestingModule({
      imports: [SessionModule.forRoot({ type: 'memory', cookie: { name: 'shop', secure: true } })],
      controllers: [CartController],
    }).compile();
    const app = module.createNestApplication({ logger: false });
    await app.init();
    const { cookie } = await signIn(app, 'ada');
    expect(cookie).toMatch(/^__Host-shop=[\w-]{43}$/);
    await request(app.getHttpServer()).get('/cart').set('Cookie', cookie).expect(200);
    const response = await request(app.getHttpServer()).post('/login');
    expect(await sessionOf(app, response)).toMatchObject({ loggedInAs: 'ada' });
    await app.close();
  });

  it('works whatever paths are excluded, with load: lazy, and with signed cookies', async () => {
    const secret = 'q0Zr3m9XcVbT1yKf7LwEhJ2nUaSgDpOi5RtM8xQvB4s';
    const options = { type: 'memory', exclude: ['/', /^\/a/], load: 'lazy', secret } as const;
    const module = await Test.createTestingModule({
      imports: [SessionModule.forRoot(options)],
      controllers: [CartController],
    }).compile();
    const app = module.createNestApplication({ logger: false });
    await app.init();
    const { cookie } = await signIn(app, 'ada');
    await request(app.getHttpServer()).get('/cart').set('Cookie', cookie).expect(200);
    expect(await sessionOf(app, cookie)).toMatchObject({ loggedInAs: 'ada' });
    await app.close();
  });

  it('works on a testing module without an HTTP application', async () => {
    const module = await Test.createTestingModule({ imports: [SessionModule.forRoot('memory')] }).compile();
    const { id } = await signIn(module, 'ada');
    expect((await module.get(Sessions).listByUser('ada')).map(info => info.id)).toEqual([id]);
    await module.close();
  });

  it('says what is missing when the application has no SessionModule', async () => {
    const module = await Test.createTestingModule({}).compile();
    await expect(signIn(module, 'ada')).rejects.toThrow(/no SessionModule.*forRoot/);
    await expect(sessionOf(module, 'sid=x')).rejects.toThrow(/no SessionModule/);
  });
});
