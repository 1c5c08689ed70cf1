import { afterAll, beforeAll, expect, it } from 'vitest';
import { SessionUsageError, type Session } from '../../lib/index.js';
import type { Browser } from '../support/browser.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { faultyPlace, sharedBackends, type FaultyPlace } from '../support/shared-backends.js';
import { startApp, type RunningApp } from '../support/start-app.js';
import { meetingOf } from '../support/deferred.js';
import { begin, run, ScriptController, visitor, type Script } from '../support/scripts.js';

interface Data {
  n?: number;
  cart?: string[];
  other?: string;
}

const increment: Script<Data> = session => session.update('n', (n = 0) => n + 1);

const dataOf = async (browser: Browser): Promise<Data> =>
  (await run<Data>(browser, session => ({ ...session }))).json();

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing was wrong',
    (error: unknown) => String((error as { code?: string }).code),
  );

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

describeCells('update()', backends, ({ platform, backend }) => {
  let app: RunningApp;
  beforeAll(async () => {
    app = await startApp({
      platform,
      backend,
      controllers: [ScriptController],
      session: { storeTimeout: 10_000 },
    });
  });
  afterAll(() => app.close());

  it('100 parallel increments count to 100, and each got a number of its own', async () => {
    const browser = await visitor(app, { n: 0 });
    const all = meetingOf(100);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        run<Data>(browser, async (session, ...rest) => {
          await all();
          return { n: await increment(session, ...rest) };
        }),
      ),
    );
    const numbers = answers.map(answer => answer.json<{ n: number }>().n);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(await dataOf(browser)).toEqual({ n: 100 });
  });

  it('25 increments by one request at once count to 25', async () => {
    const browser = await visitor(app, { n: 0 });
    await run<Data>(browser, async (session, ...rest) => {
      await Promise.all(Array.from({ length: 25 }, () => increment(session, ...rest)));
      session.other = 'beside it';
    });
    expect(await dataOf(browser)).toEqual({ n: 25, other: 'beside it' });
  });

  it('takes an async function, and hands its result back', async () => {
    const browser = await visitor(app, { cart: ['a'] });
    const answer = await run<Data>(browser, async session => {
      const cart = await session.update('cart', async (items = []) => {
        await pause(1);
        return [...items, 'b'];
      });
      return { cart, seen: session.cart };
    });
    expect(answer.json()).toEqual({ cart: ['a', 'b'], seen: ['a', 'b'] });
    expect(await dataOf(browser)).toEqual({ cart: ['a', 'b'] });
  });

  it('gives the function a copy of its own: what it does to it and then throws away changes nothing', async () => {
    const browser = await visitor(app, { cart: ['a'] });
    const answer = await run<Data>(browser, async session => {
      const inHand = session.cart;
      const failed = await session
        .update('cart', (cart = []) => {
          cart.push('lost');
          throw new Error('changed my mind');
        })
        .catch((error: unknown) => (error as Error).message);
      return { failed, inHand, now: session.cart };
    });
    expect(answer.json()).toEqual({ failed: 'changed my mind', inHand: ['a'], now: ['a'] });
    expect(await dataOf(browser)).toEqual({ cart: ['a'] });
  });

  it('goes on with the next one when a function throws', async () => {
    const browser = await visitor(app, { n: 0 });
    const slow = await begin<Data>(browser, (session, { pause: wait }) =>
      session.update('n', async () => {
        await wait();
        throw new Error('no');
      }),
    );
    const next = run(browser, increment);
    expect((await slow.finish()).status).toBe(500);
    expect((await next).status).toBe(200);
    expect(await dataOf(browser)).toEqual({ n: 1 });
  });

  it('starts from an unsaved assignment of the same request', async () => {
    const browser = await visitor(app, { n: 1 });
    await run<Data>(browser, async session => {
      session.n = 10;
      await session.update('n', n => (n ?? 0) + 1);
    });
    expect(await dataOf(browser)).toEqual({ n: 11 });
  });

  it('starts from an unsaved edit inside the value, and from an unsaved removal', async () => {
    const browser = await visitor(app, { cart: ['a'], n: 5 });
    await run<Data>(browser, async session => {
      session.cart!.push('b');
      delete session.n;
      await session.update('cart', (cart = []) => [...cart, 'c']);
      await session.update('n', (n = 100) => n + 1);
    });
    expect(await dataOf(browser)).toEqual({ cart: ['a', 'b', 'c'], n: 101 });
  });

  it('starts from what others wrote since this request loaded the session, when it only read the key', async () => {
    const browser = await visitor(app, { cart: ['a'] });
    const slow = await begin<Data>(browser, async (session, { pause: wait }) => {
      const before = session.cart;
      await wait();
      await session.update('cart', (cart = []) => [...cart, 'mine']);
      return { before, after: session.cart };
    });
    await run<Data>(browser, session => void session.cart!.push('theirs'));
    expect((await slow.finish()).json()).toEqual({ before: ['a'], after: ['a', 'theirs', 'mine'] });
    expect(await dataOf(browser)).toEqual({ cart: ['a', 'theirs', 'mine'] });
  });

  it('is not undone by the commit of its own request, which may come much later', async () => {
    const browser = await visitor(app, { n: 0, cart: ['a'] });
    const slow = await begin<Data>(browser, async (session, { pause: wait }) => {
      await session.update('n', (n = 0) => n + 1);
      await session.update('cart', (cart = []) => [...cart, 'b']);
      session.other = 'something to commit';
      await wait();
      return [session.n, session.cart];
    });
    await run(browser, increment);
    await run<Data>(browser, session => void (session.cart = ['theirs']));
    expect((await slow.finish()).json()).toEqual([1, ['a', 'b']]);
    expect(await dataOf(browser)).toEqual({ n: 2, cart: ['theirs'], other: 'something to commit' });
  });

  it('an assignment made while update() runs is kept', async () => {
    const browser = await visitor(app, { n: 0 });
    await run<Data>(browser, async session => {
      const update = session.update('n', async (n = 0) => {
        await pause(1);
        return n + 1;
      });
      session.n = 50;
      expect(await update).toBe(1);
      expect(session.n).toBe(50);
    });
    expect(await dataOf(browser)).toEqual({ n: 50 });
  });

  it('refuses a function that returns undefined for a key that has a value, and keeps the value', async () => {
    const browser = await visitor(app, { n: 1, other: 'x' });
    const answer = await run<Data>(browser, async session => {
      const refused = (key: 'n' | 'other'): Promise<unknown> =>
        session.update(key, () => undefined).catch((reason: unknown) => reason);
      const error = (await refused('n')) as Error;
      session.other = 'pending';
      const isUsage = (await refused('other')) instanceof SessionUsageError;
      return { error: error.message, isUsage, n: session.n };
    });
    expect(answer.json()).toEqual({
      error: expect.stringMatching(/returned undefined.*delete\("n"\) or take\("n"\)/),
      isUsage: true,
      n: 1,
    });
    expect(await dataOf(browser)).toEqual({ n: 1, other: 'pending' });
  });

  it('creates the session when there is none, and creates nothing for undefined', async () => {
    const browser = app.browser();
    const nothing = await run<Data>(browser, session => session.update('n', () => undefined));
    expect(nothing.setCookies).toEqual([]);
    const first = await run(browser, increment);
    expect(first.setCookies).toHaveLength(1);
    expect((await run(browser, increment)).text).toBe('2');
    expect(await dataOf(browser)).toEqual({ n: 2 });
  });

  it('creates one session for many at once by one visitor', async () => {
    const browser = app.browser();
    const answer = await run<Data>(browser, async (session, ...rest) => {
      await Promise.all(Array.from({ length: 10 }, () => increment(session, ...rest)));
    });
    expect(answer.setCookies).toHaveLength(1);
    expect(await dataOf(browser)).toEqual({ n: 10 });
  });

  it('a value that cannot be kept is refused, and the stored one stays', async () => {
    const browser = await visitor(app, { n: 1 });
    const answer = await run<Data>(browser, async session => ({
      code: await codeOf(session.update('n', () => (() => 1) as unknown as number)),
      n: session.n,
    }));
    expect(answer.json()).toEqual({ code: 'SESSION_VALUE_REFUSED', n: 1 });
    expect(await dataOf(browser)).toEqual({ n: 1 });
  });

  it.each<{ name: string; nested: (session: Session<Data>) => Promise<unknown> }>([
    { name: 'update() of another key', nested: session => session.update('other', () => 'x') },
    { name: 'update() of the same key', nested: session => session.update('n', () => 1) },
    { name: 'take()', nested: session => session.take('other') },
    { name: 'login()', nested: session => session.login('alice') },
    { name: 'regenerate()', nested: session => session.regenerate() },
    { name: 'destroy()', nested: session => session.destroy() },
    { name: 'reload()', nested: session => session.reload() },
  ])('$name inside the function rejects at once, and the update itself goes on', async ({ nested }) => {
    const browser = await visitor(app, { n: 1, other: 'there' });
    const answer = await run<Data>(browser, async session => {
      let code = '';
      const n = await session.update('n', async (value = 0) => {
        code = await codeOf(nested(session));
        return value + 1;
      });
      return { code, n };
    });
    expect(answer.json()).toEqual({ code: 'SESSION_MISUSED', n: 2 });
    expect(await dataOf(browser)).toEqual({ n: 2, other: 'there' });
  });

  it.each<{ name: string; nested: (session: Session<Data>) => Promise<unknown> }>([
    { name: 'save()', nested: session => session.save() },
    { name: 'touch()', nested: session => session.touch() },
  ])(
    '$name inside the function runs concurrently, and rejects at once where it would wait for the update',
    async ({ nested }) => {
      const browser = app.browser();
      for (const expected of ['SESSION_MISUSED', 'nothing was wrong']) {
        const answer = await run<Data>(browser, async session => {
          let code = '';
          await session.update('n', async (n = 0) => {
            session.other = 'assigned inside';
            code = await codeOf(nested(session));
            return n + 1;
          });
          return { code };
        });
        expect(answer.json()).toEqual({ code: expected });
      }
      expect(await dataOf(browser)).toEqual({ n: 2, other: 'assigned inside' });
    },
  );

  it('inside the function, another session may be updated', async () => {
    const mine = await visitor(app, { n: 0 });
    const theirs = await visitor(app, { n: 0 });
    await run<Data>(mine, session =>
      session.update('n', async (n = 0) => {
        await run(theirs, increment);
        return n + 1;
      }),
    );
    expect(await dataOf(mine)).toEqual({ n: 1 });
    expect(await dataOf(theirs)).toEqual({ n: 1 });
  });

  it('readers and updates of other keys do not wait for an update that is under way', async () => {
    const browser = await visitor(app, { n: 7 });
    const slow = await begin<Data>(browser, (session, { pause: wait }) =>
      session.update('n', async (n = 0) => {
        await wait();
        return n + 1;
      }),
    );
    expect(await dataOf(browser)).toEqual({ n: 7 });
    expect((await run<Data>(browser, session => session.update('other', () => 'done'))).text).toBe('done');
    await slow.finish();
    expect(await dataOf(browser)).toEqual({ n: 8, other: 'done' });
  });

  it.each<{ name: string; then: (session: Session<Data>) => Promise<void> }>([
    { name: 'login()', then: session => session.login('alice') },
    { name: 'regenerate({ keep: true })', then: session => session.regenerate({ keep: true }) },
  ])('$name on the same object waits for it and carries its result over', async ({ then }) => {
    const browser = await visitor(app, { n: 1 });
    await run<Data>(browser, async session => {
      const update = session.update('n', async (n = 0) => {
        await pause(5);
        return n + 1;
      });
      await then(session);
      expect(await update).toBe(2);
    });
    expect(await dataOf(browser)).toEqual({ n: 2 });
  });

  it('destroy() on the same object waits for it, and one that comes after begins a new session', async () => {
    const browser = await visitor(app, { n: 1, other: 'old' });
    const before = browser.copy();
    const answer = await run<Data>(browser, async session => {
      const update = session.update('n', async (n = 0) => {
        await pause(5);
        return n + 1;
      });
      const destroy = session.destroy();
      const next = session.update('n', (n = 0) => n + 1);
      await destroy;
      return { update: await update, next: await next };
    });
    expect(answer.json()).toEqual({ update: 2, next: 1 });
    expect(answer.setCookies).toHaveLength(1);
    expect(await dataOf(browser)).toEqual({ n: 1 });
    expect(await dataOf(before)).toEqual({});
  });
});

