import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../lib/index.js';
import { MemorySessionStore } from '../../lib/stores/memory/index.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms } from '../support/platforms.js';
import { run, ScriptController, visitor } from '../support/scripts.js';
import { startApp, type RunningApp } from '../support/start-app.js';

const timeouts = ({ events }: RunningApp): number =>
  events.filter(event => event.type === 'store-failed' && event.code === 'SESSION_STORE_TIMEOUT').length;

/** What was logged about operations that were not awaited. */
const failuresIn = ({ logs }: RunningApp): string[] => logs.filter(line => line.includes('was not awaited'));

describe.each(platforms)('what a handler does not wait for, on $name', platform => {
  let store: FaultyStore;
  let running: RunningApp;
  let stray: unknown[];
  const note = (error: unknown): void => void stray.push(error);
  beforeEach(async () => {
    stray = [];
    process.on('unhandledRejection', note);
    store = new FaultyStore(new MemorySessionStore());
    running = await startApp({
      platform,
      backend: { store },
      session: { storeTimeout: 200, cookie: { maxAge: '30d' } },
      controllers: [ScriptController],
    });
  });
  afterEach(async () => {
    await running.close();
    process.off('unhandledRejection', note);
  });

  it('two well-formed cookies during an outage are a 503, and no rejection stays unhandled', async () => {
    const browser = await visitor(running, {}, 'alice');
    store.hang('load');
    expect((await browser.get('/me')).status).toBe(503);
    await expect
      .poll(
        async () => {
          const twice = `sid=${'A'.repeat(43)}; sid=${'B'.repeat(42)}A`;
          return (await browser.get('/me', { cookie: twice })).status;
        },
        { timeout: 5_000, interval: 200 },
      )
      .toBe(503);
    // The rest of a second is over once a call goes through to the store again and misses its deadline there.
    const before = timeouts(running);
    await expect
      .poll(
        async () => {
          await browser.get('/me', { cookie: `sid=${'A'.repeat(43)}; sid=${'B'.repeat(42)}A` });
          return timeouts(running);
        },
        { timeout: 8_000, interval: 100 },
      )
      .toBeGreaterThan(before);
    expect(stray).toEqual([]);
  });

  it('a destroy() that the store refuses is a 503, although it was not awaited', async () => {
    const browser = await visitor(running, {}, 'alice');
    store.fail('destroy');
    const answer = await run(browser, session => {
      void session.destroy();
      return { bye: true };
    });
    expect([answer.status, answer.setCookies]).toEqual([503, []]);
    expect(stray).toEqual([]);
  });

  it('a save() that was not awaited, of a session that was ended, does not end the process', async () => {
    const browser = await visitor(running, {}, 'alice');
    const answer = await run(browser, async session => {
      await running.sessions.revokeByUser('alice');
      session.set('a', 1);
      void session.save();
      return {};
    });
    expect([answer.status, answer.setCookies]).toEqual([200, []]);
    expect(stray).toEqual([]);
  });

  it('a loop of updates in the background does not hold the answer', async () => {
    const browser = await visitor(running, {}, 'alice');
    const stop = new AbortController();
    const answer = await run(browser, session => {
      void (async () => {
        while (!stop.signal.aborted) {
          await session.update('n', (n = 0) => Number(n) + 1);
          await new Promise(resolve => setImmediate(resolve));
        }
      })();
      return { started: true };
    });
    expect(answer.json()).toEqual({ started: true });
    stop.abort();
  });

  it('a cookie that was renewed before another request ended the session is not sent', async () => {
    const browser = await visitor(running, {}, 'alice');
    const other = browser.copy();
    const answer = await run(browser, async session => {
      await session.update('n', () => 1);
      await run(other, theirs => theirs.login('alice'));
      return {};
    });
    expect([answer.status, answer.setCookies]).toEqual([200, []]);
    expect((await other.get('/me')).json()).toMatchObject({ user: 'alice' });
  });

  it('an operation after regenerate(callback) belongs to the old object, and the new cookie is sent', async () => {
    const browser = await visitor(running, {}, 'alice');
    const errors: unknown[] = [];
    const answer = await run(
      browser,
      session =>
        new Promise(resolve => {
          session.regenerate(() => resolve({}));
          session.update('x', () => 1).catch((error: unknown) => errors.push(error));
        }),
    );
    expect(answer.setCookies).toHaveLength(1);
    expect(errors).toEqual([expect.objectContaining({ code: 'SESSION_REPLACED' })]);
    expect(running.events.filter(event => event.type === 'rejected')).toEqual([]);
  });

  describe('an operation that fails', () => {
    it('is logged when its promise was not awaited', async () => {
      const browser = await visitor(running, {}, 'alice');
      const answer = await run(browser, session => {
        void session.login(7 as unknown as string);
        void session.update('n', undefined as never);
        return {};
      });
      expect(answer.status).toBe(200);
      await expect
        .poll(() => failuresIn(running).toSorted())
        .toEqual([
          expect.stringContaining('update(key, change) needs a function'),
          expect.stringContaining('userId must be a string'),
        ]);
      expect(stray).toEqual([]);
    });

    it('is logged when the session could not be loaded, and the user stays signed in', async () => {
      const browser = await visitor(running, {}, 'alice');
      store.fail('load');
      await run(browser, session => {
        void session.destroy();
        return {};
      });
      await expect
        .poll(() => failuresIn(running))
        .toEqual([expect.stringContaining('the session store is not available')]);
    });

    it.each<[string, (session: Session) => Promise<unknown>]>([
      ['await', async session => session.login(7 as unknown as string).catch(() => undefined)],
      ['Promise.all', async session => Promise.allSettled([session.login(7 as unknown as string)])],
    ])('is not logged when its outcome is used, by %s', async (_, operation) => {
      const browser = await visitor(running, {}, 'alice');
      await run(browser, async session => {
        await operation(session);
        await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
        return {};
      });
      expect(failuresIn(running)).toEqual([]);
    });
  });
});
