import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  SessionStore,
  type Awaitable,
  type DestroyOptions,
  type SessionEvent,
  type SessionMoments,
  type SessionRecord,
  type SessionUpdate,
  type UpdateResult,
} from '../../lib/index.js';
import { MemorySessionStore } from '../../lib/stores/memory/memory.store.js';
import type { Browser } from '../support/browser.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { HOUR, MINUTE } from '../support/durations.js';
import { platforms } from '../support/platforms.js';
import { run, ScriptController, type Script } from '../support/scripts.js';
import { faultyPlace, sharedBackends, type FaultyPlace } from '../support/shared-backends.js';
import { startApp, type RunningApp } from '../support/start-app.js';

const userOf: Script<object> = session => session.loggedInAs ?? 'nobody';
const idOf: Script<object> = session => session.id;

let users = 0;
/** Somebody whom no other test knows. */
const newUser = (): string => `user ${++users}`;

interface SignedIn {
  readonly browser: Browser;
  readonly id: string;
}

async function signIn(app: RunningApp, user: string): Promise<SignedIn> {
  const browser = app.browser();
  const { text: id } = await run(browser, async session => (await session.login(user), session.id));
  return { browser, id };
}

/** The events of this, without those of earlier tests. */
async function eventsOf(app: RunningApp, work: () => Promise<unknown>): Promise<SessionEvent[]> {
  app.events.length = 0;
  await work();
  return [...app.events];
}

const who = async ({ browser }: SignedIn): Promise<string> => (await run(browser, userOf)).text;