describeCells('take() and flashes()', backends, ({ platform, backend }) => {
  let app: RunningApp;
  beforeAll(async () => {
    app = await startApp({
      platform,
      backend,
      controllers: [ScriptController],
      session: { storeTimeout: 10_000 },
    });
  });
  afterAll(() => app.close());

  it('of 20 parallel take() one gets the value', async () => {
    const browser = await visitor(app, { other: 'token' });
    const all = meetingOf(20);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        run<Data>(browser, async session => {
          await all();
          return { taken: await session.take('other') };
        }),
      ),
    );
    const taken = answers.map(answer => answer.json<{ taken?: string }>().taken);
    expect(taken.filter(value => value !== undefined)).toEqual(['token']);
    expect(await dataOf(browser)).toEqual({});
  });

  it('take() returns the current value, not the value at the time of the load', async () => {
    const browser = await visitor(app, { other: 'first' });
    const slow = await begin<Data>(browser, async (session, { pause: wait }) => {
      await wait();
      return { taken: await session.take('other') };
    });
    await run<Data>(browser, session => void (session.other = 'second'));
    expect((await slow.finish()).json()).toEqual({ taken: 'second' });
    expect(await dataOf(browser)).toEqual({});
  });

  it('take() gives an unsaved assignment, and it is not saved afterwards', async () => {
    const browser = await visitor(app, { other: 'stored' });
    const answer = await run<Data>(browser, async session => {
      session.other = 'pending';
      return { taken: await session.take('other'), again: (await session.take('other')) ?? null };
    });
    expect(answer.json()).toEqual({ taken: 'pending', again: null });
    expect(await dataOf(browser)).toEqual({});
  });

  it('take() of a visitor finds nothing and creates nothing', async () => {
    const browser = app.browser();
    const answer = await run<Data>(browser, async session => ({
      taken: (await session.take('other')) ?? null,
    }));
    expect(answer.json()).toEqual({ taken: null });
    expect(answer.setCookies).toEqual([]);
  });

  it('a flash message that 20 requests ask for at once is given out once', async () => {
    const browser = app.browser();
    await run(browser, session => {
      session.flash('info', 'one');
      session.flash('error', { code: 2 });
    });
    const all = meetingOf(20);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        run(browser, async session => {
          await all();
          return session.flashes();
        }),
      ),
    );
    expect(answers.flatMap(answer => answer.json<unknown[]>())).toEqual([
      { category: 'info', message: 'one' },
      { category: 'error', message: { code: 2 } },
    ]);
    expect((await run(browser, session => session.flashes())).json()).toEqual([]);
  });

  it('20 flash messages left by parallel requests are all there', async () => {
    const browser = await visitor(app, { n: 0 });
    const all = meetingOf(20);
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        run(browser, async session => {
          await all();
          session.flash('info', i);
        }),
      ),
    );
    const messages = (await run(browser, session => session.flashes('info'))).json<number[]>();
    expect(messages.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('flash messages come oldest first, by category, and those of others stay', async () => {
    const browser = app.browser();
    for (const [category, message] of [
      ['info', 1],
      ['error', 2],
      ['info', 3],
    ] as const) {
      await run(browser, session => session.flash(category, message));
      app.clock.advance(1);
    }
    const infos = await run(browser, async session => {
      session.flash('info', 4);
      return session.flashes('info');
    });
    expect(infos.json()).toEqual([1, 3, 4]);
    expect((await run(browser, session => session.flashes())).json()).toEqual([
      { category: 'error', message: 2 },
    ]);
  });

  it('flash messages follow a login and regenerate({ keep: true }), outlive clear(), and are not data', async () => {
    const browser = app.browser();
    await run(browser, session => session.flash('info', 'from before'));
    await run(browser, session => session.login('alice'));
    await run(browser, session => session.regenerate({ keep: true }));
    await run(browser, session => session.clear());
    expect((await run(browser, session => Object.keys(session))).json()).toEqual([]);
    expect((await run(browser, session => session.flashes('info'))).json()).toEqual(['from before']);
  });

  it('flash messages are removed by regenerate(), by keep with a list of keys, and by a login as another user', async () => {
    for (const rotate of [
      (session: Session) => session.regenerate(),
      (session: Session) => session.regenerate({ keep: ['other'] }),
      (session: Session) => session.login('bob'),
    ]) {
      const browser = app.browser();
      await run(browser, session => session.login('alice'));
      await run(browser, session => session.flash('info', 'for alice'));
      await run(browser, session => rotate(session as Session));
      expect((await run(browser, session => session.flashes())).json()).toEqual([]);
    }
  });
});

