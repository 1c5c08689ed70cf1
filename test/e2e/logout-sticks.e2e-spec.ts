import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Browser } from '../support/browser.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { begin, facts, run, ScriptController, type Paused, type Script } from '../support/scripts.js';
import { sharedBackends } from '../support/shared-backends.js';
import { startApp, type RunningApp } from '../support/start-app.js';

interface Data {
  note?: string;
  count?: number;
  list?: string[];
}

const RENEWED_COOKIE = { cookie: { maxAge: '30d' } };

const signIn: Script<Data> = async session => {
  session.note = 'from before';
  await session.login('alice');
};
const logOut: Script<Data> = session => session.destroy();

/** A browser of alice, her cookie once more for later, and her session's id. */
async function alice(app: RunningApp) {
  const browser = app.browser();
  const id = (await run<Data>(browser, async session => (await session.login('alice'), session.id))).text;
  await run<Data>(browser, session => void (session.note = 'from before'));
  return { browser, before: browser.copy(), id };
}

/** Nobody is signed in, whichever of her cookies they bring, and nothing of hers is in the store. */
async function expectSignedOut(app: RunningApp, ...browsers: Browser[]): Promise<void> {
  for (const browser of browsers) {
    expect((await run<Data>(browser, facts)).json()).toEqual({ user: null, data: {} });
  }
  expect(await app.sessions.listByUser('alice')).toEqual([]);
}

/** Says nothing about the cookie, neither set nor clear, and answers as it would have answered. */
function expectNoWordAboutTheCookie(answer: Answer, status = 200): void {
  expect(answer.setCookies).toEqual([]);
  expect(answer.status).toBe(status);
}

interface SlowRequest {
  readonly name: string;
  readonly script: Script<Data>;
  /** What it answers when the session was ended while it was under way. */
  readonly lateStatus: number;
}

const pending: readonly SlowRequest[] = [
  { name: 'a reader', lateStatus: 200, script: async (session, { pause }) => (await pause(), session.note) },
  {
    name: 'a reader that has looked before',
    lateStatus: 200,
    script: async (session, { pause }) => {
      const { note } = session;
      await pause();
      return note;
    },
  },
  {
    name: 'a writer',
    lateStatus: 200,
    script: async (session, { pause }) => {
      session.note = 'late';
      await pause();
    },
  },
  {
    name: 'a writer that begins after it',
    lateStatus: 200,
    script: async (session, { pause }) => {
      await pause();
      session.note = 'late';
      session.list = ['late'];
    },
  },
  {
    name: 'one that removes a key',
    lateStatus: 200,
    script: async (session, { pause }) => {
      await pause();
      delete session.note;
    },
  },
  {
    name: 'one that leaves a flash message',
    lateStatus: 200,
    script: async (session, { pause }) => {
      await pause();
      session.flash('info', 'late');
    },
  },
  {
    name: 'one that saves',
    lateStatus: 409,
    script: async (session, { pause }) => {
      session.note = 'late';
      await pause();
      await session.save();
    },
  },
  {
    name: 'an updater',
    lateStatus: 409,
    script: async (session, { pause }) => {
      await pause();
      await session.update('count', (count = 0) => count + 1);
    },
  },
  {
    name: 'an updater whose function is at work meanwhile',
    lateStatus: 409,
    script: (session, { pause }) =>
      session.update('count', async (count = 0) => {
        await pause();
        return count + 1;
      }),
  },
  {
    name: 'one that takes a key',
    lateStatus: 409,
    script: async (session, { pause }) => {
      await pause();
      await session.take('note');
    },
  },
  {
    name: 'one that touches',
    lateStatus: 409,
    script: async (session, { pause }) => {
      await pause();
      await session.touch();
    },
  },
  {
    name: 'a rotator that keeps the data',
    lateStatus: 409,
    script: async (session, { pause }) => {
      await pause();
      await session.regenerate({ keep: true });
    },
  },
];

