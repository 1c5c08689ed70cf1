import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Browser } from '../support/browser.js';
import { platforms } from '../support/platforms.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';
import { run, ScriptController, type Script } from '../support/scripts.js';
import { startApp, type RunningApp } from '../support/start-app.js';

interface Data {
  note?: string;
}

const facts: Script<Data> = session => ({ user: session.loggedInAs ?? null, note: session.note ?? null });
const ALICE = { user: 'alice', note: 'x' };

/** The kinds of writes that a request can make, and whether its handler sends the response. */
const writes: [string, Script<Data>, { answersItself?: boolean }?][] = [
  ['an assignment', session => void (session.note = 'y')],
  [
    'an assignment before a redirect',
    (session, { response }) => {
      session.note = 'y';
      return response.redirect('/me');
    },
    { answersItself: true },
  ],
  [
    'an assignment before a stream',
    (session, { response }) => {
      session.note = 'y';
      const raw = response.raw ?? (response as never);
      raw.write('first part');
      raw.end('last part');
    },
    { answersItself: true },
  ],
  ['update()', session => session.update('note', () => 'y')],
  ['login()', session => session.login('alice')],
  ['regenerate()', session => session.regenerate()],
];

const me = async (browser: Browser) => (await run<Data>(browser, facts)).json();

describeWithRedis('an application and a Redis in some state', () => {
  let server: RedisServer;
  let running: RunningApp;
  beforeAll(async () => {
    server = await RedisServer.start(['--lua-time-limit', '50']);
  });
  afterEach(async () => {
    await server.ask('REPLICAOF', 'NO', 'ONE');
    await server.ask('CONFIG', 'SET', 'maxmemory', 0, 'min-replicas-to-write', 0);
  });
  afterAll(() => server.stop());

  async function alice(): Promise<Browser> {
    const browser = running.browser();
    await run<Data>(browser, async session => {
      session.note = 'x';
      await session.login('alice');
    });
    return browser;
  }
  describe.each(platforms)('on $name', platform => {
    beforeAll(async () => {
      running = await startApp({
        platform,
        backend: { type: 'redis', url: server.url },
        controllers: [ScriptController],
      });
    });
    afterAll(() => running.close());

    const states: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
      [
        'READONLY',
        () => server.ask('REPLICAOF', '127.0.0.1', '1'),
        () => server.ask('REPLICAOF', 'NO', 'ONE'),
      ],
      [
        'NOREPLICAS',
        () => server.ask('CONFIG', 'SET', 'min-replicas-to-write', 1),
        () => server.ask('CONFIG', 'SET', 'min-replicas-to-write', 0),
      ],
    ];
    describe.each(states)('%s', (_, enter, leave) => {
      it.each(writes)(
        '%s is 503, without a cookie or a part of the answer, and nothing was changed',
        async (_, script, options) => {
          const browser = await alice();
          await enter();
          await expect.poll(() => me(browser)).toEqual(ALICE); // the client may have to connect again
          const answer = await run(browser, script, options);
          expect(answer.status).toBe(503);
          expect(answer.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
          expect(answer.headers.get('location')).toBeNull();
          expect(answer.setCookies).toEqual([]);
          await leave();
          await expect.poll(() => me(browser)).toEqual(ALICE);
        },
      );

      it('a logout is 503 and keeps the cookie: the session lives, and ends when it works again', async () => {
        const browser = await alice();
        const copy = browser.copy();
        await enter();
        await expect.poll(() => me(browser)).toEqual(ALICE);
        const answer = await run(browser, session => session.destroy());
        expect([answer.status, answer.setCookies]).toEqual([503, []]);
        await leave();
        await expect.poll(() => me(copy)).toEqual(ALICE);
        expect((await run(browser, session => session.destroy())).status).toBe(200);
        expect(await me(copy)).toEqual({ user: null, note: null });
      });
    });

    it('OOM: reads, touches and logouts work, and what needs room is 503', async () => {
      const [browser, other] = [await alice(), await alice()];
      await server.ask('CONFIG', 'SET', 'maxmemory', '100kb');
      expect(await me(browser)).toEqual(ALICE);
      running.clock.advance(120_000);
      const since = running.events.length;
      expect(await me(browser)).toEqual(ALICE);
      expect(running.events.slice(since), 'the touch went through').toEqual([]);
      for (const [what, script, options] of writes) {
        const answer = await run(browser, script, options);
        expect([what, answer.status, answer.setCookies]).toEqual([what, 503, []]);
      }
      expect((await run(running.browser(), session => session.login('zoe'))).status).toBe(503);
      expect((await run<Data>(browser, session => void delete session.note)).status).toBe(200);
      const copy = other.copy();
      expect((await run(other, session => session.destroy())).status).toBe(200);
      expect(await me(copy)).toEqual({ user: null, note: null });
      expect(await me(browser)).toEqual({ user: 'alice', note: null });
    });

    it('BUSY: 503 for requests with a session, and no user is logged out', async () => {
      const browser = await alice();
      const endless = server.ask('EVAL', 'while true do end', 0).catch(() => undefined);
      try {
        await expect.poll(async () => (await run(browser, facts)).status).toBe(503);
        for (let i = 0; i < 5; i++) {
          const answer = await run<Data>(browser, facts);
          expect([answer.status, answer.setCookies]).toEqual([503, []]);
        }
        expect((await browser.get('/untouched')).status).toBe(200);
      } finally {
        await server.ask('SCRIPT', 'KILL');
        await endless;
      }
      await expect.poll(() => me(browser), { timeout: 3_000 }).toEqual(ALICE);
    });

    it('WRONGTYPE at the key of a session: no session, reported and kept, and the next write is under another id', async () => {
      const browser = await alice();
      const { id } = (await run(browser, session => ({ id: session.id }))).json<{ id: string }>();
      await server.ask('DEL', `session:${id}`);
      await server.ask('LPUSH', `session:${id}`, 'theirs');
      expect(await me(browser)).toEqual({ user: null, note: null });
      expect(running.events.at(-1)).toEqual({ type: 'rejected', reason: 'broken', id });
      expect((await run<Data>(browser, session => void (session.note = 'mine'))).setCookies).toHaveLength(1);
      expect(await me(browser)).toEqual({ user: null, note: 'mine' });
      expect(await server.ask('LRANGE', `session:${id}`, 0, -1)).toEqual(['theirs']);
    });
  });
});
