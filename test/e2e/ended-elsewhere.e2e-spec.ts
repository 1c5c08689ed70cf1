import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../lib/index.js';
import type { Answer, Browser } from '../support/browser.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { MINUTE } from '../support/durations.js';
import { begin, facts, NO_SESSION, run, ScriptController } from '../support/scripts.js';
import { startApp, type RunningApp } from '../support/start-app.js';

interface Data {
  note?: string;
  count?: number;
}

type Work = (session: Session<Data>) => unknown;

const silent = ({ setCookies, status }: Answer) => ({ setCookies, status });

/** A change that makes the request notice. */
const learn = async (session: Session<Data>): Promise<string> =>
  session
    .update('count', (n = 0) => n + 1)
    .then(
      () => 'was alive',
      (error: unknown) => (error as { code: string }).code,
    );

describeCells('a session that ended elsewhere', backends, cell => {
  let app: RunningApp;
  beforeAll(async () => {
    app = await startApp({
      ...cell,
      controllers: [ScriptController],
      session: { idleTimeout: 30 * MINUTE, cookie: { maxAge: '30d' }, storeTimeout: 5_000 },
    });
  });
  afterAll(() => app.close());

  const refused: { what: string; work: (session: Session<Data>) => Promise<unknown> }[] = [
    { what: 'save()', work: session => ((session.note = 'late'), session.save()) },
    { what: 'update()', work: session => session.update('count', (n = 0) => n + 1) },
    { what: 'take()', work: session => session.take('note') },
    { what: 'regenerate({ keep: true })', work: session => session.regenerate({ keep: true }) },
    { what: 'regenerate({ keep: [key] })', work: session => session.regenerate({ keep: ['note'] }) },
    { what: 'reload()', work: session => session.reload() },
    { what: 'touch()', work: session => session.touch() },
  ];

  const ends: { how: string; end: (browser: Browser, id: string) => unknown }[] = [
    { how: 'a logout', end: browser => run(browser.copy(), session => session.destroy()) },
    { how: 'revoke()', end: (_, id) => app.sessions.revoke(id) },
    { how: 'its idle limit', end: () => app.clock.advance(31 * MINUTE) },
    { how: 'a login in another tab', end: browser => run(browser.copy(), session => session.login('alice')) },
  ];

  /** A request of alice that has loaded her session, which is then ended, and goes on with this. */
  async function late(work: Work, end = ends[0]!.end) {
    const browser = app.browser();
    const id = (await run<Data>(browser, async session => (await session.login('alice'), session.id))).text;
    await run<Data>(browser, session => void Object.assign(session, { note: 'from before', count: 1 }));
    app.clock.advance(2 * MINUTE); // a touch is due
    const slow = await begin<Data>(browser, async (session, { pause }) => {
      await pause();
      return work(session);
    });
    await end(browser, id);
    app.events.length = 0;
    const answer = await slow.finish();
    return { answer, browser, id, events: [...app.events] };
  }

  describe.each(ends)('by $how', ({ end }) => {
    it.each<{ what: string; work: Work }>([
      { what: 'assigned', work: session => void (session.note = 'late') },
      { what: 'removed', work: session => void delete session.note },
      { what: 'left a flash message', work: session => session.flash('info', 'late') },
      { what: 'only looked, with a touch due', work: session => session.note },
    ])('one that $what keeps its status, says nothing of the cookie, and emits "ended"', async ({ work }) => {
      const { answer, id, events } = await late(work, end);
      expect(silent(answer)).toEqual({ setCookies: [], status: 200 });
      expect(events.filter(({ type }) => type === 'rejected')).toEqual([
        { type: 'rejected', reason: 'ended', id },
      ]);
      expect(await app.sessions.get(id)).toBeUndefined();
    });

    it.each(refused)('$what rejects with SESSION_ENDED, 409, and leaves nothing', async ({ work }) => {
      const { answer, id, events } = await late(work, end);
      expect(silent(answer)).toEqual({ setCookies: [], status: 409 });
      expect(answer.json()).toEqual({ statusCode: 409, message: 'Conflict' });
      expect(events).toContainEqual({ type: 'rejected', reason: 'ended', id });
      expect(events.filter(({ type }) => type === 'created' || type === 'rotated')).toEqual([]);
    });

    it('two operations at the same time reject, and "ended" is emitted once', async () => {
      const { answer, id, events } = await late(async session => {
        const both = [session.update('count', (n = 0) => n + 1), session.take('note')];
        return (await Promise.allSettled(both)).map(({ status }) => status);
      }, end);
      expect(answer.json()).toEqual(['rejected', 'rejected']);
      expect(events.filter(({ type }) => type === 'rejected')).toEqual([
        { type: 'rejected', reason: 'ended', id },
      ]);
    });

    it('a save() that only removes has nothing left to do and resolves', async () => {
      const { answer } = await late(async session => {
        delete session.note;
        await session.save();
        return 'resolved';
      }, end);
      expect(answer.text).toBe('resolved');
      expect(silent(answer)).toEqual({ setCookies: [], status: 200 });
    });

    it.each([{ keep: undefined }, { keep: true }, { keep: ['note'] }])(
      'login() with keep $keep succeeds, into a new and empty session',
      async options => {
        const { answer, browser, id, events } = await late(async session => {
          await session.login('alice', options.keep === undefined ? {} : { keep: options.keep });
          return { ...session };
        }, end);
        expect(events.filter(({ type }) => type === 'created')).toMatchObject([{ user: 'alice' }]);
        expect(answer.json()).toEqual({});
        expect(answer.setCookies).toHaveLength(1);
        expect((await run<Data>(browser, facts)).json()).toEqual({ user: 'alice', data: {} });
        expect(await app.sessions.get(id)).toBeUndefined();
      },
    );

    it('regenerate() succeeds, into a new, empty and unbound session', async () => {
      const { answer, browser } = await late(async session => {
        await session.regenerate();
        const empty = { ...session };
        session.count = 7;
        return empty;
      }, end);
      expect(answer.json()).toEqual({});
      expect((await run<Data>(browser, facts)).json()).toEqual({ user: null, data: { count: 7 } });
    });

    it('destroy() resolves, and clears the cookie that the request brought', async () => {
      const { answer } = await late(async session => {
        await session.destroy();
        return 'resolved';
      }, end);
      expect(answer.text).toBe('resolved');
      expect(answer.setCookies).toEqual([expect.stringMatching(/^sid=;.*Max-Age=0/)]);
    });
  });

  it.each(refused)(
    '$what rejects with an error that a handler may catch and answer as it likes',
    async ({ work }) => {
      const { answer } = await late(session =>
        work(session).catch((error: unknown) => (error as { code: string }).code),
      );
      expect(answer.text).toBe('SESSION_ENDED');
      expect(silent(answer)).toEqual({ setCookies: [], status: 200 });
    },
  );

  describe('once the request knows', () => {
    it.each<{ what: string; work: (session: Session<Data>) => Promise<unknown> }>([
      { what: 'save()', work: session => ((session.note = 'late'), session.save()) },
      { what: 'update()', work: session => session.update('count', () => 5) },
      { what: 'take()', work: session => session.take('note') },
      { what: 'touch()', work: session => session.touch() },
      { what: 'regenerate({ keep: true })', work: session => session.regenerate({ keep: true }) },
    ])('$what rejects again, and "ended" is reported once', async ({ work }) => {
      const { answer, events } = await late(async session => {
        expect(await learn(session)).toBe('SESSION_ENDED');
        await work(session);
      });
      expect(silent(answer)).toEqual({ setCookies: [], status: 409 });
      expect(events.filter(({ type }) => type === 'rejected')).toHaveLength(1);
    });

    it('an assignment is dropped, and the request succeeds', async () => {
      const { answer, browser } = await late(async session => {
        await learn(session);
        session.note = 'dropped';
      });
      expect(silent(answer)).toEqual({ setCookies: [], status: 200 });
      expect((await run<Data>(browser, facts)).json()).toEqual(NO_SESSION);
    });

    it('login() starts a new session, and later assignments are saved', async () => {
      const { answer, browser } = await late(async session => {
        await learn(session);
        session.note = 'before the login';
        await session.login('alice');
        session.count = 9;
        await session.update('count', (n = 0) => n + 1);
      });
      expect(answer.status).toBe(200);
      expect(answer.setCookies).toHaveLength(1);
      expect((await run<Data>(browser, facts)).json()).toEqual({ user: 'alice', data: { count: 10 } });
    });

    it('destroy() clears the cookie, and a flash message after it starts a new session', async () => {
      const { answer, browser } = await late(async session => {
        await learn(session);
        await session.destroy();
        session.flash('info', 'bye');
      });
      expect(answer.status).toBe(200);
      expect(answer.setCookies).toHaveLength(1);
      expect((await run<Data>(browser, session => session.flashes('info'))).json()).toEqual(['bye']);
      expect((await run<Data>(browser, facts)).json()).toEqual(NO_SESSION);
    });
  });

  it('the next request with the cookie of the ended session is a visitor’s, and the cookie is not cleared', async () => {
    const browser = app.browser();
    await run(browser, session => session.login('alice'));
    const before = browser.copy();
    await run(browser, session => session.login('alice'));
    const answer = await run<Data>(before, facts);
    expect(answer.json()).toEqual(NO_SESSION);
    expect(answer.setCookies).toEqual([]);
  });

  it('the cookie that an earlier save() of the request renewed is not sent when a later change finds the end', async () => {
    const browser = app.browser();
    await run(browser, session => session.login('alice'));
    const slow = await begin<Data>(browser, async (session, { pause }) => {
      session.note = 'saved in time';
      await session.save();
      await pause();
      session.note = 'late';
    });
    await run(browser.copy(), session => session.destroy());
    expect(silent(await slow.finish())).toEqual({ setCookies: [], status: 200 });
  });

  it('a request that wrote before the end and answers after it has nothing to add', async () => {
    const browser = app.browser();
    await run(browser, session => session.login('alice'));
    const slow = await begin<Data>(browser, async (session, { pause }) => {
      session.note = 'saved in time';
      await session.save();
      await pause();
      return 'fine';
    });
    await run(browser.copy(), session => session.destroy());
    const answer = await slow.finish();
    expect(answer.text).toBe('fine');
    expect((await run<Data>(browser, facts)).json()).toEqual(NO_SESSION);
  });
});
