import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { SessionClosedError, type Session } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import type { Browser } from '../support/browser.js';
import { describeCells } from '../support/cells.js';
import type { FaultyStore } from '../../lib/testing/index.js';
import { answering, me, NO_SESSION, returning, startScriptedApp, type Script } from '../support/scripts.js';
import { faultyPlace, type FaultyPlace } from '../support/shared-backends.js';
import type { RunningApp } from '../support/start-app.js';

const codeOf = async (operation: Promise<unknown>): Promise<string> =>
  operation.then(
    () => 'resolved',
    (error: unknown) =>
      error instanceof SessionClosedError ? `${error.getStatus()} ${error.code}` : String(error),
  );
/** What somebody sends who has the cookies of all of them. */
const both = (...browsers: Browser[]): string => browsers.map(({ cookie }) => cookie).join('; ');

describeCells('several live sessions in one request,', backends, ({ platform, backend }) => {
  let place: FaultyPlace;
  let store: FaultyStore;
  let running: RunningApp;
  let alice: Browser;
  let bob: Browser;
  beforeAll(async () => {
    place = await faultyPlace(backend);
    ({ store } = place);
    running = await startScriptedApp(platform, { backend: place.options });
  });
  afterAll(async () => {
    await running.close();
    await place.dispose();
  });

  async function signedIn(user: string): Promise<Browser> {
    const browser = running.browser();
    await browser.get(
      returning(async session => {
        session.of = user;
        await session.login(user);
      }),
    );
    return browser;
  }

  beforeEach(async () => {
    for (const user of ['alice', 'bob']) await running.sessions.revokeByUser(user);
    alice = await signedIn('alice');
    bob = await signedIn('bob');
  });

  it.each([
    ['login()', (session: Session) => session.login('carol')],
    ['regenerate()', (session: Session) => session.regenerate()],
  ])('%s after the head has left ends neither of them', async (_, rotate) => {
    let code: Promise<string> | undefined;
    const path = answering((session, { raw }) => {
      raw.end('sent');
      code = codeOf(rotate(session as Session));
    });
    await running.browser().get(path, { cookie: both(alice, bob) });
    expect(await code).toBe('409 SESSION_HEAD_SENT');
    expect([(await me(alice)).user, (await me(bob)).user]).toEqual(['alice', 'bob']);
  });

  it('reads see an empty session, in both orders, and both sessions live on', async () => {
    for (const cookie of [both(alice, bob), both(bob, alice)]) {
      const answer = await running.browser().get('/me', { cookie });
      expect(answer.json()).toEqual(NO_SESSION);
      expect(answer.setCookies).toEqual([]);
      expect(answer.headers.get('vary')).toBe('Cookie');
    }
    expect((await me(alice)).user).toBe('alice');
    expect((await me(bob)).user).toBe('bob');
  });

  it('one event for one request', async () => {
    const before = running.events.length;
    await running.browser().get('/me', { cookie: both(alice, bob) });
    expect(running.events.slice(before)).toEqual([{ type: 'rejected', reason: 'ambiguous' }]);
  });

  it.each([
    ['returned', returning],
    ['by hand', answering],
  ])('an assignment is refused with 409, without a cookie or a record (%s)', async (_, style) => {
    store.takeVerbs();
    const handler: Script = (session, { raw }) => {
      session.mark = 1;
      if (style === answering) raw.end('never seen');
      return 'never seen';
    };
    const answer = await running.browser().get(style(handler), { cookie: both(alice, bob) });
    expect(answer.status).toBe(409);
    expect(answer.json()).toEqual({ statusCode: 409, message: 'Conflict' });
    expect(answer.setCookies).toEqual([]);
    expect(store.takeVerbs()).toEqual(['load', 'load']);
  });

  it('save(), update() and flash messages are refused with SESSION_AMBIGUOUS', async () => {
    const codes: string[] = [];
    const answer = await running.browser().get(
      returning(async session => {
        session.mark = 1;
        codes.push(await codeOf(session.save()), await codeOf(session.update('count', () => 1)));
        session.delete('mark');
        session.flash('info', 'hello');
        codes.push(await codeOf(session.save()));
        await session.flashes();
      }),
      { cookie: both(alice, bob) },
    );
    expect(codes).toEqual(['409 SESSION_AMBIGUOUS', '409 SESSION_AMBIGUOUS', '409 SESSION_AMBIGUOUS']);
    expect(answer.status).toBe(200);
    expect(answer.setCookies).toEqual([]);
  });

  it('login() ends every one of them first, and gives one new session', async () => {
    const carol = await signedIn('carol');
    const browser = running.browser();
    const answer = await browser.get(
      returning(async session => {
        await session.login('alice');
        session.mark = 'after';
      }),
      { cookie: both(alice, bob, carol) },
    );
    expect(answer.status).toBe(200);
    expect(answer.setCookies).toHaveLength(1);
    expect(await me(browser)).toEqual({ user: 'alice', data: { mark: 'after' } });
    for (const old of [alice, bob, carol]) expect(await me(old)).toEqual(NO_SESSION);
    expect(await running.sessions.listByUser('alice')).toHaveLength(1);
    expect(await running.sessions.listByUser('bob')).toEqual([]);
  });

  it('regenerate() ends every one of them, and the request may write then', async () => {
    const browser = running.browser();
    const answer = await browser.get(
      returning(async session => {
        await session.regenerate();
        session.mark = 'after';
      }),
      { cookie: both(alice, bob) },
    );
    expect(answer.setCookies).toHaveLength(1);
    expect(await me(browser)).toEqual({ user: null, data: { mark: 'after' } });
    for (const old of [alice, bob]) expect(await me(old)).toEqual(NO_SESSION);
  });

  it('destroy() ends every one of them, and clears the cookie once', async () => {
    const answer = await running.browser().get(
      returning(session => session.destroy()),
      { cookie: both(alice, bob) },
    );
    expect(answer.setCookies).toHaveLength(1);
    expect(answer.setCookies[0]).toContain('Max-Age=0');
    for (const old of [alice, bob]) expect(await me(old)).toEqual(NO_SESSION);
  });

  it('when one of the two has ended, the other is the session', async () => {
    const before = both(alice, bob);
    await bob.get(returning(session => session.destroy()));
    expect((await running.browser().get('/me', { cookie: before })).json()).toMatchObject({ user: 'alice' });
  });

  it('at most four are tried, in the order of the header', async () => {
    const more = await Promise.all(['c', 'd', 'e'].map(signedIn));
    const dead = await Promise.all(['f', 'g', 'h', 'i'].map(signedIn));
    const deadCookie = both(...dead);
    for (const browser of dead) await browser.get(returning(session => session.destroy()));
    store.takeVerbs();
    expect((await running.browser().get('/me', { cookie: `${deadCookie}; ${alice.cookie}` })).json()).toEqual(
      NO_SESSION,
    );
    expect(store.takeVerbs()).toEqual(['load', 'load', 'load', 'load']);
    // Five live ones: four are ended, and the fifth, which the request did not look at, is not touched.
    await running.browser().get(
      returning(session => session.destroy()),
      { cookie: both(alice, bob, ...more) },
    );
    expect(await me(alice)).toEqual(NO_SESSION);
    expect((await me(more[2]!)).user).toBe('e');
  });
});
