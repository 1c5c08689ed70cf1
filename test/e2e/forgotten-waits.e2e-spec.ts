import { Controller, Get, Query } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Session } from '../../lib/index.js';
import { MemorySessionStore } from '../../lib/stores/memory/index.js';
import { FaultyStore } from '../support/faulty-store.js';
import { platforms } from '../support/platforms.js';
import { startApp, type RunningApp } from '../support/start-app.js';

type Anything = Session<Record<string, unknown>>;
let handler: (session: Anything) => unknown = () => ({});

@Controller()
class ScriptController {
  @Get('run')
  run(@Session() session: Anything): unknown {
    return handler(session);
  }

  @Get('login')
  async login(@Session() session: Anything, @Query('as') user: string) {
    await session.login(user);
  }

  @Get('me')
  me(@Session() session: Anything) {
    return { user: session.loggedInAs ?? null, data: session };
  }
}

const timeouts = ({ events }: RunningApp): number =>
  events.filter(event => event.type === 'store-failed' && event.code === 'SESSION_STORE_TIMEOUT').length;

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

  const signedIn = async () => {
    const browser = running.browser();
    await browser.get('/login?as=alice');
    return browser;
  };

  it('two well-formed cookies during an outage are a 503, and nothing is left that nobody waits for', async () => {
    const browser = await signedIn();
    store.freeze('load');
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

  it('a destroy() that the store refuses is a 503, not a farewell', async () => {
    const browser = await signedIn();
    handler = session => {
      void session.destroy();
      return { bye: true };
    };
    store.fail('destroy');
    const answer = await browser.get('/run');
    expect([answer.status, answer.setCookies]).toEqual([503, []]);
    expect(stray).toEqual([]);
  });

  it('a save() of a session that was ended meanwhile ends no process', async () => {
    const browser = await signedIn();
    handler = async session => {
      await running.sessions.revokeByUser('alice');
      session.set('a', 1);
      void session.save();
      return {};
    };
    const answer = await browser.get('/run');
    expect([answer.status, answer.setCookies]).toEqual([200, []]);
    expect(stray).toEqual([]);
  });

  it('a loop of updates in the background does not hold the answer', async () => {
    const browser = await signedIn();
    const stop = new AbortController();
    handler = session => {
      void (async () => {
        while (!stop.signal.aborted) {
          await session.update('n', (n = 0) => Number(n) + 1);
          await new Promise(resolve => setImmediate(resolve));
        }
      })();
      return { started: true };
    };
    expect((await browser.get('/run')).json()).toEqual({ started: true });
    stop.abort();
  });

  it('a cookie that was renewed before somebody else ended the session is not sent', async () => {
    const browser = await signedIn();
    const other = browser.copy();
    handler = async session => {
      await session.update('n', () => 1);
      await other.get('/login?as=alice');
      return {};
    };
    const answer = await browser.get('/run');
    expect([answer.status, answer.setCookies]).toEqual([200, []]);
    expect((await other.get('/me')).json()).toMatchObject({ user: 'alice' });
  });

  it('an operation behind regenerate(callback) belongs to the old object, and the new cookie goes out', async () => {
    const browser = await signedIn();
    const errors: unknown[] = [];
    handler = session =>
      new Promise(resolve => {
        session.regenerate(() => resolve({}));
        session.update('x', () => 1).catch((error: unknown) => errors.push(error));
      });
    const answer = await browser.get('/run');
    expect(answer.setCookies).toHaveLength(1);
    expect(errors).toEqual([expect.objectContaining({ code: 'SESSION_REPLACED' })]);
    expect(running.events.filter(event => event.type === 'rejected')).toEqual([]);
  });
});
