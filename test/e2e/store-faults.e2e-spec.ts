import { stat } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  SessionConfigError,
  SessionStoreError,
  StoreRefusedError,
  type Session,
  type SessionEvent,
  type SessionModuleOptions,
} from '../../lib/index.js';
import { MemorySessionStore } from '../../lib/stores/memory/memory.store.js';
import type { Browser } from '../support/browser.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms, type Platform } from '../support/platforms.js';
import { startApp, type RunningApp } from '../support/start-app.js';
import { meetingOf } from '../support/deferred.js';
import { facts, NO_SESSION, run, ScriptController, UNAVAILABLE, type Script } from '../support/scripts.js';

interface Data {
  note?: string;
}

const storeTimeout = 150;
/** Far above what a deadline of `storeTimeout` may cost on a busy machine, far below "never". */
const GENEROUS = 3_000;

const ALICE = { user: 'alice', data: { note: 'x' } };

const verbs: { what: string; script: Script<Data> }[] = [
  { what: 'a look', script: session => session.note },
  { what: 'an assignment', script: session => void (session.note = 'y') },
  { what: 'a flash message', script: session => session.flash('info', 'y') },
  { what: 'save()', script: session => session.save() },
  { what: 'update()', script: session => session.update('note', () => 'y') },
  { what: 'take()', script: session => session.take('note') },
  { what: 'flashes()', script: session => session.flashes() },
  { what: 'login()', script: session => session.login('alice') },
  { what: 'regenerate()', script: session => session.regenerate() },
  { what: 'reload()', script: session => session.reload() },
  { what: 'touch()', script: session => session.touch() },
  { what: 'destroy()', script: session => session.destroy() },
];

async function timed<T>(work: Promise<T>): Promise<{ result: T; took: number }> {
  const start = performance.now();
  return { result: await work, took: performance.now() - start };
}

/** How many calls may have been let through since the first was silent: one a second. Usually none, on a busy machine some. */
const letThrough = (since: number): number => Math.floor((performance.now() - since) / 1_000);