describeCells('Sessions', backends, ({ platform, backend }) => {
  let place: FaultyPlace;
  let app: RunningApp;
  beforeAll(async () => {
    place = await faultyPlace(backend);
    app = await startApp({ platform, backend: place.options, controllers: [ScriptController] });
  });
  afterAll(async () => {
    await app.close();
    await place.dispose();
  });

  describe('get()', () => {
    it('gives the facts of a live session and nothing of its data', async () => {
      const user = newUser();
      const { browser, id } = await signIn(app, user);
      await run(browser, session => void (session.secret = 'data'));
      const info = await app.sessions.get(id);
      expect(info).toEqual({
        id,
        createdAt: expect.any(Date) as Date,
        lastSeenAt: expect.any(Date) as Date,
        expiresAt: expect.any(Date) as Date,
        loggedInAs: user,
        loggedInAt: expect.any(Date) as Date,
      });
      const inHand = await run(browser, ({ createdAt, lastSeenAt, expiresAt, loggedInAt }) => ({
        createdAt,
        lastSeenAt,
        expiresAt,
        loggedInAt,
      }));
      expect(JSON.parse(JSON.stringify(info))).toMatchObject(inHand.json<object>());
    });

    it('of a visitor’s session has no user', async () => {
      const browser = app.browser();
      const { text: id } = await run(browser, async session => {
        session.a = 1;
        await session.save();
        return session.id;
      });
      expect(await app.sessions.get(id)).toMatchObject({ id, loggedInAs: undefined, loggedInAt: undefined });
    });

    it('returns undefined for an id that is unknown, malformed, ended, rotated away or expired', async () => {
      for (const id of ['0'.repeat(64), '', '../../etc/passwd', 'A'.repeat(64)])
        expect(await app.sessions.get(id)).toBeUndefined();
      const { browser, id } = await signIn(app, newUser());
      await run(browser, session => session.regenerate({ keep: true }));
      expect(await app.sessions.get(id)).toBeUndefined();
      const { text: next } = await run(browser, idOf);
      await run(browser, session => session.destroy());
      expect(await app.sessions.get(next)).toBeUndefined();
      const old = await signIn(app, newUser());
      app.clock.advance(2 * HOUR);
      expect(await app.sessions.get(old.id)).toBeUndefined();
    });

    it('does not count as activity', async () => {
      const { id } = await signIn(app, newUser());
      app.clock.advance(2 * MINUTE);
      place.store.takeVerbs();
      const before = await app.sessions.get(id);
      expect(await app.sessions.get(id)).toEqual(before);
      expect(place.store.takeVerbs()).toEqual(['load', 'load']);
    });
  });

  describe('listByUser()', () => {
    it('lists the live sessions of this user, most recently used first', async () => {
      const user = newUser();
      const signedIn: SignedIn[] = [];
      for (let i = 0; i < 3; i++) {
        signedIn.push(await signIn(app, user));
        app.clock.advance(2 * MINUTE);
      }
      await signIn(app, newUser());
      await run(signedIn[0]!.browser, userOf); // used again
      const listed = await app.sessions.listByUser(user);
      expect(listed.map(({ id }) => id)).toEqual([0, 2, 1].map(i => signedIn[i]!.id));
      expect(listed.map(({ loggedInAs }) => loggedInAs)).toEqual([user, user, user]);
    });

    it('costs one command for the index and one for each session', async () => {
      const user = newUser();
      for (let i = 0; i < 3; i++) await signIn(app, user);
      place.store.takeVerbs();
      await app.sessions.listByUser(user);
      expect(place.store.takeVerbs()).toEqual(['index.list', 'load', 'load', 'load']);
    });

    it('is empty for an unknown user, and takes any text of up to 1 024 bytes for a user', async () => {
      expect(await app.sessions.listByUser('nobody ever')).toEqual([]);
      for (const user of ['__proto__', 'a/b/../c', 'ü\u0000\n', '*', 'x'.repeat(1_024)]) {
        const { id } = await signIn(app, user);
        expect((await app.sessions.listByUser(user)).map(session => session.id)).toEqual([id]);
      }
    });

    it('skips sessions that were ended or have expired, and rotated-away ids', async () => {
      const user = newUser();
      const [ended, rotated] = [await signIn(app, user), await signIn(app, user)];
      await run(ended.browser, session => session.destroy());
      await run(rotated.browser, session => session.regenerate({ keep: true }));
      const { text: id } = await run(rotated.browser, idOf);
      expect((await app.sessions.listByUser(user)).map(session => session.id)).toEqual([id]);
      app.clock.advance(2 * HOUR);
      expect(await app.sessions.listByUser(user)).toEqual([]);
    });

    it('does not list a session that now belongs to another user', async () => {
      const [first, second] = [newUser(), newUser()];
      const { browser } = await signIn(app, first);
      await run(browser, session => session.login(second));
      expect(await app.sessions.listByUser(first)).toEqual([]);
      expect(await app.sessions.listByUser(second)).toHaveLength(1);
    });

    it('heals: entries of dead sessions are skipped until their limit has passed, then cleared', async () => {
      const user = newUser();
      for (let i = 0; i < 3; i++) {
        const { browser } = await signIn(app, user);
        await run(browser, session => session.destroy());
      }
      const { index } = place.store.inner;
      expect(await app.sessions.listByUser(user)).toEqual([]);
      app.clock.advance(25 * HOUR);
      await signIn(app, user);
      expect(await index!.list(user, 0)).toHaveLength(1);
      expect(await app.sessions.listByUser(user)).toHaveLength(1);
    });
  });

  describe('revoke()', () => {
    it('ends a session at once, says so, and says no the second time', async () => {
      const user = newUser();
      const [one, other] = [await signIn(app, user), await signIn(app, user)];
      expect(await app.sessions.revoke(one.id)).toBe(true);
      expect(await who(one)).toBe('nobody');
      expect(await who(other)).toBe(user);
      expect(await app.sessions.revoke(one.id)).toBe(false);
      expect(await app.sessions.listByUser(user)).toHaveLength(1);
    });

    it('of another user’s session with "userId" does nothing', async () => {
      const [mine, theirs] = [newUser(), newUser()];
      const session = await signIn(app, theirs);
      expect(await app.sessions.revoke(session.id, { userId: mine })).toBe(false);
      expect(await who(session)).toBe(theirs);
      expect(await app.sessions.revoke(session.id, { userId: theirs })).toBe(true);
      expect(await who(session)).toBe('nobody');
    });

    it('with a "userId" that is undefined, as of a visitor who asks, ends nothing', async () => {
      const user = newUser();
      const session = await signIn(app, user);
      const anonymous = app.browser();
      const { text: cart } = await run(anonymous, async visit => {
        visit.set('a', 1);
        await visit.save();
        return visit.id;
      });
      for (const id of [session.id, cart]) {
        expect(await app.sessions.revoke(id, { userId: undefined })).toBe(false);
      }
      expect(await who(session)).toBe(user);
      expect((await run(anonymous, visit => Object.keys(visit))).json()).toEqual(['a']);
    });

    it('takes anything for an id', async () => {
      for (const id of ['', '0'.repeat(64), '../../x', 'f:*']) {
        expect(await app.sessions.revoke(id)).toBe(false);
        expect(await app.sessions.revoke(id, { userId: 'x' })).toBe(false);
      }
    });

    it('of a visitor’s session works too', async () => {
      const browser = app.browser();
      const { text: id } = await run(browser, async session => {
        session.a = 1;
        await session.save();
        return session.id;
      });
      expect(await app.sessions.revoke(id)).toBe(true);
      expect((await run(browser, session => Object.keys(session))).json()).toEqual([]);
    });
  });

  describe('revokeByUser()', () => {
    it('does not end the session of the next user of the same browser, or of a visitor', async () => {
      const [alice, bob] = [newUser(), newUser()];
      const [one, other] = [await signIn(app, alice), await signIn(app, alice)];
      await run(one.browser, session => session.login(bob));
      await run(other.browser, async session => {
        await session.regenerate();
        session.a = 1;
        await session.save();
      });
      expect(await app.sessions.revokeByUser(alice)).toBe(0);
      expect(await who(one)).toBe(bob);
      expect((await run(other.browser, session => session.a)).text).toBe('1');
    });

    it('ends all sessions of this user and of no other, and returns how many', async () => {
      const [user, somebodyElse] = [newUser(), newUser()];
      const signedIn = [await signIn(app, user), await signIn(app, user), await signIn(app, user)];
      const other = await signIn(app, somebodyElse);
      expect(await app.sessions.revokeByUser(user)).toBe(3);
      expect(await Promise.all(signedIn.map(who))).toEqual(['nobody', 'nobody', 'nobody']);
      expect(await who(other)).toBe(somebodyElse);
      expect(await app.sessions.revokeByUser(user)).toBe(0);
      expect(await app.sessions.listByUser(user)).toEqual([]);
    });

    it('spares one, which stays listed and is ended by the next call', async () => {
      const user = newUser();
      const [spared, ended] = [await signIn(app, user), await signIn(app, user)];
      expect(await app.sessions.revokeByUser(user, { except: spared.id })).toBe(1);
      expect([await who(spared), await who(ended)]).toEqual([user, 'nobody']);
      expect((await app.sessions.listByUser(user)).map(({ id }) => id)).toEqual([spared.id]);
      expect(await app.sessions.revokeByUser(user)).toBe(1);
      expect(await who(spared)).toBe('nobody');
    });

    it.each<{ how: string; rotate: (user: string) => Script<object> }>([
      { how: 'regenerate({ keep: true })', rotate: () => session => session.regenerate({ keep: true }) },
      { how: 'a new login()', rotate: user => session => session.login(user) },
    ])(
      'spares one that has just been rotated by $how: its old id does not lead to it',
      async ({ rotate }) => {
        const user = newUser();
        const [spared, ended] = [await signIn(app, user), await signIn(app, user)];
        for (let i = 0; i < 2; i++) await run(spared.browser, rotate(user));
        const { text: id } = await run(spared.browser, idOf);
        expect(await app.sessions.revokeByUser(user, { except: id })).toBe(1);
        expect([await who(spared), await who(ended)]).toEqual([user, 'nobody']);
        expect((await app.sessions.listByUser(user)).map(session => session.id)).toEqual([id]);
      },
    );

    it('without a session to spare, also ends one that was rotated in between', async () => {
      const user = newUser();
      const session = await signIn(app, user);
      const list = place.store.hold('index.list', { at: 'after' });
      const revoking = app.sessions.revokeByUser(user);
      await list.reached;
      await run(session.browser, ({ regenerate }) => regenerate({ keep: true }));
      list.release();
      expect(await revoking).toBe(1);
      expect(await who(session)).toBe('nobody');
    });

    it('counts what it ended, not the entries of sessions that were dead already', async () => {
      const user = newUser();
      const [dead] = [await signIn(app, user), await signIn(app, user)];
      await run(dead.browser, session => session.destroy());
      expect(await app.sessions.revokeByUser(user)).toBe(1);
    });

    it.each(['destroy', 'index.remove', 'index.list'] as const)(
      'that failed half-way in %s goes on where it stopped when it is called again',
      async verb => {
        const user = newUser();
        const signedIn = [await signIn(app, user), await signIn(app, user), await signIn(app, user)];
        place.store.fail(verb, { times: 1 });
        await expect(app.sessions.revokeByUser(user)).rejects.toMatchObject({
          code: 'SESSION_STORE_UNAVAILABLE',
        });
        await app.sessions.revokeByUser(user);
        expect(await Promise.all(signedIn.map(who))).toEqual(['nobody', 'nobody', 'nobody']);
        expect(await app.sessions.listByUser(user)).toEqual([]);
      },
    );

    it.each([7, undefined, null, { $ne: null }])(
      'and listByUser() refuse a user id that is not text, as login() does: %j',
      async user => {
        const given = user as unknown as string;
        const asked = [app.sessions.revokeByUser(given), app.sessions.listByUser(given)];
        for (const { status, reason } of (await Promise.allSettled<unknown>(
          asked,
        )) as PromiseRejectedResult[]) {
          expect(status).toBe('rejected');
          expect(String(reason)).toMatch(/^TypeError: .*String\(user\.id\)/);
        }
      },
    );

    it('lets the same user sign in again afterwards', async () => {
      const user = newUser();
      await signIn(app, user);
      await app.sessions.revokeByUser(user);
      const again = await signIn(app, user);
      expect(await who(again)).toBe(user);
      expect(await app.sessions.listByUser(user)).toHaveLength(1);
    });
  });

  it('prune() removes what has expired, says how many, and touches nothing else', async () => {
    // Redis does it by itself, and is not asked.
    const prunes = place.store.inner.prune !== undefined;
    app.clock.advance(25 * HOUR);
    await app.sessions.prune(); // those of the other tests
    const expired = [await signIn(app, newUser()), await signIn(app, newUser())];
    app.clock.advance(59 * MINUTE);
    const alive = await signIn(app, newUser());
    app.clock.advance(2 * MINUTE);
    expect(await app.sessions.prune()).toBe(prunes ? 2 : 0);
    for (const { id } of expired) {
      expect((await place.store.inner.load(id)) === undefined).toBe(prunes);
    }
    expect(await who(alive)).not.toBe('nobody');
    expect(await app.sessions.prune()).toBe(0);
  });

  it('ping() resolves', async () => {
    await expect(app.sessions.ping()).resolves.toBeUndefined();
  });

  describe('events$', () => {
    it('created: for a first value without, for a login with the user', async () => {
      const browser = app.browser();
      const first = await eventsOf(app, () => run(browser, session => void (session.a = 1)));
      const { text: id } = await run(browser, idOf);
      expect(first).toEqual([{ type: 'created', id }]);
      const user = newUser();
      let signedIn!: SignedIn;
      const login = await eventsOf(app, async () => (signedIn = await signIn(app, user)));
      expect(login).toEqual([{ type: 'created', id: signedIn.id, user }]);
    });

    it('rotated: for a login out of a session and for regenerate, with both ids', async () => {
      const browser = app.browser();
      const user = newUser();
      await run(browser, session => void (session.a = 1));
      const { text: first } = await run(browser, idOf);
      const login = await eventsOf(app, () => run(browser, session => session.login(user)));
      const { text: second } = await run(browser, idOf);
      expect(login).toEqual([{ type: 'rotated', id: second, previousId: first, user }]);
      const kept = await eventsOf(app, () => run(browser, session => session.regenerate({ keep: true })));
      const { text: third } = await run(browser, idOf);
      expect(kept).toEqual([{ type: 'rotated', id: third, previousId: second, user }]);
    });

    it('destroyed: with its reason, and with the user', async () => {
      const user = newUser();
      const [out, revoked] = [await signIn(app, user), await signIn(app, user)];
      expect(await eventsOf(app, () => run(out.browser, session => session.destroy()))).toEqual([
        { type: 'destroyed', id: out.id, reason: 'logout', user },
      ]);
      expect(await eventsOf(app, () => app.sessions.revoke(revoked.id))).toEqual([
        { type: 'destroyed', id: revoked.id, reason: 'revoked', user },
      ]);
      const [one, other] = [await signIn(app, user), await signIn(app, user)];
      const both = `${one.browser.cookie}; ${other.browser.cookie}`;
      const replaced = await eventsOf(app, () =>
        run(app.browser(), session => session.login(user), { cookie: both }),
      );
      expect(
        replaced.filter(({ type }) => type === 'destroyed').map(event => 'id' in event && event.id),
      ).toEqual(expect.arrayContaining([one.id, other.id]) as unknown[]);
      expect(replaced).toContainEqual({ type: 'destroyed', id: one.id, reason: 'replaced', user });
    });

    it('expired: with the limit that it reached', async () => {
      const { browser, id } = await signIn(app, newUser());
      app.clock.advance(2 * HOUR);
      expect(await eventsOf(app, () => run(browser, userOf))).toEqual([
        { type: 'expired', id, reason: 'idle' },
      ]);
    });

    it('rejected: for an unknown token, with the id that it would have', async () => {
      const { browser, id } = await signIn(app, newUser());
      const before = browser.copy();
      await run(browser, session => session.destroy());
      expect(await eventsOf(app, () => run(before, userOf))).toEqual([
        { type: 'rejected', reason: 'unknown', id },
      ]);
    });

    it.each<{ how: string; listener: (event: SessionEvent) => unknown }>([
      {
        how: 'throws',
        listener: () => {
          throw new Error('the audit log is full');
        },
      },
      { how: 'rejects', listener: () => Promise.reject(new Error('the audit log is full')) },
    ])('a listener that $how is logged: the request and the other listeners go on', async ({ listener }) => {
      const uncaught: unknown[] = [];
      const note = (error: unknown): void => void uncaught.push(error);
      process.on('uncaughtException', note).on('unhandledRejection', note);
      const failing = app.sessions.events$.subscribe(listener);
      const later: SessionEvent[] = [];
      const other = app.sessions.events$.subscribe(event => later.push(event));
      app.logs.length = 0;
      const user = newUser();
      const { browser, id } = await signIn(app, user);
      await run(browser, session => session.destroy());
      await setImmediate();
      for (const subscription of [failing, other]) subscription.unsubscribe();
      process.off('uncaughtException', note).off('unhandledRejection', note);
      expect(later).toEqual([
        { type: 'created', id, user },
        { type: 'destroyed', id, reason: 'logout', user },
      ]);
      expect(app.logs).toEqual(
        Array.from(
          { length: 2 },
          () => expect.stringMatching(/^error: .*events\$.*the audit log is full/) as string,
        ),
      );
      expect(uncaught).toEqual([]);
    });

    it('never carry a token', async () => {
      const tokens: string[] = [];
      const events = await eventsOf(app, async () => {
        const { browser } = await signIn(app, newUser());
        for (const script of [
          (session => session.login(newUser())) as Script<object>,
          (session => session.regenerate({ keep: true })) as Script<object>,
          (session => session.regenerate()) as Script<object>,
          (session => session.flash('x', 'y')) as Script<object>,
        ]) {
          tokens.push(...browser.cookies.values());
          await run(browser, script);
        }
        tokens.push(...browser.cookies.values());
        await run(browser.copy(), session => session.destroy());
        await run(browser, userOf);
      });
      expect(new Set(tokens).size).toBeGreaterThan(3);
      const told = JSON.stringify([events, app.logs]);
      expect(tokens.filter(token => told.includes(token))).toEqual([]);
      expect(events.map(({ type }) => type)).toEqual(
        expect.arrayContaining(['created', 'rotated', 'destroyed', 'rejected']) as string[],
      );
    });
  });
});

