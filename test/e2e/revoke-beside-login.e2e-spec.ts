import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { UNUSED_ID, type DestroyOptions } from '../../lib/store/session-store.js';
import type { Browser } from '../support/browser.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import type { StoreVerb } from '../../lib/testing/index.js';
import type { FaultyStore } from '../../lib/testing/index.js';
import { run, ScriptController } from '../support/scripts.js';
import { faultyPlace, type FaultyPlace } from '../support/shared-backends.js';
import { startApp, type RunningApp } from '../support/start-app.js';

let users = 0;
const newUser = (): string => `user ${++users}`;

const logIn = (browser: Browser, user: string) =>
  run(browser, async session => {
    await session.login(user);
    return session.id;
  });

const userOf = async (browser: Browser): Promise<string> =>
  (await run(browser, session => session.loggedInAs ?? 'nobody')).text;

/** Numbers that look random and are the same each time. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ORDERED: readonly StoreVerb[] = [
  'create',
  'destroy',
  'update',
  'index.add',
  'index.confirm',
  'index.remove',
  'index.list',
];

/** A call, where that of a rotation is told from one that ends a session for good. */
type Step = StoreVerb | 'rotate';

/** Whether a destroy is that of a rotation. That of a revoke leaves a mark that leads to no session. */
const isRotation = ({ successor = UNUSED_ID }: DestroyOptions = {}): boolean => successor !== UNUSED_ID;

/**
 * Starts these, and lets their calls to the store happen one by one, in an order that the seed decides, once each of them
 * has asked for something. Gives back the order.
 */
async function inOrderOf(
  seed: number,
  store: FaultyStore,
  starts: readonly (() => Promise<unknown>)[],
): Promise<Step[]> {
  const random = numbersFrom(seed);
  const waiting: (() => void)[] = [];
  const order: Step[] = [];
  let underWay: unknown;
  const inTurn = (step: Step) => async (apply: () => unknown) => {
    await new Promise<void>(resolve => waiting.push(resolve));
    order.push(step);
    return (underWay = apply());
  };
  store.intercept('destroy', inTurn('rotate'), { when: ({ args }) => isRotation(args[2] as DestroyOptions) });
  for (const verb of ORDERED) store.intercept(verb, inTurn(verb));
  const progress = { left: starts.length };
  const work = starts.map(async start => {
    try {
      await start();
    } finally {
      progress.left--;
    }
  });
  await vi.waitFor(() => expect(waiting).toHaveLength(starts.length), { interval: 1 });
  while (progress.left > 0) {
    waiting.splice(Math.floor(random() * waiting.length), 1)[0]?.();
    await Promise.resolve(); // it is under way
    await underWay;
    // Whoever can go on without a call does so first.
    for (let i = 0; i < 8; i++) await new Promise(resolve => setImmediate(resolve));
  }
  await Promise.all(work);
  store.restore();
  return order;
}

