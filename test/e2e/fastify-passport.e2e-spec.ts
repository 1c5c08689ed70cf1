import { Authenticator } from '@fastify/passport';
import {
  Controller,
  Get,
  HttpCode,
  Injectable,
  Post,
  Req,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Strategy } from 'passport-local';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import type { Browser } from '../support/browser.js';
import { describeOver } from '../support/cells.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms } from '../support/platforms.js';
import { startApp, type RunningApp } from '../support/start-app.js';

// @fastify/passport as it is: it finds `request.session`, which for it is that of @fastify/session.

interface Shop {
  cart?: string[];
}

interface User {
  readonly name: string;
}

const passport = new Authenticator();
passport.use(
  'local',
  new Strategy((username, password, done) => done(null, password === 'right' ? { name: username } : false)),
);
passport.registerUserSerializer<User, string>(async user => user.name);
passport.registerUserDeserializer<string, User>(async name => ({ name }));

@Injectable()
class LocalGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const { server } = request;
    const authenticate = passport.authenticate('local', async (_request, _reply, error, user) => {
      if (error) throw error;
      if (!user) throw new UnauthorizedException();
      const { keep } = request.query as { keep?: string };
      await request.logIn(user, { keepSessionInfo: keep !== undefined });
    });
    await authenticate.call(server, request, reply);
    return true;
  }
}

@Controller()
class AccountController {
  @Get('me')
  me(@Req() request: FastifyRequest, @Session() session: Session<Shop>) {
    return { user: (request.user as User | null)?.name ?? null, data: { ...session } };
  }

  @Post('cart')
  fill(@Session() session: Session<Shop>) {
    (session.cart ??= []).push('tea');
  }

  @Post('login')
  @HttpCode(200)
  @UseGuards(LocalGuard)
  login(@Req() request: FastifyRequest) {
    return { user: request.user };
  }

  @Post('login-and-bind')
  @HttpCode(200)
  @UseGuards(LocalGuard)
  async loginAndBind(@Req() request: FastifyRequest, @Session() session: Session<Shop>) {
    await session.login((request.user as User).name);
  }

  @Post('logout')
  @HttpCode(200)
  async logout(@Req() request: FastifyRequest) {
    await request.logOut();
  }

  @Get('open')
  open(@Req() request: FastifyRequest) {
    return { isAuthenticated: request.isAuthenticated() };
  }
}

async function configure(app: INestApplication): Promise<void> {
  const fastify = app as NestFastifyApplication;
  await fastify.register(passport.initialize());
  await fastify.register(passport.secureSession());
}

const me = async (browser: Browser): Promise<unknown> => (await browser.get('/me')).json();
const right = { username: 'alice', password: 'right' };
const fastify = platforms.filter(({ name }) => name === 'fastify');

for (const platform of fastify) {
  describeOver(`@fastify/passport on ${platform.name}`, backends, backend => {
    let running: RunningApp;
    beforeAll(async () => {
      running = await startApp({ platform, backend, controllers: [AccountController], configure });
    });
    afterAll(() => running.close());

    it('signs in, and finds the user again in later requests', async () => {
      const browser = running.browser();
      const { status, setCookies, text } = await browser.post('/login', right);
      expect({ status, text }).toEqual({ status: 200, text: '{"user":{"name":"alice"}}' });
      expect(setCookies).toHaveLength(1);
      expect(await me(browser)).toEqual({ user: 'alice', data: { passport: 'alice' } });
    });

    it('a login gives a new id and drops what was there before: no fixation', async () => {
      const victim = running.browser();
      await victim.post('/cart');
      const attacker = victim.copy();
      await victim.post('/login', right);
      expect(victim.cookie).not.toBe(attacker.cookie);
      expect(await me(attacker)).toEqual({ user: null, data: {} });
      expect(await me(victim)).toEqual({ user: 'alice', data: { passport: 'alice' } });
    });

    it('a login with keepSessionInfo keeps what was there before, under a new id', async () => {
      const browser = running.browser();
      await browser.post('/cart');
      const copy = browser.copy();
      await browser.post('/login?keep', right);
      expect(await me(browser)).toEqual({ user: 'alice', data: { cart: ['tea'], passport: 'alice' } });
      expect(await me(copy)).toEqual({ user: null, data: {} });
    });

    it('a logout sticks, for every copy of the cookie', async () => {
      const browser = running.browser();
      await browser.post('/login', right);
      const copy = browser.copy();
      expect((await browser.post('/logout')).status).toBe(200);
      expect(await me(browser)).toMatchObject({ user: null });
      expect(await me(copy)).toEqual({ user: null, data: {} });
    });

    it('a login() after logIn() binds the session to its user, who can be signed out everywhere', async () => {
      const browser = running.browser();
      const user = { ...right, username: `bob of ${backend.name}` };
      expect((await browser.post('/login-and-bind', user)).status).toBe(200);
      expect(await me(browser)).toMatchObject({ user: user.username });
      expect(await running.sessions.revokeByUser(user.username)).toBe(1);
      expect(await me(browser)).toEqual({ user: null, data: {} });
    });

    it('what login() has bound ends with the next user at this browser, and with logOut()', async () => {
      const browser = running.browser();
      const [first, second] = ['carol', 'dave'].map(name => ({
        ...right,
        username: `${name} ${backend.name}`,
      }));
      await browser.post('/login-and-bind', first);
      await browser.post('/login?keep', second);
      expect(await me(browser)).toMatchObject({ user: second?.username });
      expect(await running.sessions.listByUser(first?.username ?? '')).toEqual([]);
      await browser.post('/login-and-bind', second);
      expect(await running.sessions.listByUser(second?.username ?? '')).toHaveLength(1);
      await browser.post('/logout');
      expect(await running.sessions.listByUser(second?.username ?? '')).toEqual([]);
    });

    it('a wrong password and a visit leave no session behind', async () => {
      const since = running.events.length;
      const browser = running.browser();
      expect((await browser.post('/login', { ...right, password: 'wrong' })).status).toBe(401);
      expect(await me(browser)).toEqual({ user: null, data: {} });
      expect(browser.cookies.size).toBe(0);
      expect(running.events.slice(since)).toEqual([]);
    });
  });

  describe(`@fastify/passport on ${platform.name} with a store that is watched`, () => {
    it('answers on a path of "exclude", without a store call', async () => {
      const store = new FaultyStore();
      const running = await startApp({
        platform,
        backend: { store },
        session: { exclude: ['/open'] },
        controllers: [AccountController],
        configure,
      });
      const browser = running.browser();
      await browser.post('/login', right);
      store.takeVerbs();
      expect((await browser.get('/open')).json()).toEqual({ isAuthenticated: false });
      expect(store.takeVerbs()).toEqual([]);
      await running.close();
    });

    it('a session that cannot be read is a 503, never "not signed in"', async () => {
      const store = new FaultyStore();
      const running = await startApp({
        platform,
        backend: { store },
        controllers: [AccountController],
        configure,
      });
      const browser = running.browser();
      await browser.post('/login', right);
      store.fail('load', { error: new Error('connection lost'), times: 1 });
      expect((await browser.get('/me')).status).toBe(503);
      expect(await me(browser)).toMatchObject({ user: 'alice' });
      await running.close();
    });
  });
}
