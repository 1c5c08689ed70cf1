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
import passportModule from 'passport';
import { Strategy } from 'passport-local';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { getSession, Session } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import type { Browser } from '../support/browser.js';
import { describeOver } from '../support/cells.js';
import { FaultyStore } from '../support/faulty-store.js';
import { platforms } from '../support/platforms.js';
import { startApp, type RunningApp } from '../support/start-app.js';

// Passport 0.7 as it is, on Express: it knows nothing of this library and finds `request.session`.

type Callback = (error?: unknown) => void;
type Handler = (request: object, response: object, next: (error?: Error) => void) => void;

interface User {
  readonly name: string;
}

interface PassportRequest {
  readonly user?: User;
  readonly session: Session<Shop>;
  logIn(user: User, options: { keepSessionInfo: boolean }, done: Callback): void;
  logout(options: { keepSessionInfo: boolean }, done: Callback): void;
  isAuthenticated(): boolean;
}

interface Shop {
  cart?: string[];
  greeted?: boolean;
}

const passport = new passportModule.Passport();
passport.use(
  new Strategy((username, password, done) => done(null, password === 'right' ? { name: username } : false)),
);
passport.serializeUser((user, done) => {
  const { name } = user as User;
  if (name === 'unserializable') done(new Error('no such row'));
  else done(null, name);
});
passport.deserializeUser((name: string, done) => done(null, { name }));

const called = (run: (done: Callback) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    run(error => (error instanceof Error ? reject(error) : resolve()));
  });

/** What `AuthGuard('local')` of @nestjs/passport does, with `logIn` at the end. */
@Injectable()
class LocalGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<PassportRequest & { query: { keep?: string } }>();
    const response = context.switchToHttp().getResponse<object>();
    const user = await new Promise<User>((resolve, reject) => {
      const done = (error: Error | null, found: User | false): void => {
        if (error) reject(error);
        else if (found) resolve(found);
        else reject(new UnauthorizedException());
      };
      const authenticate = passport.authenticate('local', done) as Handler;
      authenticate(request, response, reject);
    });
    const keepSessionInfo = request.query.keep !== undefined;
    await called(done => request.logIn(user, { keepSessionInfo }, done));
    return true;
  }
}

@Controller()
class AccountController {
  @Post('cart')
  fill(@Session() session: Session<Shop>) {
    (session.cart ??= []).push('tea');
  }

  @UseGuards(LocalGuard)
  @Post('login')
  @HttpCode(200)
  async login(@Session() session: Session<Shop>, @Req() request: PassportRequest) {
    session.greeted = true;
    return { user: request.user, isCurrent: (await getSession(request)) === request.session };
  }

  @UseGuards(LocalGuard)
  @Post('login-and-bind')
  @HttpCode(200)
  async loginAndBind(@Session() session: Session<Shop>, @Req() request: PassportRequest) {
    await session.login(request.user!.name);
  }

  @Post('logout')
  @HttpCode(200)
  async logout(@Req() request: PassportRequest & { query: { keep?: string } }) {
    const keepSessionInfo = request.query.keep !== undefined;
    await called(done => request.logout({ keepSessionInfo }, done));
    return { user: request.user ?? null };
  }

  @Get('me')
  me(@Req() request: PassportRequest) {
    return { user: request.user?.name ?? null, data: { ...request.session } };
  }
}

const me = async (browser: Browser) => (await browser.get('/me')).json();

const express = platforms.filter(({ name }) => name === 'express');
const configure = (app: INestApplication): void => {
  app.use(passport.initialize(), passport.session());
};
const right = { username: 'alice', password: 'right' };