describeCells('revokeByUser() at the same time as a login', backends, cell => {
  let place: FaultyPlace;
  let app: RunningApp;
  beforeAll(async () => {
    place = await faultyPlace(cell.backend);
    app = await startApp({
      platform: cell.platform,
      backend: place.options,
      controllers: [ScriptController],
      session: { storeTimeout: 10_000 },
    });
  });
  afterEach(() => place.store.restore());
  afterAll(async () => {
    await app.close();
    await place.dispose();
  });

  /** A login that has come to this point, then all that is to happen meanwhile, then the rest of the login. */
  async function loginHeldAt(
    verb: StoreVerb,
    at: 'before' | 'after',
    meanwhile: (user: string) => Promise<unknown>,
  ) {
    const user = newUser();
    const browser = app.browser();
    const hold = place.store.hold(verb, { at, times: 1 });
    const login = logIn(browser, user);
    await hold.reached;
    await meanwhile(user);
    hold.release();
    const answer = await login;
    return { user, browser, answer };
  }

  it.each([
    { verb: 'index.add', at: 'after' },
    { verb: 'create', at: 'before' },
    { verb: 'create', at: 'after' },
    { verb: 'index.confirm', at: 'before' },
  ] as const)(
    'that comes $at $verb ends it: the login rejects, no cookie is set, and no one is signed in',
    async ({ verb, at }) => {
      const { user, browser, answer } = await loginHeldAt(verb, at, name => app.sessions.revokeByUser(name));
      expect(answer.status).toBe(409);
      expect(answer.setCookies).toEqual([]);
      expect(await userOf(browser)).toBe('nobody');
      expect(await app.sessions.listByUser(user)).toEqual([]);
    },
  );

  it('that comes after the confirmation ends it: the cookie names no session', async () => {
    const { user, browser, answer } = await loginHeldAt('index.confirm', 'after', name =>
      app.sessions.revokeByUser(name),
    );
    expect(answer.status).toBe(200);
    expect(await userOf(browser)).toBe('nobody');
    expect(await app.sessions.listByUser(user)).toEqual([]);
  });

  it('that came before it was noted down leaves it alive and listed', async () => {
    const { user, browser, answer } = await loginHeldAt('index.add', 'before', name =>
      app.sessions.revokeByUser(name),
    );
    expect(answer.status).toBe(200);
    expect(await userOf(browser)).toBe(user);
    expect((await app.sessions.listByUser(user)).map(({ id }) => id)).toEqual([answer.text]);
  });

  it('that lists the entry before the record is there, and removes it after the confirmation, still ends it', async () => {
    const user = newUser();
    const browser = app.browser();
    const create = place.store.hold('create', { times: 1 });
    const login = logIn(browser, user);
    await create.reached;
    const remove = place.store.hold('index.remove', { times: 1 });
    const revoke = app.sessions.revokeByUser(user);
    await remove.reached;
    create.release();
    expect((await login).status).toBe(200);
    remove.release();
    expect(await revoke).toBe(1);
    expect(await userOf(browser)).toBe('nobody');
    expect(await app.sessions.listByUser(user)).toEqual([]);
  });

  it('listing during a login is never an error, and skips an entry that has no record yet', async () => {
    let listed: unknown;
    const { user } = await loginHeldAt('create', 'before', async name => {
      listed = await app.sessions.listByUser(name);
    });
    expect(listed).toEqual([]);
    expect(await app.sessions.listByUser(user)).toHaveLength(1);
  });

  it('a login out of a session of the same user: both its ids are dead after a revoke in the middle', async () => {
    const user = newUser();
    const browser = app.browser();
    await logIn(browser, user);
    const before = browser.copy();
    const hold = place.store.hold('destroy', { times: 1 });
    const login = logIn(browser, user);
    await hold.reached;
    await app.sessions.revokeByUser(user);
    hold.release();
    await login;
    expect(await userOf(browser)).toBe('nobody');
    expect(await userOf(before)).toBe('nobody');
    expect(await app.sessions.listByUser(user)).toEqual([]);
  });

  it('a login of another user out of a session that the revoke is about to end stays alive', async () => {
    const [user, next] = [newUser(), newUser()];
    const browser = app.browser();
    await logIn(browser, user);
    const hold = place.store.hold('destroy', { at: 'before', times: 1 });
    const revoke = app.sessions.revokeByUser(user);
    await hold.reached;
    expect((await logIn(browser, next)).status).toBe(200);
    hold.release();
    expect(await revoke).toBe(0);
    expect(await userOf(browser)).toBe(next);
    expect(await app.sessions.listByUser(next)).toHaveLength(1);
  });

  it('revoke(id, { userId }) does not end the session of another user who signs in at that moment', async () => {
    const [user, next] = [newUser(), newUser()];
    const browser = app.browser();
    const { text } = await logIn(browser, user);
    const id = text.replaceAll('"', '');
    const hold = place.store.hold('destroy', { at: 'before', times: 1 });
    const revoke = app.sessions.revoke(id, { userId: user });
    await hold.reached;
    expect((await logIn(browser, next)).status).toBe(200);
    hold.release();
    expect(await revoke).toBe(false);
    expect(await userOf(browser)).toBe(next);
  });

  it('a session that gets a new id when the revoke is about to end it is ended under the new id, once', async () => {
    const user = newUser();
    const browser = app.browser();
    await logIn(browser, user);
    const hold = place.store.hold('destroy', { at: 'before', times: 1 });
    const revoke = app.sessions.revokeByUser(user);
    await hold.reached;
    await run(browser, session => session.regenerate({ keep: true }));
    hold.release();
    expect(await revoke).toBe(1);
    expect(await userOf(browser)).toBe('nobody');
    expect(await app.sessions.listByUser(user)).toEqual([]);
  });

  const seen = new Set<string>();

  // In the last two the session from before is ended by the revoke when it has already been rotated.
  it.each([...Array.from({ length: 24 }, (_, i) => i + 1), 94, 100])(
    'in any order of their steps (%d): ended, or alive and listed; ended when it was noted down before',
    async seed => {
      const user = newUser();
      const browser = app.browser();
      if (seed % 2 === 0) await logIn(browser, user); // every other login is a rotation
      const order = await inOrderOf(seed, place.store, [
        () => logIn(browser, user),
        // Some spare a session; it is not this one.
        () => app.sessions.revokeByUser(user, seed % 3 === 0 ? { except: '0'.repeat(64) } : {}),
      ]);
      seen.add(order.join());
      const isAlive = (await userOf(browser)) === user;
      const listed = await app.sessions.listByUser(user);
      const wasNotedBefore = order.indexOf('index.add') < order.lastIndexOf('index.list');
      // Ending the session from before, which the revoke saw, ends what it was rotated into.
      const wasFollowed = order.includes('rotate') && order.lastIndexOf('destroy') > order.indexOf('rotate');
      const survives = !wasNotedBefore && !wasFollowed;
      expect({ order, isAlive, listed: listed.length }).toEqual({
        order,
        isAlive: survives,
        listed: survives ? 1 : 0,
      });
    },
  );

  it('these were many different orders', () => {
    expect(seen.size).toBeGreaterThan(10);
  });
});