/** Nothing else runs meanwhile: a long garbage collection, a stopped process. */
function stall(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe.each(platforms)('a store with faults on $name', platform => {
  const store = new FaultyStore();
  let app: RunningApp;
  beforeAll(async () => {
    app = await startApp({
      platform,
      backend: { store },
      controllers: [ScriptController],
      session: { storeTimeout },
    });
  });
  afterEach(() => store.restore());
  afterAll(() => app.close());

  async function alice(): Promise<Browser> {
    const browser = app.browser();
    await run<Data>(browser, async session => {
      session.note = 'x';
      await session.login('alice');
    });
    app.events.length = 0;
    store.takeVerbs();
    return browser;
  }

  it('a 503 for an error of Sessions in a handler says when to try again', async () => {
    for (const browser of [await alice(), app.browser()]) {
      store.fail('index.list');
      const answer = await run(browser, async () => ({ ended: await app.sessions.revokeByUser('alice') }));
      expect([answer.status, answer.headers.get('retry-after'), answer.setCookies]).toEqual([503, '1', []]);
      store.restore();
    }
  });

  const failures = (): SessionEvent[] => app.events.filter(({ type }) => type === 'store-failed');

  describe.each([
    { fault: 'is gone', break: () => store.fail('any'), code: 'SESSION_STORE_UNAVAILABLE' },
    {
      fault: 'refuses us',
      break: () => store.fail('any', { error: new StoreRefusedError('NOAUTH') }),
      code: 'SESSION_STORE_REFUSED',
    },
    {
      fault: 'throws before it gives a promise',
      break: () =>
        store.intercept('any', () => {
          throw new Error('not connected');
        }),
      code: 'SESSION_STORE_UNAVAILABLE',
    },
  ])('that $fault', ({ break: breakStore, code }) => {
    it.each(verbs)(
      'answers $what with 503, Retry-After, and not a word about the cookie (D8)',
      async ({ script }) => {
        const browser = await alice();
        breakStore();
        const answer = await run(browser, script);
        store.restore();
        expect(answer.status).toBe(503);
        expect(answer.json()).toEqual(UNAVAILABLE);
        expect(answer.headers.get('retry-after')).toBe('1');
        expect(answer.setCookies).toEqual([]);
        expect(failures()[0]).toMatchObject({ operation: 'load', code });
        expect((await run<Data>(browser, facts)).json()).toEqual(ALICE);
      },
    );

    it('serves what has nothing to do with sessions, cookie or not', async () => {
      const browser = await alice();
      breakStore();
      expect((await browser.get('/untouched')).status).toBe(200);
      expect((await app.browser().get('/untouched')).status).toBe(200);
      expect((await run<Data>(app.browser(), facts)).json()).toEqual(NO_SESSION);
    });

    it('is asked again by the next request: only silence opens the breaker', async () => {
      const browser = await alice();
      breakStore();
      for (let i = 0; i < 3; i++) expect((await run<Data>(browser, facts)).status).toBe(503);
      expect(store.takeVerbs()).toEqual(['load', 'load', 'load']);
      store.restore();
      expect((await run<Data>(browser, facts)).json()).toEqual(ALICE);
    });

    it('tells a handler by a typed error with a code and a cause', async () => {
      const browser = await alice();
      breakStore();
      const answer = await run<Data>(browser, session => {
        try {
          return String(session.note);
        } catch (error) {
          const { code: given, cause } = error as SessionStoreError;
          return { isTyped: error instanceof SessionStoreError, given, hasCause: cause instanceof Error };
        }
      });
      expect(answer.json()).toEqual({ isTyped: true, given: code, hasCause: true });
    });
  });

  it('ping() rejects with the cause, and resolves when it is over', async () => {
    const cause = new Error('ECONNREFUSED');
    store.fail('any', { error: cause });
    await expect(app.sessions.ping()).rejects.toMatchObject({ code: 'SESSION_STORE_UNAVAILABLE', cause });
    store.restore();
    await expect(app.sessions.ping()).resolves.toBeUndefined();
  });

  it('the deadline lets the event loop turn once: a stalled process does not throw away replies it has', async () => {
    const browser = await alice();
    store.intercept('load', async apply => {
      const reply = stat('.'); // one trip through the thread pool, done long before the stall is over
      setImmediate(() => stall(storeTimeout * 2));
      await reply;
      return apply();
    });
    const { result, took } = await timed(run<Data>(browser, facts));
    expect(took).toBeGreaterThan(storeTimeout);
    expect(result.json()).toEqual(ALICE);
    expect(failures()).toEqual([]);
  });

  it('no event and no log line of a fault carries the token', async () => {
    const browser = await alice();
    const [token] = browser.cookies.values();
    store.fail('any');
    for (const { script } of verbs) await run(browser, script);
    const told = JSON.stringify([app.events, app.logs]);
    expect(told).toContain('store-failed');
    expect(told).not.toContain(token);
  });
});

/** Silence opens the breaker for a second, so each of these has an application of its own, and they run side by side. */
async function start(
  platform: Platform,
  onTestFinished: (clean: () => Promise<void>) => void,
  deadline = storeTimeout,
) {
  const store = new FaultyStore();
  const app = await startApp({
    platform,
    backend: { store },
    controllers: [ScriptController],
    session: { storeTimeout: deadline },
  });
  onTestFinished(() => app.close());
  const browser = app.browser();
  await run<Data>(browser, async session => {
    session.note = 'x';
    await session.login('alice');
  });
  app.events.length = 0;
  store.takeVerbs();
  const failures = (): SessionEvent[] => app.events.filter(({ type }) => type === 'store-failed');
  return { app, store, browser, failures };
}

describe.each(platforms)('a store that is silent on $name', platform => {
  describe('that is frozen', () => {
    it.concurrent(
      'costs one request its deadline; those that follow fail at once, without asking it',
      async ({ onTestFinished }) => {
        const { store, browser, failures } = await start(platform, onTestFinished);
        store.hang('any');
        const first = await timed(run<Data>(browser, facts));
        expect(first.result.status).toBe(503);
        expect(first.result.headers.get('retry-after')).toBe('1');
        expect(first.result.setCookies).toEqual([]);
        expect(first.took).toBeLessThan(storeTimeout + GENEROUS);
        expect(store.takeVerbs()).toEqual(['load']);
        const silentSince = performance.now();
        const rest = await Promise.all(Array.from({ length: 20 }, () => run<Data>(browser, facts)));
        expect(rest.map(({ status }) => status)).toEqual(rest.map(() => 503));
        expect(store.calls.length).toBeLessThanOrEqual(letThrough(silentSince));
        const codes = failures().map(event => (event as { code: string }).code);
        expect(codes[0]).toBe('SESSION_STORE_TIMEOUT');
        expect(codes.filter(code => code === 'SESSION_STORE_UNAVAILABLE').length).toBeGreaterThanOrEqual(
          rest.length - letThrough(silentSince),
        );
      },
    );

    it.concurrent('does not affect routes without a session', async ({ onTestFinished }) => {
      const { app, store, browser } = await start(platform, onTestFinished);
      store.hang('any');
      expect((await app.browser().get('/untouched')).status).toBe(200);
      expect((await browser.get('/untouched')).status).toBe(200);
      const silentSince = performance.now();
      expect((await browser.get('/untouched')).status).toBe(200);
      expect(store.calls.length).toBeLessThanOrEqual(1 + letThrough(silentSince));
    });

    it.concurrent(
      'gets one call after a second; while that is out the others fail, and its answer opens the way',
      async ({ onTestFinished }) => {
        const { store, browser } = await start(platform, onTestFinished, 1_500);
        store.hang('any');
        await run<Data>(browser, facts);
        store.restore();
        store.takeVerbs();
        const probe = store.hold('load');
        const asked: Promise<unknown>[] = [];
        await vi.waitFor(() => {
          asked.push(run<Data>(browser, facts));
          expect(store.calls.length).toBe(1);
        }, 5_000);
        const others = await Promise.all(Array.from({ length: 5 }, () => run<Data>(browser, facts)));
        expect(others.map(({ status }) => status)).toEqual(others.map(() => 503));
        expect(store.calls.length).toBe(1);
        probe.release();
        await Promise.all(asked);
        const after = await Promise.all(Array.from({ length: 5 }, () => run<Data>(browser, facts)));
        expect(after.map(answer => answer.json())).toEqual(after.map(() => ALICE));
      },
    );

    it.concurrent(
      'that is still frozen after a second costs one more deadline, and one only',
      async ({ onTestFinished }) => {
        const { store, browser } = await start(platform, onTestFinished);
        store.hang('any');
        await run<Data>(browser, facts);
        store.takeVerbs();
        await vi.waitFor(async () => {
          await run<Data>(browser, facts);
          expect(store.calls.length).toBeGreaterThan(0);
        }, 5_000);
        const silentSince = performance.now();
        store.takeVerbs();
        const rest = await Promise.all(Array.from({ length: 5 }, () => run<Data>(browser, facts)));
        expect(rest.map(({ status }) => status)).toEqual(rest.map(() => 503));
        expect(store.calls.length).toBeLessThanOrEqual(letThrough(silentSince));
      },
    );

    it.concurrent(
      'holds up 50 requests that are under way for their deadline only, and serves all of them when it is back',
      async ({ onTestFinished }) => {
        const { store, browser } = await start(platform, onTestFinished);
        store.hang('any');
        const frozen = await timed(Promise.all(Array.from({ length: 50 }, () => run<Data>(browser, facts))));
        expect(frozen.result.map(({ status }) => status)).toEqual(frozen.result.map(() => 503));
        expect(frozen.took).toBeLessThan(storeTimeout + GENEROUS);
        store.restore();
        await vi.waitFor(async () => expect((await run<Data>(browser, facts)).status).toBe(200), 5_000);
        const back = await Promise.all(Array.from({ length: 50 }, () => run<Data>(browser, facts)));
        expect(back.map(answer => answer.json())).toEqual(back.map(() => ALICE));
      },
    );

    it.concurrent(
      'a save that times out is unknown: SESSION_STORE_TIMEOUT, no cookie, sent once, never again',
      async ({ onTestFinished }) => {
        const { store, browser, failures } = await start(platform, onTestFinished);
        store.hang('update');
        const answer = await run<Data>(browser, session => void (session.note = 'y'));
        expect(answer.status).toBe(503);
        expect(answer.setCookies).toEqual([]);
        expect(failures()).toMatchObject([{ operation: 'update', code: 'SESSION_STORE_TIMEOUT' }]);
        expect(store.takeVerbs()).toEqual(['load', 'update']);
      },
    );

    it.concurrent(
      'a touch that times out delays its request, and fails it not',
      async ({ onTestFinished }) => {
        const { app, store, browser, failures } = await start(platform, onTestFinished);
        app.clock.advance(120_000);
        store.hang('touch');
        const { result, took } = await timed(run<Data>(browser, facts));
        expect(result.json()).toEqual(ALICE);
        expect(took).toBeLessThan(storeTimeout + GENEROUS);
        expect(failures()).toMatchObject([{ operation: 'touch', code: 'SESSION_STORE_TIMEOUT' }]);
      },
    );

    it.concurrent(
      'a destroy() that times out keeps the cookie; the session may be alive, and it works later',
      async ({ onTestFinished }) => {
        const { store, browser } = await start(platform, onTestFinished);
        store.hang('destroy');
        const answer = await run(browser, session => session.destroy());
        expect(answer.status).toBe(503);
        expect(answer.setCookies).toEqual([]);
        store.restore();
        await vi.waitFor(async () => {
          expect((await run(browser, session => session.destroy())).status).toBe(200);
        }, 5_000);
        expect(browser.cookies.size).toBe(0);
      },
    );
  });

  describe('whose answers come too late', () => {
    it.concurrent(
      'a late write does not revive a session that was ended in between',
      async ({ onTestFinished }) => {
        const { app, store, browser } = await start(platform, onTestFinished);
        const before = browser.copy();
        const id = (await run<Data>(browser, session => session.id)).text;
        const late = store.hold('update');
        expect((await run<Data>(browser, session => void (session.note = 'late'))).status).toBe(503);
        await vi.waitFor(() => app.sessions.ping(), 5_000);
        expect((await run(browser, session => session.destroy())).status).toBe(200);
        late.release();
        await vi.waitFor(() => expect(store.calls.some(({ verb }) => verb === 'update')).toBe(true));
        expect(await store.inner.load(id)).toBeUndefined();
        expect((await run<Data>(before, facts)).json()).toEqual(NO_SESSION);
      },
    );

    it.concurrent(
      'a late write is applied once, and a later write of the key stands',
      async ({ onTestFinished }) => {
        const { app, store, browser } = await start(platform, onTestFinished);
        const late = store.hold('update', { times: 1 });
        expect((await run<Data>(browser, session => void (session.note = 'late'))).status).toBe(503);
        late.release();
        await vi.waitFor(() => app.sessions.ping(), 5_000);
        expect((await run<Data>(browser, session => session.note)).text).toBe('late');
        await run<Data>(browser, session => void (session.note = 'newer'));
        expect((await run<Data>(browser, session => session.note)).text).toBe('newer');
      },
    );

    it.concurrent('a record that was created too late belongs to no browser', async ({ onTestFinished }) => {
      const { app, store } = await start(platform, onTestFinished);
      const browser = app.browser();
      const late = store.hold('create', { times: 1 });
      const answer = await run<Data>(browser, session => void (session.note = 'new'));
      late.release();
      expect(answer.status).toBe(503);
      expect(answer.setCookies).toEqual([]);
      expect((await run<Data>(browser, facts)).json()).toEqual(NO_SESSION);
    });

    it.concurrent(
      'an error that comes after the deadline is one more event, and has no other effect',
      async ({ onTestFinished }) => {
        const { store, browser, failures } = await start(platform, onTestFinished);
        let failNow!: (error: Error) => void;
        store.intercept('load', () => new Promise((_, reject) => (failNow = reject)), { times: 1 });
        expect((await run<Data>(browser, facts)).status).toBe(503);
        failNow(new Error('connection reset'));
        await vi.waitFor(() => expect(failures()).toHaveLength(2));
        expect(failures()).toMatchObject([
          { operation: 'load', code: 'SESSION_STORE_TIMEOUT' },
          { operation: 'load', code: 'SESSION_STORE_UNAVAILABLE' },
        ]);
      },
    );
  });

  it.concurrent('the injected store keeps the deadline too', async ({ onTestFinished }) => {
    const { app, store } = await start(platform, onTestFinished);
    store.hang('any');
    await expect(app.store.load('0'.repeat(64))).rejects.toMatchObject({ code: 'SESSION_STORE_TIMEOUT' });
  });
});

describe.each(platforms)("onStoreError: 'anonymous' on $name", platform => {
  const store = new FaultyStore();
  let app: RunningApp;
  beforeAll(async () => {
    app = await startApp({
      platform,
      backend: { store },
      controllers: [ScriptController],
      session: { onStoreError: 'anonymous', storeTimeout },
    });
  });
  afterEach(() => store.restore());
  afterAll(() => app.close());

  async function alice(): Promise<Browser> {
    const browser = app.browser();
    await run<Data>(browser, async session => {
      session.note = 'x';
      await session.login('alice');
    });
    return browser;
  }

  it('reads see an empty session, and the cookie stays', async () => {
    const browser = await alice();
    store.fail('load');
    const answer = await run<Data>(browser, facts);
    store.restore();
    expect(answer.json()).toEqual(NO_SESSION);
    expect(answer.setCookies).toEqual([]);
    expect((await run<Data>(browser, facts)).json()).toEqual(ALICE);
  });

  it.each(verbs.filter(({ what }) => what !== 'a look'))(
    '$what rejects instead of vanishing, and the session is alive afterwards',
    async ({ script }) => {
      const browser = await alice();
      store.fail('load');
      const answer = await run(browser, script);
      store.restore();
      expect(answer.status).toBe(503);
      expect(answer.setCookies).toEqual([]);
      expect((await run<Data>(browser, facts)).json()).toEqual(ALICE);
    },
  );
});

describe.each(platforms)('start-up on $name', platform => {
  const startWith = async (options: SessionModuleOptions): Promise<void> =>
    (await startApp({ platform, backend: options })).close();

  it('with a store that does not answer starts, says so, answers 503, and serves as soon as it is there', async () => {
    const store = new FaultyStore();
    store.fail('any', { error: new Error('ECONNREFUSED') });
    const app = await startApp({ platform, backend: { store }, controllers: [ScriptController] });
    try {
      expect(app.logs.filter(line => line.startsWith('error')).join()).toMatch(
        /does not answer.*ECONNREFUSED/,
      );
      const browser = app.browser();
      expect((await browser.get('/untouched')).status).toBe(200);
      expect((await run<Data>(browser, session => void (session.note = 'x'))).status).toBe(503);
      store.restore();
      expect((await run<Data>(browser, session => void (session.note = 'x'))).status).toBe(200);
      expect((await run<Data>(browser, session => session.note)).text).toBe('x');
    } finally {
      await app.close();
    }
  });

  it('with failFast does not start, and names the cause', async () => {
    const store = new FaultyStore();
    store.fail('open', { error: new Error('ECONNREFUSED') });
    const starting = startWith({ store, failFast: true });
    await expect(starting).rejects.toThrow(SessionConfigError);
    await expect(starting).rejects.toThrow(/ECONNREFUSED/);
  });

  it('with failFast asks a store that has nothing to open whether it answers', async () => {
    class Plain extends MemorySessionStore {
      override ping(): void {
        throw new Error('nobody home');
      }
    }
    await expect(startWith({ store: new Plain(), failFast: true })).rejects.toThrow(SessionConfigError);
    await expect(startWith({ store: new Plain() })).resolves.toBeUndefined();
  });

  it('with a store that answers and refuses us never starts', async () => {
    const store = new FaultyStore();
    store.fail('open', { error: new StoreRefusedError('WRONGPASS') });
    const starting = startWith({ store });
    await expect(starting).rejects.toThrow(SessionConfigError);
    await expect(starting).rejects.toThrow(/WRONGPASS/);
  });
});

describe.each(platforms)('a full store on $name over memory', platform => {
  it('refuses new sessions with 503; reads, changes, touches and logouts of the others work', async () => {
    const app = await startApp({
      platform,
      backend: { type: 'memory', maxSessions: 1 },
      controllers: [ScriptController],
    });
    try {
      const browser = app.browser();
      await run<Data>(browser, session => void (session.note = 'x'));
      const refused = await run<Data>(app.browser(), session => void (session.note = 'y'));
      expect(refused.status).toBe(503);
      expect(refused.setCookies).toEqual([]);
      expect(app.events).toContainEqual(expect.objectContaining({ code: 'SESSION_STORE_REFUSED' }));
      app.clock.advance(120_000);
      expect((await run<Data>(browser, session => session.note)).text).toBe('x');
      expect((await run<Data>(browser, session => void (session.note = 'z'))).status).toBe(200);
      expect((await run(browser, session => session.destroy())).status).toBe(200);
      expect((await run<Data>(app.browser(), session => void (session.note = 'y'))).status).toBe(200);
    } finally {
      await app.close();
    }
  });
});

describe.each(platforms)('a slow store on $name', platform => {
  it('within the deadline is waited for, reads side by side', async () => {
    const store = new FaultyStore();
    const app = await startApp({
      platform,
      backend: { store },
      controllers: [ScriptController],
    });
    try {
      const browser = app.browser();
      await run<Data>(browser, session => void (session.note = 'x'));
      const all = meetingOf(20);
      store.intercept('load', async apply => {
        await all(); // nobody has an answer before all have asked
        return apply();
      });
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => run<Data>(browser, (session: Session<Data>) => session.note)),
      );
      expect(answers.map(({ text }) => text)).toEqual(answers.map(() => 'x'));
    } finally {
      await app.close();
    }
  });
});
