import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../lib/index.js';
import type { Browser } from '../support/browser.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { faultyPlace, type FaultyPlace } from '../support/shared-backends.js';
import { startApp, type RunningApp } from '../support/start-app.js';
import { meetingOf } from '../support/deferred.js';
import { MINUTE } from '../support/durations.js';
import { begin, facts, run, ScriptController, visitor, type Script } from '../support/scripts.js';

interface Data {
  cart?: string[];
  note?: string;
  count?: number;
  other?: string;
}

interface Facts {
  readonly user: string | null;
  readonly data: Data;
}

const times: Script<Data> = ({ createdAt, loggedInAt }) => [
  createdAt?.getTime(),
  loggedInAt?.getTime() ?? null,
];

const factsOf = async (browser: Browser): Promise<Facts> => (await run<Data>(browser, facts)).json();
const isSuccessor = ({ args }: { args: readonly unknown[] }): boolean =>
  (args[2] as { successor?: string } | undefined)?.successor !== undefined;

describeCells('rotation', backends, ({ platform, backend }) => {
  let place: FaultyPlace;
  let app: RunningApp;
  beforeAll(async () => {
    place = await faultyPlace(backend);
    app = await startApp({
      platform,
      backend: place.options,
      controllers: [ScriptController],
      session: { storeTimeout: 10_000 },
    });
  });
  afterAll(async () => {
    await app.close();
    await place.dispose();
  });

  /** Of the records that were created since `calls` was emptied, those that are there. */
  async function leftOfCreated(): Promise<string[]> {
    const ids = place.store.calls.filter(({ verb }) => verb === 'create').map(({ args }) => String(args[0]));
    const found = await Promise.all(ids.map(id => place.store.inner.load(id)));
    return ids.filter((_, i) => found[i] !== undefined && found[i] !== 'broken');
  }

  const rotations: {
    name: string;
    rotate: (session: Session<Data>) => Promise<void>;
    user: string | null;
  }[] = [
    { name: 'login()', rotate: session => session.login('alice'), user: 'alice' },
    { name: 'regenerate({ keep: true })', rotate: session => session.regenerate({ keep: true }), user: null },
  ];

  describe.each(rotations)('$name', ({ rotate, user }) => {
    it('gives a new id and the cookie for it in the same answer, and keeps the data', async () => {
      const browser = await visitor(app, { cart: ['a'] });
      const old = browser.cookie;
      const answer = await run<Data>(browser, async session => {
        const before = session.id;
        await rotate(session);
        return { isOther: before !== session.id, data: { ...session } };
      });
      expect(answer.json()).toEqual({ isOther: true, data: { cart: ['a'] } });
      expect(answer.setCookies).toHaveLength(1);
      expect(browser.cookie).not.toBe(old);
      expect(await factsOf(browser)).toEqual({ user, data: { cart: ['a'] } });
    });

    it('leaves nothing under the old id, at once', async () => {
      const browser = await visitor(app, { cart: ['a'] });
      const before = browser.copy();
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        await rotate(session);
        await pause();
      });
      expect(await factsOf(before)).toEqual({ user: null, data: {} });
      await slow.finish();
      expect(await factsOf(before)).toEqual({ user: null, data: {} });
    });

    it('keeps what the request changed before it and changes after it', async () => {
      const browser = await visitor(app, { cart: ['a'], note: 'x', other: 'y' });
      const answer = await run<Data>(browser, async session => {
        session.note = 'before';
        session.cart!.push('b');
        delete session.other;
        await rotate(session);
        session.count = 1;
        session.cart!.push('c');
      });
      expect(answer.setCookies).toHaveLength(1);
      expect((await factsOf(browser)).data).toEqual({ cart: ['a', 'b', 'c'], note: 'before', count: 1 });
    });

    it('keeps the objects that the handler holds: what it edits in them later is saved', async () => {
      const browser = await visitor(app, { cart: ['a'] });
      await run<Data>(browser, async session => {
        const { cart } = session;
        await rotate(session);
        cart!.push('b');
      });
      expect((await factsOf(browser)).data).toEqual({ cart: ['a', 'b'] });
    });

    it('of a session that was never saved, only the new id exists', async () => {
      const browser = app.browser();
      place.store.takeVerbs();
      const answer = await run<Data>(browser, async session => {
        session.note = 'new';
        await rotate(session);
      });
      expect(answer.setCookies).toHaveLength(1);
      expect(await leftOfCreated()).toHaveLength(1);
      expect(await factsOf(browser)).toEqual({ user, data: { note: 'new' } });
    });

    it('twice in one request leaves the last id only, and one cookie', async () => {
      const browser = await visitor(app, { note: 'x' });
      place.store.takeVerbs();
      const answer = await run<Data>(browser, async session => {
        await rotate(session);
        await rotate(session);
      });
      expect(answer.setCookies).toHaveLength(1);
      expect(await leftOfCreated()).toHaveLength(1);
      expect(await factsOf(browser)).toEqual({ user, data: { note: 'x' } });
    });

    it('twice at once on one object works one after the other', async () => {
      const browser = await visitor(app, { note: 'x' });
      place.store.takeVerbs();
      const answer = await run<Data>(browser, session => Promise.all([rotate(session), rotate(session)]));
      expect(answer.setCookies).toHaveLength(1);
      expect(await leftOfCreated()).toHaveLength(1);
      expect(await factsOf(browser)).toEqual({ user, data: { note: 'x' } });
    });

    it('takes along what others set, changed and removed since this request loaded the session', async () => {
      const browser = await visitor(app, { cart: ['a'], note: 'x', other: 'y' });
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        const before = { ...session };
        await pause();
        await rotate(session);
        return { before, after: { ...session } };
      });
      await run<Data>(browser, session => {
        session.cart!.push('b');
        session.count = 5;
        delete session.other;
      });
      const after = { cart: ['a', 'b'], note: 'x', count: 5 };
      expect((await slow.finish()).json()).toEqual({
        before: { cart: ['a'], note: 'x', other: 'y' },
        after,
      });
      expect(await factsOf(browser)).toEqual({ user, data: after });
    });

    it('takes along what others write while it is under way, between the new record and the end of the old', async () => {
      const browser = await visitor(app, { cart: ['a'], note: 'x' });
      const hold = place.store.hold('destroy', { when: isSuccessor });
      const rotating = run<Data>(browser.copy(), async session => {
        await rotate(session);
        return { cart: session.cart, id: session.id };
      });
      await hold.reached;
      await run<Data>(browser, session => session.update('cart', (cart = []) => [...cart, 'in between']));
      hold.release();
      const { cart, id } = (await rotating).json<{ cart: string[]; id: string }>();
      expect(cart).toEqual(['a', 'in between']);
      expect((await place.store.inner.load(id)) as object).toMatchObject({
        data: { 'd:cart': '["a","in between"]', 'd:note': '"x"' },
      });
    });

    it('its own change of a key wins over what others wrote to it', async () => {
      const browser = await visitor(app, { note: 'x', other: 'y', count: 1 });
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        session.note = 'mine';
        delete session.other;
        await pause();
        await rotate(session);
      });
      await run<Data>(
        browser,
        session => void Object.assign(session, { note: 'theirs', other: 'theirs', count: 2 }),
      );
      await slow.finish();
      expect(await factsOf(browser)).toEqual({ user, data: { note: 'mine', count: 2 } });
    });

    it('asks for another id when the first is taken', async () => {
      const browser = await visitor(app, { note: 'x' });
      place.store.takeVerbs();
      place.store.intercept('create', () => false, { times: 1 });
      await run<Data>(browser, session => rotate(session));
      const created = place.store.calls.filter(({ verb }) => verb === 'create').map(({ args }) => args[0]);
      expect(new Set(created).size).toBe(2);
      expect(await factsOf(browser)).toEqual({ user, data: { note: 'x' } });
    });

    it('that finds no room for the new record changes nothing: 503, no cookie', async () => {
      const browser = await visitor(app, { note: 'x' });
      const mend = place.store.fail('create');
      const answer = await run<Data>(browser, session => rotate(session));
      mend();
      expect(answer.status).toBe(503);
      expect(answer.setCookies).toEqual([]);
      expect(await factsOf(browser)).toEqual({ user: null, data: { note: 'x' } });
    });

    it('that fails before the old record is ended loses no data: 503, no cookie', async () => {
      const browser = await visitor(app, { note: 'x' });
      const mend = place.store.fail('destroy');
      const answer = await run<Data>(browser, session => rotate(session));
      mend();
      expect(answer.status).toBe(503);
      expect(answer.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
      expect(answer.setCookies).toEqual([]);
      expect(await factsOf(browser)).toEqual({ user: null, data: { note: 'x' } });
      expect((await run<Data>(browser, session => rotate(session))).status).toBe(200);
      expect(await factsOf(browser)).toEqual({ user, data: { note: 'x' } });
    });

    it('whose end of the old record is not confirmed gives 503 and no cookie; the old session may be gone', async () => {
      const browser = await visitor(app, { note: 'x' });
      place.store.loseReply('destroy', { times: 1 });
      const answer = await run<Data>(browser, session => rotate(session));
      expect(answer.status).toBe(503);
      expect(answer.setCookies).toEqual([]);
      expect(await factsOf(browser)).toEqual({ user: null, data: {} });
    });

    it('that cannot carry over gives 503 and no cookie', async () => {
      const browser = await visitor(app, { note: 'x' });
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        await pause();
        await rotate(session);
      });
      await run<Data>(browser, session => void (session.count = 1));
      const mend = place.store.fail('update');
      const answer = await slow.finish();
      mend();
      expect(answer.status).toBe(503);
      expect(answer.setCookies).toEqual([]);
    });
  });

  describe('two at once', () => {
    it('a regenerate({ keep }) that loses against a logout in the middle of it leaves no one signed in', async () => {
      const browser = await visitor(app, { note: 'x' }, 'nobody else');
      const hold = place.store.hold('destroy', { when: isSuccessor });
      const rotating = run<Data>(browser.copy(), async session => {
        await session.regenerate({ keep: true });
      });
      await hold.reached;
      await run<Data>(browser.copy(), session => session.destroy());
      hold.release();
      const answer = await rotating;
      expect(answer.status).toBe(409);
      expect(answer.setCookies).toEqual([]);
      expect(await factsOf(browser)).toEqual({ user: null, data: {} });
      expect(await app.sessions.listByUser('nobody else')).toEqual([]);
    });

    it('a rotation whose successor is ended before the carry-over leaves no one signed in', async () => {
      const browser = await visitor(app, { note: 'x' }, 'nobody else');
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        await pause();
        await session.regenerate({ keep: true });
      });
      await run<Data>(browser, session => void (session.count = 1));
      const before = browser.copy();
      const hold = place.store.hold('update');
      const rotating = slow.finish();
      await hold.reached;
      await run<Data>(before, session => session.destroy());
      hold.release();
      await rotating;
      expect(await factsOf(browser)).toEqual({ user: null, data: {} });
      expect(await app.sessions.listByUser('nobody else')).toEqual([]);
    });

    it('of two regenerate({ keep }) one wins, the other rejects with 409, and no record is left over', async () => {
      const browser = await visitor(app, { note: 'x' });
      place.store.takeVerbs();
      const both = meetingOf(2);
      const tabs = [browser.copy(), browser.copy()];
      const answers = await Promise.all(
        tabs.map(tab =>
          run<Data>(tab, async session => {
            await both();
            await session.regenerate({ keep: true });
          }),
        ),
      );
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
      expect(answers.flatMap(({ setCookies }) => setCookies)).toHaveLength(1);
      const winner = tabs[answers.findIndex(({ status }) => status === 200)]!;
      expect(await factsOf(winner)).toEqual({ user: null, data: { note: 'x' } });
      expect(await factsOf(browser)).toEqual({ user: null, data: {} });
      expect(await leftOfCreated()).toHaveLength(1);
    });

    it('of 50 pairs of logins as two users none ever share a session, and the data goes to one', async () => {
      for (let pair = 0; pair < 50; pair++) {
        const browser = await visitor(app, { note: 'pre-session' });
        const both = meetingOf(2);
        const tabs = ['alice', 'bob'].map(user => ({ user, tab: browser.copy() }));
        const answers = await Promise.all(
          tabs.map(({ user, tab }) =>
            run<Data>(tab, async session => {
              await both();
              await session.login(user);
              return session.id;
            }),
          ),
        );
        expect(answers.map(({ status }) => status)).toEqual([200, 200]);
        expect(new Set(answers.map(({ text }) => text)).size).toBe(2);
        expect(new Set(tabs.map(({ tab }) => tab.cookie)).size).toBe(2);
        const states = await Promise.all(tabs.map(({ tab }) => factsOf(tab)));
        expect(states.map(({ user }) => user)).toEqual(['alice', 'bob']);
        expect(states.map(({ data }) => data.note).filter(note => note !== undefined)).toEqual([
          'pre-session',
        ]);
        expect(await factsOf(browser)).toEqual({ user: null, data: {} });
      }
    });

    it('a login that lost keeps what it assigns afterwards, and nothing that came before', async () => {
      const browser = await visitor(app, { note: 'pre-session' });
      const loser = browser.copy();
      const slow = await begin<Data>(loser, async (session, { pause }) => {
        session.other = 'unsaved';
        await pause();
        await session.login('bob');
        const now = { ...session };
        session.count = 1;
        return now;
      });
      await run<Data>(browser, session => session.login('alice'));
      expect((await slow.finish()).json()).toEqual({});
      expect(await factsOf(loser)).toEqual({ user: 'bob', data: { count: 1 } });
      expect(await factsOf(browser)).toEqual({ user: 'alice', data: { note: 'pre-session' } });
    });

    it('an update of the old id after the rotation finds it ended', async () => {
      const browser = await visitor(app, { count: 1 });
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        await pause();
        await session.update('count', (n = 0) => n + 1);
      });
      await run<Data>(browser, session => session.regenerate({ keep: true }));
      expect((await slow.finish()).status).toBe(409);
      expect(await factsOf(browser)).toEqual({ user: null, data: { count: 1 } });
    });
  });

  describe('login()', () => {
    const all: Data = { cart: ['a'], note: 'n', other: 'o' };

    it.each([
      { keep: true, data: all },
      { keep: ['cart', 'note'], data: { cart: ['a'], note: 'n' } },
      { keep: ['no such key'], data: {} },
      { keep: [], data: {} },
      { keep: false, data: {} },
    ])('with keep $keep carries over just that', async ({ keep, data }) => {
      const browser = await visitor(app, all);
      const seen = await run<Data>(browser, async session => {
        await session.login('alice', { keep });
        return { ...session };
      });
      expect(seen.json()).toEqual(data);
      expect(await factsOf(browser)).toEqual({ user: 'alice', data });
    });

    it('keeps only its own list of keys of what other requests wrote in between', async () => {
      const browser = await visitor(app, { note: 'n' });
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        await pause();
        await session.login('alice', { keep: ['cart'] });
      });
      await run<Data>(browser, session => void Object.assign(session, { cart: ['new'], other: 'new' }));
      await slow.finish();
      expect(await factsOf(browser)).toEqual({ user: 'alice', data: { cart: ['new'] } });
    });

    it.each([{ keep: undefined }, { keep: true }, { keep: ['note'] }])(
      'as another user with keep $keep starts from an empty session',
      async options => {
        const browser = await visitor(app, { note: 'of alice', cart: ['hers'] }, 'alice');
        const before = browser.copy();
        const answer = await run<Data>(browser, async session => {
          session.other = 'hers, unsaved';
          await session.login('bob', options.keep === undefined ? {} : { keep: options.keep });
          const seen = { ...session };
          session.count = 1;
          return seen;
        });
        expect(answer.json()).toEqual({});
        expect(await factsOf(browser)).toEqual({ user: 'bob', data: { count: 1 } });
        expect(await factsOf(before)).toEqual({ user: null, data: {} });
      },
    );

    it('as another user does not carry over what another request wrote for the first user in between', async () => {
      const browser = await visitor(app, { note: 'of alice' }, 'alice');
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        await pause();
        await session.login('bob');
      });
      await run<Data>(browser, session => void (session.other = 'of alice, late'));
      await slow.finish();
      expect(await factsOf(browser)).toEqual({ user: 'bob', data: {} });
    });

    it('as the same user again keeps the data and rotates', async () => {
      const browser = await visitor(app, { note: 'n' }, 'alice');
      const before = browser.copy();
      await run<Data>(browser, session => session.login('alice'));
      expect(await factsOf(browser)).toEqual({ user: 'alice', data: { note: 'n' } });
      expect(await factsOf(before)).toEqual({ user: null, data: {} });
    });

    it('keeps createdAt, sets loggedInAt, and starts the absolute limit again', async () => {
      const browser = await visitor(app, { note: 'n' });
      const [createdAt, never] = (await run<Data>(browser, times)).json<(number | null)[]>();
      expect(never).toBeNull();
      app.clock.advance(30 * MINUTE);
      const from = app.clock.now();
      await run<Data>(browser, session => session.login('alice'));
      const [stillCreatedAt, loggedInAt] = (await run<Data>(browser, times)).json<number[]>();
      expect(stillCreatedAt).toBe(createdAt);
      expect(loggedInAt).toBeGreaterThanOrEqual(from);
      expect(loggedInAt).toBeLessThanOrEqual(app.clock.now());
    });

    it.each(['', 5, undefined, null, {}])('refuses %j as a user id, and changes nothing', async userId => {
      const browser = await visitor(app, { note: 'n' });
      const answer = await run<Data>(browser, session => session.login(userId as string));
      expect(answer.status).toBe(500);
      expect(answer.setCookies).toEqual([]);
      expect(await factsOf(browser)).toEqual({ user: null, data: { note: 'n' } });
    });

    it('is listed under the new id and not under the old', async () => {
      const browser = await visitor(app, { note: 'n' }, 'listed');
      await run<Data>(browser, session => session.login('listed'));
      await run<Data>(browser, session => session.regenerate({ keep: true }));
      const { text } = await run<Data>(browser, session => session.id);
      expect((await app.sessions.listByUser('listed')).map(({ id }) => id)).toEqual([text]);
    });
  });

  describe('regenerate()', () => {
    it('empties and unbinds', async () => {
      const browser = await visitor(app, { note: 'n', cart: ['a'] }, 'alice');
      const before = browser.copy();
      const answer = await run<Data>(browser, async session => {
        session.other = 'unsaved';
        await session.regenerate();
        return { user: session.loggedInAs ?? null, data: { ...session } };
      });
      expect(answer.json()).toEqual({ user: null, data: {} });
      expect(answer.setCookies).toHaveLength(1);
      expect(await factsOf(browser)).toEqual({ user: null, data: {} });
      expect(await factsOf(before)).toEqual({ user: null, data: {} });
    });

    it('with keys to keep carries over those, and the binding, creation and limits stay', async () => {
      const browser = await visitor(app, { note: 'n', cart: ['a'] }, 'alice');
      const before = (await run<Data>(browser, times)).json();
      app.clock.advance(5 * MINUTE);
      await run<Data>(browser, session => session.regenerate({ keep: ['cart'] }));
      expect(await factsOf(browser)).toEqual({ user: 'alice', data: { cart: ['a'] } });
      expect((await run<Data>(browser, times)).json()).toEqual(before);
    });

    it('of a visitor creates nothing', async () => {
      const browser = app.browser();
      place.store.takeVerbs();
      for (const options of [{}, { keep: true }, { keep: ['note'] }]) {
        const answer = await run<Data>(browser, session => session.regenerate(options));
        expect(answer.status).toBe(200);
        expect(answer.setCookies).toEqual([]);
      }
      expect(place.store.takeVerbs()).toEqual([]);
    });

    it('and destroy(), then a new value: a new id, one cookie, nothing of the old', async () => {
      const browser = await visitor(app, { note: 'n' }, 'alice');
      const before = browser.copy();
      const answer = await run<Data>(browser, async session => {
        await session.regenerate({ keep: true });
        await session.destroy();
        session.count = 1;
      });
      expect(answer.setCookies).toHaveLength(1);
      expect(await factsOf(browser)).toEqual({ user: null, data: { count: 1 } });
      expect(await factsOf(before)).toEqual({ user: null, data: {} });
    });
  });

  it('the mark of a rotated-away id is never a session, and expires', async () => {
    const browser = await visitor(app, { note: 'n' }, 'alice');
    const before = browser.copy();
    await run<Data>(browser, session => session.regenerate({ keep: true }));
    expect(await factsOf(before)).toEqual({ user: null, data: {} });
    app.clock.advance(2 * MINUTE);
    await run<Data>(before, session => session.destroy());
    expect((await factsOf(browser)).user).toBe('alice');
  });
});