describeCells('update() that runs out of time', backends, cell => {
  const storeTimeout = 500;
  let place: FaultyPlace;
  let app: RunningApp;
  beforeAll(async () => {
    place = await faultyPlace(cell.backend);
    app = await startApp({
      platform: cell.platform,
      backend: place.options,
      controllers: [ScriptController],
      session: { storeTimeout },
    });
  });
  afterAll(async () => {
    await app.close();
    await place.dispose();
  });

  it('rejects with SESSION_CONFLICT when others keep writing, and applies nothing', async () => {
    const browser = await visitor(app, { n: 0 });
    let others = 0;
    let runs = 0;
    let writing: unknown;
    const answer = await run<Data>(browser, session =>
      session.update('n', async (n = 0) => {
        runs++;
        const now = app.clock.now();
        const moments = { lastSeenAt: now, expiresAt: now + 60_000 };
        others += 10;
        const change = { set: { 'd:n': String(others) }, delete: [], ...moments };
        await (writing = app.store.update(session.id!, change, now));
        return n + 1;
      }),
    );
    await writing; // the last one may be under way when the time is up
    expect(answer.status).toBe(503);
    expect(answer.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
    expect(answer.setCookies).toEqual([]);
    expect(runs).toBeGreaterThan(2);
    expect(await dataOf(browser)).toEqual({ n: others });
  });

  it('gives the function the newer value each time it runs', async () => {
    const browser = await visitor(app, { n: 0 });
    const seen: (number | undefined)[] = [];
    await run<Data>(browser, session =>
      session.update('n', async n => {
        seen.push(n);
        const now = app.clock.now();
        const moments = { lastSeenAt: now, expiresAt: now + 60_000 };
        if (seen.length < 3)
          await app.store.update(
            session.id!,
            { set: { 'd:n': String(seen.length * 10) }, delete: [], ...moments },
            now,
          );
        return (n ?? 0) + 1;
      }),
    );
    expect(seen).toEqual([0, 10, 20]);
    expect(await dataOf(browser)).toEqual({ n: 21 });
  });

  it('rejects with SESSION_CONFLICT when its function takes longer, and a late result is not applied', async () => {
    const browser = await visitor(app, { n: 0 });
    let finishFunction!: () => void;
    const functionFinishes = new Promise<void>(resolve => (finishFunction = resolve));
    const answer = await run<Data>(browser, async session => ({
      code: await codeOf(
        session.update('n', async () => {
          await functionFinishes;
          return 99;
        }),
      ),
    }));
    expect(answer.json()).toEqual({ code: 'SESSION_CONFLICT' });
    finishFunction();
    expect((await run(browser, increment)).text).toBe('1');
    expect(await dataOf(browser)).toEqual({ n: 1 });
  });

  it('is not an outage: the next call goes to the store at once', async () => {
    const browser = await visitor(app, { n: 0 });
    await run<Data>(browser, session => session.update('n', () => new Promise<number>(() => undefined)));
    expect(app.events.filter(({ type }) => type === 'store-failed')).toEqual([]);
    expect((await run(browser, increment)).text).toBe('1');
  });

  it('one that waits too long behind another rejects, and its function never runs', async () => {
    const browser = await visitor(app, { n: 0 });
    // The first is slow in its function, then in the store: the second, which waits behind it, runs out of time first.
    const write = place.store.hold('update', { times: 1 });
    const first = await begin<Data>(browser, async (session, { pause: wait }) => ({
      code: await codeOf(
        session.update('n', async (n = 0) => {
          await wait();
          await pause(storeTimeout / 2);
          return n + 1;
        }),
      ),
    }));
    let ran = false;
    const second = await run<Data>(browser, async session => {
      const waiting = session.update('n', (n = 0) => {
        ran = true;
        return n + 1;
      });
      first.goOn();
      return { code: await codeOf(waiting) };
    });
    expect(second.json()).toEqual({ code: 'SESSION_CONFLICT' });
    write.release();
    await first.answer;
    expect(ran).toBe(false);
  });
});

describeCells('update() and take() across two applications', sharedBackends, ({ platform, backend }) => {
  let here: RunningApp;
  let there: RunningApp;
  beforeAll(async () => {
    const common = { platform, controllers: [ScriptController], session: { storeTimeout: 15_000 } };
    here = await startApp({ ...common, backend });
    there = await startApp({ ...common, backend: here.place, clock: here.clock });
  });
  afterAll(async () => {
    await there.close();
    await here.close();
  });

  it('100 parallel increments count to 100, functions that take their time included', async () => {
    const browser = await visitor(here, { n: 0 });
    const all = meetingOf(100);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        run<Data>(browser.copy((i % 2 === 0 ? here : there).url), async session => {
          await all();
          const n = await session.update('n', async (value = 0) => {
            await Promise.resolve();
            return value + 1;
          });
          return { n };
        }),
      ),
    );
    const numbers = answers.map(answer => answer.json<{ n: number }>().n);
    expect(new Set(numbers).size).toBe(100);
    expect(await dataOf(browser)).toEqual({ n: 100 });
    expect(await dataOf(browser.copy(there.url))).toEqual({ n: 100 });
  });

  it('of 20 parallel take() one gets the value', async () => {
    const browser = await visitor(here, { other: 'token' });
    const all = meetingOf(20);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        run<Data>(browser.copy((i % 2 === 0 ? here : there).url), async session => {
          await all();
          return { taken: await session.take('other') };
        }),
      ),
    );
    const taken = answers.map(answer => answer.json<{ taken?: string }>().taken);
    expect(taken.filter(value => value !== undefined)).toEqual(['token']);
  });

  it('a flash message that both ask for is given out once', async () => {
    const browser = here.browser();
    await run(browser, session => session.flash('info', 'once'));
    const all = meetingOf(10);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        run(browser.copy((i % 2 === 0 ? here : there).url), async session => {
          await all();
          return session.flashes('info');
        }),
      ),
    );
    expect(answers.flatMap(answer => answer.json<unknown[]>())).toEqual(['once']);
  });
});
