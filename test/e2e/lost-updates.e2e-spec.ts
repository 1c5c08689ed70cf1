import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser } from '../support/browser.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { sharedBackends } from '../support/shared-backends.js';
import { startApp, type RunningApp } from '../support/start-app.js';
import { meetingOf } from '../support/deferred.js';
import { begin, run, ScriptController, visitor, type Script } from '../support/scripts.js';

interface Data {
  a?: unknown;
  b?: unknown;
  tree?: { a: { b: number; c?: string }; list: number[] };
  map?: Map<string, number>;
  words?: Set<string>;
  since?: Date;
  bytes?: Uint8Array;
}

const assign =
  (value: unknown): Script<Data> =>
  session =>
    void (session.a = value);

const dataOf = async (browser: Browser): Promise<Record<string, unknown>> =>
  (await run(browser, session => ({ ...session }))).json();

/** Two requests that have both loaded the session; their commits follow one after the other. */
async function oneAfterTheOther(first: Browser, one: Script<Data>, second: Browser, other: Script<Data>) {
  const paused = [];
  for (const [browser, script] of [[first, one] as const, [second, other] as const]) {
    paused.push(
      await begin<Data>(browser, async (session, http) => {
        const result = await script(session, http);
        await http.pause();
        return result;
      }),
    );
  }
  for (const request of paused) expect((await request.finish()).status).toBe(200);
}