describeCells('Sessions across two applications', sharedBackends, ({ platform, backend }) => {
  let here: RunningApp;
  let there: RunningApp;
  beforeAll(async () => {
    const common = { platform, controllers: [ScriptController] };
    here = await startApp({ ...common, backend });
    there = await startApp({ ...common, backend: here.place, clock: here.clock });
  });
  afterAll(async () => {
    await there.close();
    await here.close();
  });

  it('a session that one lists is the other’s, and dead in both once it is revoked', async () => {
    const user = newUser();
    const session = await signIn(here, user);
    expect((await there.sessions.listByUser(user)).map(({ id }) => id)).toEqual([session.id]);
    expect((await run(session.browser.copy(there.url), userOf)).text).toBe(user);
    expect(await there.sessions.revoke(session.id, { userId: user })).toBe(true);
    expect(await who(session)).toBe('nobody');
    expect((await run(session.browser.copy(there.url), userOf)).text).toBe('nobody');
  });

  it('all sessions of a user, wherever they began, end together', async () => {
    const user = newUser();
    const signedIn = [await signIn(here, user), await signIn(there, user), await signIn(here, user)];
    expect(await here.sessions.revokeByUser(user, { except: signedIn[2]!.id })).toBe(2);
    expect(await Promise.all(signedIn.map(who))).toEqual(['nobody', 'nobody', user]);
    expect(await there.sessions.listByUser(user)).toHaveLength(1);
  });
});