describeCells('logout sticks', backends, ({ platform, backend }) => {
  describe.each([
    { touch: 'no touch is due', passes: 0 },
    { touch: 'a touch that renews the cookie is due', passes: 120_000 },
  ])('when $touch', ({ passes }) => {
    let app: RunningApp;
    beforeAll(async () => {
      app = await startApp({
        platform,
        backend,
        controllers: [ScriptController],
        session: { ...RENEWED_COOKIE, storeTimeout: 5_000 },
      });
    });
    afterAll(() => app.close());

    it.each(pending)(
      '$name that was under way says nothing of the cookie and revives nothing',
      async ({ script, lateStatus }) => {
        const { browser, before, id } = await alice(app);
        app.clock.advance(passes);
        const slow = await begin(browser, script);
        const logout = await run(browser, logOut);
        expect(logout.setCookies).toHaveLength(1);
        expect(browser.cookies.size).toBe(0);

        expectNoWordAboutTheCookie(await slow.finish(), lateStatus);

        expect(await app.store.load(id)).toBeUndefined();
        await expectSignedOut(app, browser, before);
      },
    );

    it('a request that starts after it has an empty session and no user', async () => {
      const { browser, before } = await alice(app);
      app.clock.advance(passes);
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        await pause();
        await session.regenerate();
        session.count = 1;
      });
      await run(browser, logOut);
      const answer = await slow.finish();
      expect(answer.status).toBe(200);
      expect((await run<Data>(browser, facts)).json()).toEqual({ user: null, data: { count: 1 } });
      expect((await run<Data>(before, facts)).json()).toEqual({ user: null, data: {} });
    });

    it('two logouts at once both succeed, and the session is over', async () => {
      const { browser, before } = await alice(app);
      app.clock.advance(passes);
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        await pause();
        await session.destroy();
      });
      await run(browser, logOut);
      const answer = await slow.finish();
      expect(answer.status).toBe(200);
      expect(answer.setCookies).toHaveLength(1);
      expect(answer.setCookies[0]).toMatch(/^sid=; .*Max-Age=0/);
      await expectSignedOut(app, browser, before);
    });

    // Each side loads, then does what it came for: the six orders of these four steps.
    const orders = ['SSLL', 'SLSL', 'SLLS', 'LSSL', 'LSLS', 'LLSS'];
    it.each(
      orders.flatMap(order =>
        [
          { what: 'reader', work: (session => session.note) as Script<Data> },
          { what: 'writer', work: (session => void (session.note = 'late')) as Script<Data> },
          { what: 'updater', work: (session => session.update('count', (n = 0) => n + 1)) as Script<Data> },
          { what: 'rotator', work: (session => session.regenerate({ keep: true })) as Script<Data> },
        ].map(side => ({ order, ...side })),
      ),
    )('slow $what S and logout L in the order $order: signed out at the end', async ({ order, work }) => {
      const { browser, before, id } = await alice(app);
      app.clock.advance(passes);
      const scripts: Record<string, Script<Data>> = { S: work, L: logOut };
      const under = new Map<string, Paused>();
      const tabs = { S: browser.copy(), L: browser };
      const answers = new Map<string, Answer>();
      const start = (side: 'S' | 'L'): Promise<Paused> =>
        begin<Data>(tabs[side], async (session, http) => {
          await http.pause();
          return scripts[side]!(session, http);
        });
      for (const side of order as Iterable<'S' | 'L'>) {
        const started = under.get(side);
        if (started) answers.set(side, await started.finish());
        else under.set(side, await start(side));
      }
      const isLate = order.endsWith('S');
      const isVisitor = order === 'LLSS'; // what a visitor writes begins a session of its own
      expect(answers.get('L')?.status).toBe(200);
      expect(isLate ? 200 : answers.get('S')?.status).toBe(200);
      expect(isLate && !isVisitor ? answers.get('S')?.setCookies : []).toEqual([]);
      expect(await app.store.load(id)).toBeUndefined();
      await expectSignedOut(app, browser, before);
      const { user, data } = (await run<Data>(tabs.S, facts)).json<{ user: unknown; data: Data }>();
      expect(user).toBeNull();
      expect(data).not.toMatchObject({ note: 'from before' });
    });

    it('a logout with an id that was rotated away in between ends its successor, and the successor of that', async () => {
      const { browser, before } = await alice(app);
      app.clock.advance(passes);
      const logout = await begin<Data>(before, async (session, { pause }) => {
        await pause();
        await session.destroy();
      });
      await run<Data>(browser, session => session.regenerate({ keep: true }));
      const between = browser.copy();
      await run<Data>(browser, session => session.login('alice'));
      expect((await run<Data>(browser, facts)).json()).toMatchObject({ user: 'alice' });
      expect((await logout.finish()).status).toBe(200);
      await expectSignedOut(app, browser, between, before);
    });

    it('a logout that comes after the rotation with the old cookie ends the successor too', async () => {
      const { browser, before } = await alice(app);
      app.clock.advance(passes);
      await run<Data>(browser, signIn);
      const logout = await run(before, logOut);
      expect(logout.setCookies).toHaveLength(1);
      await expectSignedOut(app, browser, before);
    });

    it.each([
      { how: 'by its id', end: (id: string) => app.sessions.revoke(id) },
      { how: 'with all of its user', end: () => app.sessions.revokeByUser('alice') },
    ])('a session that was ended $how ends like that too', async ({ end }) => {
      const { browser, before, id } = await alice(app);
      app.clock.advance(passes);
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        session.note = 'late';
        await pause();
      });
      expect(Number(await end(id))).toBe(1);
      expectNoWordAboutTheCookie(await slow.finish());
      await expectSignedOut(app, browser, before);
    });
  });
});

describeCells('logout sticks across two applications', sharedBackends, ({ platform, backend }) => {
  let here: RunningApp;
  let there: RunningApp;
  beforeAll(async () => {
    const common = {
      platform,
      controllers: [ScriptController],
      session: { ...RENEWED_COOKIE, storeTimeout: 5_000 },
    };
    here = await startApp({ ...common, backend });
    there = await startApp({ ...common, backend: here.place, clock: here.clock });
  });
  afterAll(async () => {
    await there.close();
    await here.close();
  });

  it.each(pending)('$name in one application, logout in the other', async ({ script, lateStatus }) => {
    const { browser, before, id } = await alice(here);
    here.clock.advance(120_000);
    const slow = await begin(browser, script);
    await run(browser.copy(there.url), logOut);
    expectNoWordAboutTheCookie(await slow.finish(), lateStatus);
    expect(await here.store.load(id)).toBeUndefined();
    expect(await there.store.load(id)).toBeUndefined();
    await expectSignedOut(here, browser, before);
    await expectSignedOut(there, browser.copy(there.url), before.copy(there.url));
  });

  it('a rotation in one, a logout with the old cookie in the other: the successor is dead in both', async () => {
    const { browser, before } = await alice(here);
    await run<Data>(browser, session => session.regenerate({ keep: true }));
    await run(before.copy(there.url), logOut);
    await expectSignedOut(here, browser, before);
    await expectSignedOut(there, browser.copy(there.url), before.copy(there.url));
  });
});
