import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionModuleOptions } from '../../lib/index.js';
import type { Browser } from '../support/browser.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { HOUR, MINUTE, SECOND } from '../support/durations.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { begin, run, ScriptController, visitor, type Script } from '../support/scripts.js';
import { faultyPlace, type FaultyPlace } from '../support/shared-backends.js';
import { startApp, type RunningApp } from '../support/start-app.js';

interface Data {
  note?: string;
}

const idleTimeout = 30 * MINUTE;
const absoluteTimeout = 4 * HOUR;

const look: Script<Data> = session => session.note ?? 'nobody';
const logIn: Script<Data> = session => session.login('alice');
const onlyLoad: Script<Data> = () => 'not looked';
const end: Script<Data> = session => session.expiresAt!.getTime();
const ids: Script<Data> = session => session.id;

const isAlive = async (browser: Browser): Promise<boolean> => (await run(browser, look)).text === 'x';

describeCells('limits', backends, ({ platform, backend }) => {
  let place: FaultyPlace;
  let app: RunningApp;
  const others: RunningApp[] = [];
  beforeAll(async () => {
    place = await faultyPlace(backend);
    app = await startWith({});
  });
  afterAll(async () => {
    for (const running of others) await running.close();
    await place.dispose();
  });

  /** An application with these options on the same sessions and at the same time. */
  async function startWith(session: Partial<SessionModuleOptions>): Promise<RunningApp> {
    const running = await startApp({
      platform,
      backend: place.options,
      controllers: [ScriptController],
      clock: others[0]?.clock ?? new ManualClock(),
      session: { idleTimeout, absoluteTimeout, ...session },
    });
    others.push(running);
    return running;
  }

  async function noted(in_ = app): Promise<Browser> {
    const browser = await visitor(in_, { note: 'x' });
    in_.events.length = 0;
    place.store.takeVerbs();
    return browser;
  }

  describe('the idle limit', () => {
    it('a read before it has passed extends it, and the session ends after it', async () => {
      const browser = await noted();
      for (let i = 0; i < 3; i++) {
        app.clock.advance(20 * MINUTE);
        expect(await isAlive(browser)).toBe(true);
      }
      app.clock.advance(idleTimeout);
      expect(await isAlive(browser)).toBe(false);
      expect(app.events).toContainEqual(expect.objectContaining({ type: 'expired', reason: 'idle' }));
    });

    it('ends a session between idleTimeout − touchInterval and idleTimeout after its last use', async () => {
      const browser = await noted();
      app.clock.advance(30 * SECOND); // too soon for a touch
      expect(await isAlive(browser)).toBe(true);
      app.clock.advance(idleTimeout - 30 * SECOND);
      expect(await isAlive(browser)).toBe(false);

      const other = await noted();
      app.clock.advance(60 * SECOND);
      expect(await isAlive(other)).toBe(true); // this one was written down
      app.clock.advance(idleTimeout - 30 * SECOND);
      expect(await isAlive(other)).toBe(true);
    });

    it('holds by our clock, although the store has the record still', async () => {
      const browser = await noted();
      const { text: id } = await run(browser, ids);
      app.clock.advance(idleTimeout);
      expect(await isAlive(browser)).toBe(false);
      expect(await place.store.inner.load(id)).toBeDefined();
    });

    it('a change of an expired session begins a new one under a new id', async () => {
      const browser = await noted();
      const before = (await run(browser, ids)).text;
      app.clock.advance(idleTimeout);
      const answer = await run<Data>(browser, session => void (session.note = 'new'));
      expect(answer.setCookies).toHaveLength(1);
      expect((await run(browser, ids)).text).not.toBe(before);
    });

    it('loading, and reading the times, the id or a method, do not count as activity', async () => {
      const browser = await noted();
      app.clock.advance(20 * MINUTE);
      await browser.get('/untouched');
      await run(browser, onlyLoad);
      await run<Data>(browser, session => [
        session.id,
        session.createdAt,
        session.lastSeenAt,
        session.expiresAt,
        typeof session.login,
        String(session[Symbol.toStringTag as never]),
      ]);
      await run<Data>(browser, async session => void (await session));
      expect(place.store.takeVerbs()).not.toContain('touch');
      app.clock.advance(11 * MINUTE);
      expect(await isAlive(browser)).toBe(false);
    });

    it.each<{ what: string; use: Script<Data> }>([
      { what: 'a value', use: session => session.note },
      { what: 'has()', use: session => session.has('note') },
      { what: '"in"', use: session => 'note' in session },
      { what: 'the keys', use: session => Object.keys(session) },
      { what: 'isNew', use: session => session.isNew },
      { what: 'loggedInAs', use: session => session.loggedInAs ?? null },
      { what: 'an assignment', use: session => void (session.note = 'x') },
      { what: 'touch()', use: session => session.touch() },
    ])('$what is activity', async ({ use }) => {
      const browser = await noted();
      app.clock.advance(20 * MINUTE);
      expect((await run(browser, use)).status).toBe(200);
      app.clock.advance(20 * MINUTE);
      expect(await isAlive(browser)).toBe(true);
    });

    it('a session that expires during a long request: a normal answer, nothing revived', async () => {
      const browser = await noted();
      const slow = await begin<Data>(browser, async (session, { pause }) => {
        session.note = 'late';
        await pause();
        return 'fine';
      });
      app.clock.advance(idleTimeout);
      const answer = await slow.finish();
      expect(answer.text).toBe('fine');
      expect(answer.setCookies).toEqual([]);
      expect(await isAlive(browser)).toBe(false);
    });
  });

  describe('the touch', () => {
    it('100 looks in one interval cause none, and each later interval one at most', async () => {
      const browser = await noted();
      const start = app.clock.now();
      for (let i = 0; i < 100; i++) {
        app.clock.advance(300);
        await run(browser, look);
      }
      expect(place.store.takeVerbs().filter(verb => verb === 'touch')).toEqual([]);
      for (let i = 0; i < 100; i++) {
        app.clock.advance(2 * SECOND);
        await run(browser, look);
      }
      const touches = place.store.takeVerbs().filter(verb => verb === 'touch').length;
      expect(touches).toBeGreaterThanOrEqual(3);
      expect(touches).toBeLessThanOrEqual((app.clock.now() - start) / MINUTE);
    });

    it('is not needed where something was written', async () => {
      const browser = await noted();
      app.clock.advance(2 * MINUTE);
      await run<Data>(browser, session => void (session.note = 'y'));
      await run(browser, look);
      expect(place.store.takeVerbs()).toEqual(['load', 'update', 'load']);
    });

    it('moves forward only: a request that began long before does not shorten it', async () => {
      const browser = await noted();
      const { text: id } = await run(browser, ids);
      app.clock.advance(2 * MINUTE);
      await run(browser, look);
      const before = await place.store.inner.load(id);
      app.clock.set(app.clock.now() - 90 * SECOND);
      await run<Data>(browser, session => session.touch());
      await run<Data>(browser, session => void (session.note = 'x again'));
      const after = await place.store.inner.load(id);
      app.clock.advance(90 * SECOND);
      expect(after).toMatchObject({
        lastSeenAt: (before as { lastSeenAt: number }).lastSeenAt,
        expiresAt: (before as { expiresAt: number }).expiresAt,
      });
    });
  });

  describe('the absolute limit', () => {
    it('nothing extends it', async () => {
      const browser = await noted();
      for (let passed = 0; passed < absoluteTimeout - 20 * MINUTE; passed += 20 * MINUTE) {
        app.clock.advance(20 * MINUTE);
        expect(await isAlive(browser)).toBe(true);
        await run<Data>(browser, session => session.touch());
      }
      app.clock.advance(20 * MINUTE);
      expect(await isAlive(browser)).toBe(false);
      expect(app.events.at(-1)).toMatchObject({ type: 'expired', reason: 'absolute' });
    });

    it('the end that is told is the earlier of the two', async () => {
      const browser = await noted();
      const left = async () => Number((await run(browser, end)).text) - app.clock.now();
      expect(await left()).toBeGreaterThan(idleTimeout - MINUTE);
      for (let passed = 0; passed < absoluteTimeout - 20 * MINUTE; passed += 20 * MINUTE) {
        app.clock.advance(20 * MINUTE);
        await run(browser, look);
      }
      expect(await left()).toBeLessThanOrEqual(20 * MINUTE);
    });

    it('a login starts it again, regenerate({ keep: true }) does not', async () => {
      for (const { rotate, alive } of [
        { rotate: logIn, alive: true },
        { rotate: (session => session.regenerate({ keep: true })) as Script<Data>, alive: false },
      ]) {
        const browser = await noted();
        for (let passed = 0; passed < absoluteTimeout - 10 * MINUTE; passed += 10 * MINUTE) {
          app.clock.advance(10 * MINUTE);
          await run(browser, look);
        }
        expect((await run(browser, rotate)).status).toBe(200);
        app.clock.advance(15 * MINUTE);
        expect(await isAlive(browser)).toBe(alive);
      }
    });
  });

  describe('an option that was changed', () => {
    it('when raised, extends no live session, for neither limit', async () => {
      const generous = await startWith({ idleTimeout: 3 * HOUR, absoluteTimeout: 40 * HOUR });
      const browser = await noted();
      const there = browser.copy(generous.url);
      app.clock.advance(idleTimeout);
      expect(await isAlive(there)).toBe(false);

      const other = await noted();
      const otherThere = other.copy(generous.url);
      for (let passed = 0; passed < absoluteTimeout - 20 * MINUTE; passed += 20 * MINUTE) {
        app.clock.advance(20 * MINUTE);
        expect(await isAlive(otherThere)).toBe(true);
      }
      app.clock.advance(20 * MINUTE);
      generous.events.length = 0;
      expect(await isAlive(otherThere)).toBe(false);
      expect(generous.events).toContainEqual(
        expect.objectContaining({ type: 'expired', reason: 'absolute' }),
      );
    });

    it('lowered, ends sessions at once: both limits', async () => {
      const strict = await startWith({ idleTimeout: 5 * MINUTE, absoluteTimeout: HOUR });
      const browser = await noted();
      const there = browser.copy(strict.url);
      app.clock.advance(5 * MINUTE);
      expect(await isAlive(there)).toBe(false);
      expect(await isAlive(browser)).toBe(true);

      const other = await noted();
      for (let passed = 0; passed < HOUR; passed += 10 * MINUTE) {
        app.clock.advance(10 * MINUTE);
        expect(await isAlive(other)).toBe(true);
      }
      strict.events.length = 0;
      expect(await isAlive(other.copy(strict.url))).toBe(false);
      expect(strict.events).toContainEqual(expect.objectContaining({ type: 'expired', reason: 'absolute' }));
    });
  });

  it('two applications whose clocks are 90 seconds apart agree on which sessions are alive', async () => {
    const ahead = new ManualClock();
    ahead.advance(app.clock.now() - ahead.now() + 90 * SECOND);
    const other = await startApp({
      platform,
      backend: place.options,
      controllers: [ScriptController],
      clock: ahead,
      session: { idleTimeout, absoluteTimeout },
    });
    try {
      const browser = await noted();
      const there = browser.copy(other.url);
      for (let i = 0; i < 4; i++) {
        expect(await isAlive(there)).toBe(true);
        expect(await isAlive(browser)).toBe(true);
        app.clock.advance(10 * MINUTE);
        ahead.advance(10 * MINUTE);
      }
      expect((await run<Data>(browser, session => void (session.note = 'x'))).status).toBe(200);
    } finally {
      await other.close();
    }
  });
});