/** The five verbs, and nothing besides. */
class PlainStore extends SessionStore {
  readonly #inner = new MemorySessionStore();
  load(id: string): SessionRecord | undefined {
    return this.#inner.load(id);
  }
  create(id: string, record: SessionRecord): Awaitable<boolean> {
    return this.#inner.create(id, record);
  }
  update(id: string, update: SessionUpdate, now: number): Awaitable<UpdateResult> {
    return this.#inner.update(id, update, now);
  }
  touch(id: string, moments: SessionMoments, now: number): Awaitable<boolean> {
    return this.#inner.touch(id, moments, now);
  }
  destroy(id: string, now: number, options?: DestroyOptions): Awaitable<SessionRecord | undefined> {
    return this.#inner.destroy(id, now, options);
  }
}

describe.each(platforms)('Sessions over a store with the five verbs only, on $name', platform => {
  it('a sign-in and a revoke work; listing names the missing ability; prune() removes nothing and ping() calls load()', async () => {
    const app = await startApp({
      platform,
      backend: { store: new PlainStore() },
      controllers: [ScriptController],
    });
    try {
      const session = await signIn(app, 'alice');
      expect(await who(session)).toBe('alice');
      await expect(app.sessions.listByUser('alice')).rejects.toThrow(/no index/);
      await expect(app.sessions.revokeByUser('alice')).rejects.toThrow(/no index/);
      expect(await app.sessions.prune()).toBe(0);
      await expect(app.sessions.ping()).resolves.toBeUndefined();
      expect(await app.sessions.revoke(session.id)).toBe(true);
      expect(await who(session)).toBe('nobody');
    } finally {
      await app.close();
    }
  });
});
