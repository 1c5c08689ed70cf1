import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SessionModuleOptions } from '../../lib/index.js';
import { sessionOf } from '../../lib/testing/index.js';
import { backends } from '../support/backends.js';
import type { Browser } from '../support/browser.js';
import { describeCells } from '../support/cells.js';
import { Deferred } from '../support/deferred.js';
import { MINUTE } from '../support/durations.js';
import { facts, run, ScriptController } from '../support/scripts.js';
import { faultyPlace, type FaultyPlace } from '../support/shared-backends.js';
import { startApp, type RunningApp } from '../support/start-app.js';

const OLD = 'q0Zr3m9XcVbT1yKf7LwEhJ2nUaSgDpOi5RtM8xQvB4s';
const NEW = 'x7Qd2kVn9BsLw4TfZj1RyGm6HcPeUa3oXi8KtMv5NqY';
const SIGNED = /^[\w-]{43}\.[\w-]{43}$/;

const me = (browser: Browser) => run(browser, facts);
const tokenIn = (browser: Browser): string => browser.cookies.get('sid') ?? '';

async function signedIn(app: RunningApp): Promise<Browser> {
  const browser = app.browser();
  await run(browser, session => session.login('alice'));
  return browser;
}

/** A request of the browser to one of the applications. */
const visit = async (browser: Browser, app: RunningApp): Promise<void> => {
  const tab = browser.copy(app.url);
  const answer = await me(tab);
  expect([answer.status, answer.json()]).toMatchObject([200, { user: 'alice' }]);
  for (const [name, value] of tab.cookies) browser.cookies.set(name, value);
};