describeOver('Passport 0.7 on Express', backends, backend => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({ platform: express[0]!, backend, controllers: [AccountController], configure });
  });
  afterAll(() => running.close());

  it('signs in, and finds the user again in later requests', async () => {
    const browser = running.browser();
    const { status, setCookies, text } = await browser.post('/login', right);
    expect({ status, text }).toEqual({ status: 200, text: '{"user":{"name":"alice"},"isCurrent":true}' });
    expect(setCookies).toHaveLength(1);
    expect(await me(browser)).toEqual({
      user: 'alice',
      data: { passport: { user: 'alice' }, greeted: true },
    });
  });

  it('a login gives a new id, and the one from before is nobody’s: no fixation', async () => {
    const victim = running.browser();
    await victim.post('/cart');
    const attacker = victim.copy();
    await victim.post('/login', right);
    expect(victim.cookie).not.toBe(attacker.cookie);
    expect(await me(attacker)).toEqual({ user: null, data: {} });
    expect(await me(victim)).toMatchObject({ user: 'alice' });
  });

  it('a login drops what was there before, unless keepSessionInfo', async () => {
    const [dropping, keeping] = [running.browser(), running.browser()];
    await dropping.post('/cart');
    await keeping.post('/cart');
    await dropping.post('/login', right);
    await keeping.post('/login?keep', right);
    expect(await me(dropping)).not.toHaveProperty('data.cart');
    expect(await me(keeping)).toHaveProperty('data.cart', ['tea']);
    expect(await me(keeping)).toHaveProperty('user', 'alice');
  });

  it('a logout sticks, for every copy of the cookie', async () => {
    const browser = running.browser();
    await browser.post('/login', right);
    const copy = browser.copy();
    const { status, text } = await browser.post('/logout');
    expect({ status, text }).toEqual({ status: 200, text: '{"user":null}' });
    expect(browser.cookie).not.toBe(copy.cookie);
    expect(await me(browser)).toEqual({ user: null, data: {} });
    expect(await me(copy)).toEqual({ user: null, data: {} });
  });

  it('a logout with keepSessionInfo keeps the data and not the user', async () => {
    const browser = running.browser();
    await browser.post('/cart');
    await browser.post('/login?keep', right);
    const copy = browser.copy();
    await browser.post('/logout?keep');
    expect(await me(browser)).toEqual({ user: null, data: { cart: ['tea'], greeted: true, passport: {} } });
    expect(await me(copy)).toEqual({ user: null, data: {} });
  });

  it('a second user after the first sees nothing of the first', async () => {
    const browser = running.browser();
    await browser.post('/login', right);
    await browser.post('/cart');
    await browser.post('/login', { ...right, username: 'bob' });
    expect(await me(browser)).toEqual({ user: 'bob', data: { passport: { user: 'bob' }, greeted: true } });
  });

  // Of one store, so that no other test's sessions are listed.
  const userOf = (name: string) => ({ ...right, username: `${name} of ${backend.name}` });

  it('a login() after logIn() binds the session to its user, who can be listed and signed out', async () => {
    const [bound, unbound] = [running.browser(), running.browser()];
    const user = userOf('carol');
    await unbound.post('/login', user);
    await bound.post('/cart');
    const { status, setCookies } = await bound.post('/login-and-bind?keep', user);
    expect({ status, cookies: setCookies.length }).toEqual({ status: 200, cookies: 1 });
    expect(await me(bound)).toEqual({
      user: user.username,
      data: { cart: ['tea'], passport: { user: user.username } },
    });
    expect(await running.sessions.listByUser(user.username)).toMatchObject([{ loggedInAs: user.username }]);
    expect(await running.sessions.revokeByUser(user.username)).toBe(1);
    expect(await me(bound)).toEqual({ user: null, data: {} });
    expect(await me(unbound)).toMatchObject({ user: user.username }); // Passport by itself binds nobody
  });

  it('what login() has bound ends with logOut(), and with the next user at this browser', async () => {
    const browser = running.browser();
    const [first, second] = [userOf('dave'), userOf('erin')];
    await browser.post('/login-and-bind', first);
    await browser.post('/login-and-bind', second);
    expect(await me(browser)).toMatchObject({ user: second.username });
    expect(await running.sessions.listByUser(first.username)).toEqual([]);
    expect(await running.sessions.listByUser(second.username)).toHaveLength(1);
    await browser.post('/logout');
    expect(await running.sessions.listByUser(second.username)).toEqual([]);
  });

  it('a wrong password, a logout of a visitor and a visit leave no session behind', async () => {
    const since = running.events.length;
    const browser = running.browser();
    expect((await browser.post('/login', { ...right, password: 'wrong' })).status).toBe(401);
    expect((await browser.post('/logout')).status).toBe(200);
    expect(await me(browser)).toEqual({ user: null, data: {} });
    expect(browser.cookies.size).toBe(0);
    expect(running.events.slice(since)).toEqual([]);
  });

  it('a user that cannot be serialized is not signed in', async () => {
    const browser = running.browser();
    await browser.post('/cart');
    const { status } = await browser.post('/login', { ...right, username: 'unserializable' });
    expect(status).toBe(500);
    expect(await me(browser)).toMatchObject({ user: null });
  });

  it('two logins of one visitor at the same time leave one session each, and no shared one', async () => {
    const browser = running.browser();
    await browser.post('/cart');
    const tabs = [browser.copy(), browser.copy()];
    const answers = await Promise.all(tabs.map(tab => tab.post('/login', right)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(tabs[0]?.cookie).not.toBe(tabs[1]?.cookie);
    for (const tab of tabs) expect(await me(tab)).toMatchObject({ user: 'alice' });
    expect(await me(browser)).toEqual({ user: null, data: {} });
  });
});

describe('Passport 0.7 on Express over a store that fails', () => {
  let store: FaultyStore;
  let running: RunningApp;
  beforeAll(async () => {
    store = new FaultyStore();
    running = await startApp({
      platform: express[0]!,
      backend: { store },
      controllers: [AccountController],
      configure,
    });
  });
  afterAll(() => running.close());
  afterEach(() => store.mend());

  it.each(['create', 'destroy', 'update'] as const)(
    'a login whose %s fails is an error, and no login',
    async verb => {
      const browser = running.browser();
      await browser.post('/cart');
      store.fail(verb);
      const { status, headers } = await browser.post('/login', right);
      expect(status).toBe(503);
      expect(headers.get('retry-after')).toBe('1');
      store.mend();
      expect((await browser.get('/me')).json()).toMatchObject({ user: null });
      expect((await browser.post('/login', right)).status).toBe(200);
      expect((await browser.get('/me')).json()).toMatchObject({ user: 'alice' });
    },
  );

  it.each(['create', 'destroy', 'update'] as const)(
    'a logout whose %s fails is an error, and nobody is told otherwise',
    async verb => {
      const browser = running.browser();
      await browser.post('/login', right);
      store.fail(verb);
      expect((await browser.post('/logout')).status).toBe(503);
      store.mend();
      expect((await browser.post('/logout')).status).toBe(200);
      expect((await browser.get('/me')).json()).toMatchObject({ user: null });
    },
  );

  it('restoring the user costs one read and no write', async () => {
    const browser = running.browser();
    await browser.post('/login', right);
    store.calls.length = 0;
    await browser.get('/me');
    expect(store.calls.map(({ verb }) => verb)).toEqual(['load']);
  });

  it('a session that cannot be read is a 503, never "not signed in"', async () => {
    const browser = running.browser();
    await browser.post('/login', right);
    store.fail('load');
    expect((await browser.get('/me')).status).toBe(503);
    store.mend();
    expect((await browser.get('/me')).json()).toMatchObject({ user: 'alice' });
  });
});