describeCells('no lost updates', backends, ({ platform, backend }) => {
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

  it.each([20, 50])('%d parallel requests that set different keys leave all of them', async count => {
    const browser = await visitor(app, { a: 1 });
    const allHaveLoaded = meetingOf(count);
    const keys = Array.from({ length: count }, (_, i) => `key ${i}`);
    const answers = await Promise.all(
      keys.map(key =>
        run(browser, async session => {
          await allHaveLoaded();
          session[key] = key;
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 200));
    expect(await dataOf(browser)).toEqual({ a: 1, ...Object.fromEntries(keys.map(key => [key, key])) });
  });

  it('of two that set the same key the later one stays, whichever loaded first', async () => {
    const browser = await visitor(app, { a: 1 });
    await oneAfterTheOther(browser, assign('earlier'), browser, assign('later'));
    expect(await dataOf(browser)).toEqual({ a: 'later' });
  });

  it('setting a key and removing another both stay', async () => {
    const browser = await visitor(app, { a: 1, b: 1 });
    await oneAfterTheOther(
      browser,
      session => void delete session.a,
      browser,
      session => void (session.b = 2),
    );
    expect(await dataOf(browser)).toEqual({ b: 2 });
  });

  it.each([
    { order: 'removing, then setting', writes: [undefined, 2], left: { a: 2 } },
    { order: 'setting, then removing', writes: [2, undefined], left: {} },
  ])('of $order the same key the later one stays', async ({ writes, left }) => {
    const browser = await visitor(app, { a: 1 });
    await oneAfterTheOther(browser, assign(writes[0]), browser, assign(writes[1]));
    expect(await dataOf(browser)).toEqual(left);
  });

  it('clear() removes the keys that the request loaded, and none that another request added', async () => {
    const browser = await visitor(app, { a: 1 });
    await oneAfterTheOther(
      browser,
      session => void (session.b = 'new'),
      browser,
      session => session.clear(),
    );
    expect(await dataOf(browser)).toEqual({ b: 'new' });
  });

  it('a reader that answers last rolls nothing back', async () => {
    const browser = await visitor(app, { a: 1, tree: { a: { b: 1 }, list: [1] } });
    await oneAfterTheOther(
      browser,
      session => void ((session.a = 2), (session.tree = { a: { b: 2 }, list: [] })),
      browser,
      session => JSON.stringify(session),
    );
    expect(await dataOf(browser)).toEqual({ a: 2, tree: { a: { b: 2 }, list: [] } });
  });

  it('edits inside two values by two requests both stay, those inside one value are the later’s', async () => {
    const browser = await visitor(app, { a: { x: 1 }, tree: { a: { b: 1 }, list: [1] } });
    await oneAfterTheOther(
      browser,
      session => void ((session.a as { x: number }).x = 2),
      browser,
      session => void session.tree!.list.push(2),
    );
    expect(await dataOf(browser)).toEqual({ a: { x: 2 }, tree: { a: { b: 1 }, list: [1, 2] } });
  });

  it.each<{ edit: string; script: Script<Data>; check: Script<Data>; expected: unknown }>([
    {
      edit: 's.a.b = 1',
      script: session => void (session.tree!.a.b = 2),
      check: session => session.tree!.a.b,
      expected: 2,
    },
    {
      edit: 'push',
      script: session => void session.tree!.list.push(4),
      check: session => session.tree!.list,
      expected: [1, 2, 3, 4],
    },
    {
      edit: 'splice',
      script: session => void session.tree!.list.splice(1, 1),
      check: session => session.tree!.list,
      expected: [1, 3],
    },
    {
      edit: 'sorting in place',
      script: session => void session.tree!.list.sort((x, y) => y - x),
      check: session => session.tree!.list,
      expected: [3, 2, 1],
    },
    {
      edit: 'Map.set',
      script: session => void session.map!.set('k', 2),
      check: session => [...session.map!],
      expected: [['k', 2]],
    },
    {
      edit: 'Map.delete',
      script: session => void session.map!.delete('k'),
      check: session => [...session.map!],
      expected: [],
    },
    {
      edit: 'Set.add',
      script: session => void session.words!.add('y'),
      check: session => [...session.words!],
      expected: ['x', 'y'],
    },
    {
      edit: 'Date.setHours',
      script: session => void session.since!.setUTCHours(5),
      check: session => session.since!.toISOString(),
      expected: '1970-01-01T05:00:00.000Z',
    },
    {
      edit: 'a byte of a Uint8Array',
      script: session => void (session.bytes![1] = 9),
      check: session => [...session.bytes!],
      expected: [1, 9],
    },
    {
      edit: 'deleting a nested key',
      script: session => void delete session.tree!.a.c,
      check: session => session.tree!.a,
      expected: { b: 1 },
    },
    {
      edit: 'an object that was assigned and edited afterwards',
      script: session => {
        const list = [1];
        session.a = list;
        list.push(2);
      },
      check: session => session.a,
      expected: [1, 2],
    },
    {
      edit: 'an edit after a save',
      script: async session => {
        session.tree!.list.push(4);
        await session.save();
        session.tree!.list.push(5);
      },
      check: session => session.tree!.list,
      expected: [1, 2, 3, 4, 5],
    },
  ])('notices $edit, without a flag to set', async ({ script, check, expected }) => {
    const browser = await visitor(app, {
      tree: { a: { b: 1, c: 'c' }, list: [1, 2, 3] },
      map: new Map([['k', 1]]),
      words: new Set(['x']),
      since: new Date(0),
      bytes: new Uint8Array([1, 2]),
    });
    expect((await run(browser, script)).status).toBe(200);
    expect((await run<Data>(browser, async (...args) => ({ value: await check(...args) }))).json()).toEqual({
      value: expected,
    });
  });

  it.each<{ steps: string; script: Script<Data>; left: Data }>([
    { steps: 'add, then change', script: s => void ((s.b = 1), (s.b = 2)), left: { a: 1, b: 2 } },
    { steps: 'add, then remove', script: s => void ((s.b = 1), delete s.b), left: { a: 1 } },
    { steps: 'change, then remove', script: s => void ((s.a = 2), delete s.a), left: {} },
    { steps: 'remove, then add', script: s => void (delete s.a, (s.a = 3)), left: { a: 3 } },
    {
      steps: 'remove, save, then add',
      script: async s => (delete s.a, await s.save(), void (s.a = 3)),
      left: { a: 3 },
    },
  ])('$steps in one request gives the final state', async ({ script, left }) => {
    const browser = await visitor(app, { a: 1 });
    await run(browser, script);
    expect(await dataOf(browser)).toEqual(left);
  });

  it('two writes in the very first request both stay, under one id', async () => {
    const browser = app.browser();
    const answer = await run<Data>(browser, async session => {
      session.a = 1;
      await session.save();
      const { id } = session;
      session.b = 2;
      await session.save();
      return { same: id !== undefined && id === session.id };
    });
    expect(answer.json()).toEqual({ same: true });
    expect(answer.setCookies).toHaveLength(1);
    expect(await dataOf(browser)).toEqual({ a: 1, b: 2 });
  });

  it('two operations at once in the very first request create one session', async () => {
    const browser = app.browser();
    const answer = await run<Data>(browser, async session => {
      session.a = 1;
      await Promise.all([
        session.update('b', (n: unknown) => Number(n ?? 0) + 1),
        session.save(),
        session.update('b', (n: unknown) => Number(n ?? 0) + 1),
      ]);
    });
    expect(answer.status).toBe(200);
    expect(answer.setCookies).toHaveLength(1);
    expect(await dataOf(browser)).toEqual({ a: 1, b: 2 });
  });

  it('two saves at once in the very first request create one session', async () => {
    const browser = app.browser();
    app.events.length = 0;
    await run<Data>(browser, async session => {
      session.a = 1;
      const first = session.save();
      session.b = 2;
      await Promise.all([first, session.save()]);
    });
    expect(app.events.filter(({ type }) => type === 'created')).toHaveLength(1);
    expect(await dataOf(browser)).toEqual({ a: 1, b: 2 });
  });

  it('50 parallel first requests get a session each, and none shares one', async () => {
    const all = meetingOf(50);
    const browsers = Array.from({ length: 50 }, () => app.browser());
    await Promise.all(
      browsers.map((browser, i) =>
        run<Data>(browser, async session => {
          session.a = i;
          await all();
        }),
      ),
    );
    expect(new Set(browsers.map(({ cookie }) => cookie)).size).toBe(50);
    const data = await Promise.all(browsers.map(browser => dataOf(browser)));
    expect(data).toEqual(browsers.map((_, i) => ({ a: i })));
  });

  it('a write does not change the objects that another request holds', async () => {
    const browser = await visitor(app, { tree: { a: { b: 1 }, list: [1] } });
    const reader = await begin<Data>(browser, async (session, { pause }) => {
      const { tree } = session;
      await pause();
      return tree;
    });
    await run<Data>(browser, session => void session.tree!.list.push(2));
    expect((await reader.finish()).json()).toEqual({ a: { b: 1 }, list: [1] });
    expect(await dataOf(browser)).toEqual({ tree: { a: { b: 1 }, list: [1, 2] } });
  });
});

describeCells('no lost updates across two applications', sharedBackends, ({ platform, backend }) => {
  let here: RunningApp;
  let there: RunningApp;
  beforeAll(async () => {
    const common = { platform, controllers: [ScriptController], session: { storeTimeout: 10_000 } };
    here = await startApp({ ...common, backend });
    there = await startApp({ ...common, backend: here.place, clock: here.clock });
  });
  afterAll(async () => {
    await there.close();
    await here.close();
  });

  it('20 parallel requests that set different keys leave all of them', async () => {
    const browser = await visitor(here, { a: 1 });
    const allHaveLoaded = meetingOf(20);
    const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`);
    await Promise.all(
      keys.map((key, i) =>
        run(browser.copy((i % 2 === 0 ? here : there).url), async session => {
          await allHaveLoaded();
          session[key] = key;
        }),
      ),
    );
    const expected = { a: 1, ...Object.fromEntries(keys.map(key => [key, key])) };
    expect(await dataOf(browser)).toEqual(expected);
    expect(await dataOf(browser.copy(there.url))).toEqual(expected);
  });

  it('of two that set the same key the later one stays', async () => {
    const browser = await visitor(here, { a: 1 });
    const elsewhere = browser.copy(there.url);
    await oneAfterTheOther(browser, assign('earlier'), elsewhere, assign('later'));
    expect(await dataOf(browser)).toEqual({ a: 'later' });
    await oneAfterTheOther(elsewhere, assign('first'), browser, assign('second'));
    expect(await dataOf(elsewhere)).toEqual({ a: 'second' });
  });
});