describeCells('signed tokens', backends, ({ platform, backend }) => {
  let place: FaultyPlace;
  let running: RunningApp[];
  beforeEach(async () => {
    place = await faultyPlace(backend);
    running = [];
  });
  afterEach(async () => {
    for (const app of running) await app.close();
    await place.dispose();
  });

  /** An application on the place that all applications of a test share. */
  async function start(secret?: SessionModuleOptions['secret']): Promise<RunningApp> {
    const session = secret === undefined ? {} : { secret };
    const app = await startApp({
      platform,
      backend: place.options,
      session,
      controllers: [ScriptController],
    });
    running.push(app);
    return app;
  }

  it('the cookie is sid.mac, and the store sees the hash of the sid only', async () => {
    const app = await start(OLD);
    const browser = await signedIn(app);
    expect(tokenIn(browser)).toMatch(SIGNED);
    const [sid = ''] = tokenIn(browser).split('.');
    const { id } = (await sessionOf(app.app, browser.cookie))!;
    expect(id).toBe(createHash('sha256').update(sid).digest('hex'));
    expect((await me(browser)).json()).toMatchObject({ user: 'alice' });
  });

  it('a forged cookie is an empty session and an event, and costs no store call', async () => {
    const app = await start(OLD);
    const browser = await signedIn(app);
    const genuine = tokenIn(browser);
    const [sid = '', mac = ''] = genuine.split('.');
    place.store.calls.length = 0;
    for (const forged of [sid, `${sid}.${mac.toUpperCase()}`, `${'A'.repeat(43)}.${mac}`]) {
      const before = app.events.length;
      const answer = await browser.get('/me', { cookie: `sid=${forged}` });
      expect([answer.status, answer.setCookies, answer.json()]).toMatchObject([200, [], { user: null }]);
      expect(app.events.slice(before)).toEqual([{ type: 'rejected', reason: 'forged' }]);
    }
    expect(place.store.calls).toEqual([]);
    const both = await browser.get('/me', { cookie: `sid=${sid}; sid=${genuine}` });
    expect(both.json()).toMatchObject({ user: 'alice' });
  });

  it('a token of another cookie name, and one of another key, is forged', async () => {
    const app = await start(OLD);
    const other = await startApp({
      platform,
      backend: place.options,
      session: { secret: OLD, cookie: { name: 'admin' } },
      controllers: [ScriptController],
    });
    running.push(other);
    const browser = app.browser();
    const elsewhere = await signedIn(other);
    const answer = await browser.get('/me', { cookie: `sid=${elsewhere.cookies.get('admin')}` });
    expect(answer.json()).toMatchObject({ user: null });
    const rotated = await start(NEW);
    const { cookie } = await signedIn(app);
    expect((await rotated.browser().get('/me', { cookie })).json()).toMatchObject({ user: null });
    for (const { events } of [app, rotated]) {
      expect(events).toContainEqual({ type: 'rejected', reason: 'forged' });
    }
  });

  it('turning signing on signs no user out: the next answer that looks carries a signed cookie, once', async () => {
    const before = await signedIn(await start());
    const unsigned = tokenIn(before);
    const app = await start({ keys: OLD, acceptUnsigned: true });
    const browser = before.copy(app.url);
    const untouched = await run(browser, () => ({}));
    expect(untouched.setCookies).toEqual([]);
    const first = await me(browser);
    expect([first.json(), first.setCookies.length]).toMatchObject([{ user: 'alice' }, 1]);
    expect(tokenIn(browser)).toMatch(SIGNED);
    expect(tokenIn(browser).split('.')[0]).toBe(unsigned);
    expect((await me(browser)).setCookies).toEqual([]);
    // Both cookies name the same session.
    const both = await browser.get('/me', { cookie: `sid=${unsigned}; sid=${tokenIn(browser)}` });
    expect([both.json(), both.setCookies]).toMatchObject([{ user: 'alice' }, []]);
  });

  it('an assignment, a login and a logout with an unsigned cookie', async () => {
    const before = await signedIn(await start());
    const app = await start({ keys: OLD, acceptUnsigned: true });
    const writer = before.copy(app.url);
    expect((await run(writer, session => session.set('a', 1))).setCookies).toHaveLength(1);
    expect(tokenIn(writer)).toMatch(SIGNED);
    const leaver = before.copy(app.url);
    const bye = await run(leaver, session => session.destroy());
    expect(bye.setCookies).toEqual([expect.stringContaining('Max-Age=0')]);
    expect((await me(writer)).json()).toMatchObject({ user: null });
  });

  it('a session that ends while it is read gets no cookie', async () => {
    const before = await signedIn(await start());
    const app = await start({ keys: OLD, acceptUnsigned: true });
    const [reached, release] = [new Deferred(), new Deferred()];
    const slow = run(before.copy(app.url), async session => {
      const user = session.loggedInAs;
      reached.resolve();
      await release.promise;
      return { user };
    });
    await reached.promise;
    const other = before.copy(app.url);
    await run(other, session => session.login('alice'));
    release.resolve();
    const answer = await slow;
    expect([answer.status, answer.json(), answer.setCookies]).toEqual([200, { user: 'alice' }, []]);
    expect((await me(other)).json()).toMatchObject({ user: 'alice' });
  });

  it('a request that fails, and a touch that fails, replace no cookie', async () => {
    const before = await signedIn(await start());
    const app = await start({ keys: OLD, acceptUnsigned: true });
    const browser = before.copy(app.url);
    const failed = await run(browser, session => {
      void session.loggedInAs;
      throw new Error('broken');
    });
    expect([failed.status, failed.setCookies]).toEqual([500, []]);
    place.store.fail('touch');
    const answer = await me(browser);
    expect([answer.status, answer.setCookies]).toEqual([200, []]);
  });

  it('keys change in two steps while old and new processes serve the same users: no user is signed out', async () => {
    const browsers: Browser[] = [];
    const steps = [OLD, [OLD, NEW], [NEW, OLD], NEW] as const;
    const apps: RunningApp[] = [];
    for (const keys of steps) apps.push(await start(keys as never));
    for (let step = 0; step + 1 < steps.length; step++) {
      // During a roll-out a process of this step and one of the next serve the same users.
      const pair = [apps[step]!, apps[step + 1]!];
      for (const app of pair) browsers.push(await signedIn(app));
      for (let round = 0; round < 4; round++) {
        await Promise.all(browsers.map((browser, index) => visit(browser, pair[(index + round) % 2]!)));
      }
      // The roll-out is complete. A key is removed when no cookie is signed with it any more.
      await Promise.all(browsers.map(browser => visit(browser, apps[step + 1]!)));
    }
    expect(running.flatMap(({ events }) => events).filter(({ type }) => type === 'rejected')).toEqual([]);
  });

  it('with maxAge a replaced cookie has it, too, and is sent again when the session is touched', async () => {
    const before = await signedIn(await start());
    const app = await startApp({
      platform,
      backend: place.options,
      session: { secret: { keys: OLD, acceptUnsigned: true }, cookie: { maxAge: '1h' } },
      controllers: [ScriptController],
    });
    running.push(app);
    const browser = before.copy(app.url);
    expect((await me(browser)).setCookies).toEqual([expect.stringContaining('Max-Age=3600')]);
    expect((await me(browser)).setCookies).toEqual([]);
    app.clock.advance(2 * MINUTE);
    expect((await me(browser)).setCookies).toEqual([expect.stringMatching(/^sid=[\w-]{43}\.[\w-]{43};/)]);
  });
});
