import {
  Controller,
  Get,
  HttpCode,
  Injectable,
  Post,
  Query,
  Req,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import connectFlash from 'connect-flash';
import passportModule from 'passport';
import { Strategy } from 'passport-local';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { getSession, Session } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import type { Browser } from '../support/browser.js';
import { describeCells } from '../support/cells.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms } from '../support/platforms.js';
import { startApp, type RunningApp } from '../support/start-app.js';

// Passport 0.7 as it is: it knows nothing of this library and finds `request.session`.

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

/** On Fastify in hooks, where Passport gets the request that handlers get, and not Node's. */
const configure = (app: INestApplication): void => {
  const middleware = [passport.initialize(), passport.session()] as Handler[];
  const adapter = app.getHttpAdapter();
  if (adapter.getType() === 'express') for (const use of middleware) app.use(use);
  else for (const use of middleware) (adapter.getInstance() as Hooks).addHook('onRequest', use);
};

interface Hooks {
  addHook(name: 'onRequest', hook: Handler): void;
}

const right = { username: 'alice', password: 'right' };

describeCells('Passport 0.7', backends, ({ platform, backend }) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({ platform, backend, controllers: [AccountController], configure });
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

  it('a login gives a new id, and the old id names no session: no fixation', async () => {
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
  const userOf = (name: string) => ({
    ...right,
    username: `${name} of ${backend.name} on ${platform.name}`,
  });

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

describe.each(platforms)('Passport 0.7 over a store that fails, on $name', platform => {
  let store: FaultyStore;
  let running: RunningApp;
  beforeAll(async () => {
    store = new FaultyStore();
    running = await startApp({
      platform,
      backend: { store },
      controllers: [AccountController],
      configure,
    });
  });
  afterAll(() => running.close());
  afterEach(() => store.restore());

  it.each(['create', 'destroy', 'update'] as const)(
    'a login whose %s fails is an error, and no login',
    async verb => {
      const browser = running.browser();
      await browser.post('/cart');
      store.fail(verb);
      const { status, headers } = await browser.post('/login', right);
      expect(status).toBe(503);
      expect(headers.get('retry-after')).toBe('1');
      store.restore();
      expect((await browser.get('/me')).json()).toMatchObject({ user: null });
      expect((await browser.post('/login', right)).status).toBe(200);
      expect((await browser.get('/me')).json()).toMatchObject({ user: 'alice' });
    },
  );

  it.each(['create', 'destroy', 'update'] as const)(
    'a logout whose %s fails is an error, and the answer says so',
    async verb => {
      const browser = running.browser();
      await browser.post('/login', right);
      store.fail(verb);
      expect((await browser.post('/logout')).status).toBe(503);
      store.restore();
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
    store.restore();
    expect((await browser.get('/me')).json()).toMatchObject({ user: 'alice' });
  });
});

/** What a path of `exclude` answers, and what it did with `request.session`. */
@Controller('open')
class OpenController {
  @Get('logo')
  logo(@Req() request: PassportRequest) {
    return { user: request.user?.name ?? null, isAuthenticated: request.isAuthenticated() };
  }

  @Get('facts')
  facts(@Req() request: PassportRequest) {
    const { session } = request;
    const { id, isNew, createdAt, lastSeenAt, expiresAt, loggedInAs, loggedInAt } = session;
    const facts = { id, createdAt, lastSeenAt, expiresAt, loggedInAs, loggedInAt };
    return {
      isNew,
      facts: Object.values(facts).filter(fact => fact !== undefined),
      data: { ...session },
      json: JSON.stringify(session),
      cart: session.cart ?? session.get('cart') ?? null,
      has: 'cart' in session || session.has('cart') || 'get' in session,
      keys: Reflect.ownKeys(session),
      isSame: session === request.session,
    };
  }

  /** Each way to change a session, by name: none may work, and none may bring the process down. */
  @Post('change')
  async change(@Req() request: PassportRequest, @Query('how') how: keyof typeof CHANGES) {
    await CHANGES[how](request.session, request);
  }

  /** A promise that is not awaited. */
  @Post('forget')
  forget(@Req() request: PassportRequest) {
    void request.session.destroy();
  }

  @Get('decorator')
  decorator(@Session() session: Session) {
    return { ...session };
  }

  @Get('function')
  async function(@Req() request: object) {
    return { ...(await getSession(request)) };
  }
}

const CHANGES = {
  assign: session => void (session.cart = ['tea']),
  define: session => void Object.defineProperty(session, 'cart', { value: ['tea'] }),
  remove: session => void delete session.cart,
  set: session => session.set('cart', ['tea']),
  delete: session => session.delete('cart'),
  clear: session => session.clear(),
  flash: session => session.flash('info', 'hello'),
  flashes: session => session.flashes(),
  update: session => session.update('cart', () => ['tea']),
  take: session => session.take('cart'),
  login: session => session.login('alice'),
  touch: session => session.touch(),
  regenerate: session => session.regenerate(),
  destroy: session => session.destroy(),
  save: session => session.save(),
  reload: session => session.reload(),
  'regenerate(callback)': session => called(done => session.regenerate(done)),
  'destroy(callback)': session => called(done => session.destroy(done)),
  'save(callback)': session => called(done => session.save(done)),
  'reload(callback)': session => called(done => session.reload(done)),
  logIn: (_, request) => called(done => request.logIn({ name: 'alice' }, { keepSessionInfo: false }, done)),
  logout: (_, request) => called(done => request.logout({ keepSessionInfo: false }, done)),
} satisfies Record<string, (session: Session<Shop>, request: PassportRequest) => unknown>;

const excluded = platforms.flatMap(platform =>
  (['eager', 'lazy'] as const).map(load => ({ platform, load, name: `${load} on ${platform.name}` })),
);

describe.each(excluded)('Passport 0.7 and a path of "exclude", $name', ({ platform, load }) => {
  let store: FaultyStore;
  let running: RunningApp;
  let signedIn: Browser;
  let foundElsewhere: unknown;
  beforeAll(async () => {
    store = new FaultyStore();
    // A session to be found elsewhere, by an application that shares the store.
    const elsewhere = await startApp({
      platform,
      backend: { store },
      controllers: [AccountController],
      configure,
    });
    const browser = elsewhere.browser();
    await browser.post('/cart');
    await browser.post('/login?keep', right);
    foundElsewhere = await me(browser);
    await elsewhere.close();
    running = await startApp({
      platform,
      backend: { store },
      session: { load, exclude: ['/open/*'] },
      controllers: [OpenController],
      configure,
    });
    signedIn = browser.copy(running.url);
  });
  afterAll(() => running.close());

  const errorsSince = (logged: number): string[] =>
    running.logs.slice(logged).filter(line => line.startsWith('error'));

  it('answers without a user, a store call or a log line, whichever cookie is sent', async () => {
    store.calls.length = 0;
    const logged = running.logs.length;
    for (const browser of [running.browser(), signedIn]) {
      const { status, text, headers } = await browser.get('/open/logo');
      expect({ status, text }).toEqual({ status: 200, text: '{"user":null,"isAuthenticated":false}' });
      expect([headers.get('vary'), headers.get('set-cookie')]).toEqual([null, null]);
    }
    expect(store.calls).toEqual([]);
    expect(errorsSince(logged)).toEqual([]);
  });

  it('request.session reads as an empty one', async () => {
    expect(foundElsewhere).toMatchObject({ user: 'alice', data: { cart: ['tea'] } });
    expect((await signedIn.get('/open/facts')).json()).toEqual({
      isNew: true,
      facts: [],
      data: {},
      json: '{}',
      cart: null,
      has: false,
      keys: [],
      isSame: true,
    });
  });

  it.each(Object.keys(CHANGES))('%s fails with an error that is logged and names the remedy', async how => {
    store.calls.length = 0;
    const logged = running.logs.length;
    const { status, headers } = await signedIn.post(`/open/change?how=${encodeURIComponent(how)}`);
    expect({ status, cookie: headers.get('set-cookie') }).toEqual({ status: 500, cookie: null });
    expect(errorsSince(logged)).toEqual([expect.stringMatching(/"exclude".*Take the path out of "exclude"/)]);
    expect(store.calls).toEqual([]);
  });

  it('a change that is not awaited is logged, and the process goes on', async () => {
    const logged = running.logs.length;
    expect((await signedIn.post('/open/forget')).status).toBe(201);
    expect(errorsSince(logged)).toEqual([expect.stringContaining('session.destroy() failed')]);
    expect((await signedIn.get('/open/logo')).status).toBe(200);
  });

  it.each(['decorator', 'function'])(
    '@Session() and getSession() are errors that are logged: %s',
    async way => {
      const logged = running.logs.length;
      expect((await signedIn.get(`/open/${way}`)).status).toBe(500);
      expect(errorsSince(logged)).toEqual([expect.stringContaining('this path is in "exclude"')]);
    },
  );
});

const messages = async (browser: Browser): Promise<unknown> => (await browser.get('/messages')).json();
const express = platforms.filter(({ name }) => name === 'express');

const signIn = (options: object): Handler =>
  passport.authenticate('local', {
    successRedirect: '/messages',
    failureRedirect: '/messages',
    ...options,
  }) as Handler;

describe.each(express)('flash messages of Passport 0.7 on $name', platform => {
  type WithFlash = PassportRequest & { flash(category: string, message?: unknown): unknown };

  @Controller()
  class MessagesController {
    @Get('messages')
    async messages(@Session() session: Session<{ messages: string[] }>) {
      return { flashes: await session.flashes(), messages: session.messages ?? [] };
    }

    @Post('error')
    error(@Req() request: WithFlash) {
      return { returned: request.flash('info', 'hello') };
    }
  }

  it('request.flash, over session.flash(), serves failureFlash', async () => {
    const running = await startApp({
      platform,
      backend: { type: 'memory' },
      controllers: [MessagesController],
      configure(app) {
        configure(app);
        app.use((request: WithFlash, _: unknown, next: () => void) => {
          request.flash = (category, message) => request.session.flash(category, message);
          next();
        });
        app.use('/sign-in', signIn({ failureFlash: 'Wrong password' }));
      },
    });
    const browser = running.browser();
    const wrong = await browser.post('/sign-in?username=alice&password=wrong');
    expect([wrong.status, wrong.headers.get('location')]).toEqual([302, '/messages']);
    expect(await messages(browser)).toMatchObject({
      flashes: [{ category: 'error', message: 'Wrong password' }],
    });
    expect(await messages(browser)).toMatchObject({ flashes: [] });
    await running.close();
  });

  it('failureMessage needs nothing: it is session.messages', async () => {
    const running = await startApp({
      platform,
      backend: { type: 'memory' },
      controllers: [MessagesController],
      configure(app) {
        configure(app);
        app.use('/sign-in', signIn({ failureMessage: 'Wrong password' }));
      },
    });
    const browser = running.browser();
    await browser.post('/sign-in?username=alice&password=wrong');
    await browser.post('/sign-in?username=alice&password=wrong');
    expect(await messages(browser)).toEqual({ flashes: [], messages: ['Wrong password', 'Wrong password'] });
    await running.close();
  });

  it('connect-flash fails, and the log says what to use instead', async () => {
    const running = await startApp({
      platform,
      backend: { type: 'memory' },
      controllers: [MessagesController],
      configure(app) {
        app.use(connectFlash());
      },
    });
    expect((await running.browser().post('/error')).status).toBe(500);
    expect(running.logs.filter(line => line.startsWith('error'))).toEqual([
      expect.stringMatching(
        /use session\.flash\(category, message\) and session\.flashes\(\) instead of connect-flash/,
      ),
    ]);
    await running.close();
  });
});

describe.each(platforms)('app.use(passport.session()) on $name', platform => {
  @Controller()
  class WhoController {
    @Get('who')
    who(@Req() request: PassportRequest & { readonly raw?: PassportRequest }) {
      return { user: (request.raw ?? request).user?.name ?? null };
    }
  }

  it('restores the user, on Fastify in request.raw', async () => {
    const store = new FaultyStore();
    const running = await startApp({
      platform,
      backend: { store },
      session: { exclude: ['/open/*'] },
      controllers: [AccountController, WhoController, OpenController],
      configure(app) {
        app.use(passport.initialize());
        app.use(passport.session());
      },
    });
    const browser = running.browser();
    expect((await browser.get('/who')).json()).toEqual({ user: null });
    await browser.post('/login', right);
    store.takeVerbs();
    expect((await browser.get('/who')).json()).toEqual({ user: 'alice' });
    expect(store.takeVerbs()).toEqual(['load']);
    expect((await browser.get('/open/facts')).json()).toMatchObject({ data: {}, isNew: true });
    expect(store.takeVerbs()).toEqual([]);
    await running.close();
  });
});
