import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser } from '../support/browser.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import type { StoreVerb } from '../../lib/testing/index.js';
import { faultyPlace, type FaultyPlace } from '../support/shared-backends.js';
import { startApp, type RunningApp } from '../support/start-app.js';
import { meetingOf } from '../support/deferred.js';
import { MINUTE } from '../support/durations.js';
import { begin, run, ScriptController, visitor, type Script } from '../support/scripts.js';

interface Data {
  a?: unknown;
  b?: unknown;
  n?: number;
  tree?: { deep: { list: number[] } };
  when?: Date;
  map?: Map<string, Set<number>>;
}

const FULL: Data = {
  a: 1,
  b: 'text',
  n: 0,
  tree: { deep: { list: [1, 2, 3] } },
  when: new Date(0),
  map: new Map([['k', new Set([1])]]),
};

const writeManyKeys: Script<Data> = session => {
  session.a = 2;
  session.b = 'changed';
  session.tree!.deep.list.push(4);
  delete session.map;
  session.flash('info', 'x');
};

const updateTwice: Script<Data> = async session => {
  await session.update('n', (n = 0) => n + 1);
  await session.update('n', (n = 0) => n + 1);
};

describeCells('store calls of a request', backends, ({ platform, backend }) => {
  let place: FaultyPlace;
  let app: RunningApp;
  let lazy: RunningApp;
  beforeAll(async () => {
    place = await faultyPlace(backend);
    const common = { platform, backend: place.options, controllers: [ScriptController] };
    app = await startApp(common);
    lazy = await startApp({ ...common, clock: app.clock, session: { load: 'lazy' } });
  });
  afterAll(async () => {
    await lazy.close();
    await app.close();
    await place.dispose();
  });

  /** What one request asks of the store. */
  async function callsOf(browser: Browser, script: Script<Data>): Promise<StoreVerb[]> {
    place.store.takeVerbs();
    const { status, text } = await run(browser, script);
    expect(`${status} ${status === 200 ? '' : text}`).toBe('200 ');
    return place.store.takeVerbs();
  }

  it('none for a visitor, whatever the handler reads', async () => {
    const looks: Script<Data>[] = [
      session => session.a,
      session => 'a' in session,
      session => ({ ...session }),
      session => JSON.stringify(session),
      session => [session.isNew, session.loggedInAs, session.id, session.expiresAt],
      session => session.save(),
      session => session.touch(),
      session => session.reload(),
      session => session.flashes(),
      session => session.clear(),
      session => void delete session.a,
      session => void ((session.a = 1), delete session.a),
      session => session.destroy(),
      session => session.regenerate(),
    ];
    const browser = app.browser();
    for (const script of looks) expect(await callsOf(browser, script)).toEqual([]);
    expect(browser.cookies.size).toBe(0);
    await browser.get('/untouched');
    expect(place.store.takeVerbs()).toEqual([]);
  });

  it('none for a cookie that cannot be ours', async () => {
    const browser = app.browser();
    browser.cookies.set('sid', 'nonsense');
    expect(await callsOf(browser, session => session.a)).toEqual([]);
  });

  it('one to read', async () => {
    expect(await callsOf(await visitor(app, FULL), session => [session.a, session.b, session.tree])).toEqual([
      'load',
    ]);
  });

  it('one to create, and one to read and one to write, however many keys', async () => {
    const browser = app.browser();
    expect(await callsOf(browser, session => void Object.assign(session, FULL))).toEqual(['create']);
    expect(await callsOf(browser, writeManyKeys)).toEqual(['load', 'update']);
  });

  it('with load: "lazy", none for a route that does not use the session, and the same for others', async () => {
    const browser = (await visitor(app, FULL)).copy(lazy.url);
    place.store.takeVerbs();
    expect((await browser.get('/untouched')).status).toBe(200);
    expect(place.store.takeVerbs()).toEqual([]);
    expect(await callsOf(browser, session => session.a)).toEqual(['load']);
    expect(await callsOf(browser, session => void (session.a = 'lazy'))).toEqual(['load', 'update']);
  });

  it.each<{ what: string; script: Script<Data> }>([
    { what: 'reading everything', script: session => void JSON.stringify(session) },
    {
      what: 'walking through it',
      script: session => [session.tree!.deep.list.map(Number), [...session.map!]],
    },
    { what: 'assigning what is there', script: session => void ((session.a = 1), (session.b = 'text')) },
    {
      what: 'assigning an equal object',
      script: session => void (session.tree = { deep: { list: [1, 2, 3] } }),
    },
    { what: 'assigning an equal Date', script: session => void (session.when = new Date(0)) },
    {
      what: 'assigning an equal Map',
      script: session => void (session.map = new Map([['k', new Set([1])]])),
    },
    { what: 'assigning the value itself', script: session => session.set('map', session.get('map')) },
    {
      what: 'changing it and changing it back',
      script: session => void ((session.a = 2), (session.a = 1)),
    },
    {
      what: 'editing inside and undoing it',
      script: session => void (session.tree!.deep.list.push(4), session.tree!.deep.list.pop()),
    },
    { what: 'removing what is not there', script: session => void delete (session as { x?: 1 }).x },
    { what: 'setting and removing a new key', script: s => void (s.set('x', 1), s.delete('x')) },
    { what: 'saving without a change', script: session => session.save() },
  ])('$what writes nothing', async ({ script }) => {
    expect(await callsOf(await visitor(app, FULL), script)).toEqual(['load']);
  });

  it('writes only the keys that changed, not those that were read', async () => {
    const browser = await visitor(app, FULL);
    place.store.calls.length = 0;
    await run<Data>(browser, session => {
      JSON.stringify(session);
      session.n = 5;
    });
    const update = place.store.calls.find(({ verb }) => verb === 'update')!.args[1];
    expect(update).toMatchObject({ set: { 'd:n': '5' }, delete: [] });
  });

  it('one touch per interval, and none in addition to a write', async () => {
    const browser = await visitor(app, FULL);
    app.clock.advance(2 * MINUTE);
    expect(await callsOf(browser, session => session.a)).toEqual(['load', 'touch']);
    expect(await callsOf(browser, session => session.a)).toEqual(['load']);
    app.clock.advance(2 * MINUTE);
    expect(await callsOf(browser, session => void (session.a = Math.random()))).toEqual(['load', 'update']);
    expect(await callsOf(browser, session => session.a)).toEqual(['load']);
  });

  it('update() and take() cost one each', async () => {
    const browser = await visitor(app, FULL);
    expect(await callsOf(browser, session => session.update('n', (n = 0) => n + 1))).toEqual([
      'load',
      'update',
    ]);
    expect(await callsOf(browser, session => session.take('a'))).toEqual(['load', 'update']);
    expect(await callsOf(browser, updateTwice)).toEqual(['load', 'update', 'update']);
  });

  it('50 parallel updates of one key cost one load and at most two writes each, not 50 × 50', async () => {
    const browser = await visitor(app, FULL);
    const all = meetingOf(50);
    place.store.takeVerbs();
    await Promise.all(
      Array.from({ length: 50 }, () =>
        run<Data>(browser, async session => {
          await all();
          await session.update('n', (n = 0) => n + 1);
        }),
      ),
    );
    const calls = place.store.takeVerbs();
    expect(calls.filter(verb => verb === 'load')).toHaveLength(50);
    expect(calls.filter(verb => verb === 'update').length).toBeLessThanOrEqual(100);
    expect((await run<Data>(browser, session => session.n)).text).toBe('50');
  });

  it('50 requests at once with one expired cookie cost one load each, and nothing is deleted or begun', async () => {
    const browser = await visitor(app, FULL);
    app.clock.advance(2 * 60 * MINUTE);
    place.store.takeVerbs();
    await Promise.all(
      Array.from({ length: 50 }, () => run<Data>(browser.copy(), session => session.a ?? 'nobody')),
    );
    expect(place.store.takeVerbs()).toEqual(Array.from({ length: 50 }, () => 'load'));
  });

  it('taking all flash messages costs one, taking none costs none', async () => {
    const browser = await visitor(app, FULL);
    expect(await callsOf(browser, session => session.flashes())).toEqual(['load']);
    await run(browser, session => {
      session.flash('info', 1);
      session.flash('info', 2);
    });
    expect(await callsOf(browser, session => session.flashes())).toEqual(['load', 'update']);
  });

  it('a login costs eight at most, with data of others to carry over', async () => {
    const browser = await visitor(app, FULL, 'bob');
    place.store.takeVerbs();
    const slow = await begin<Data>(browser, async (session, { pause }) => {
      session.a = 'mine';
      await pause();
      await session.login('bob');
      session.b = 'after';
    });
    const mine = place.store.takeVerbs();
    await run<Data>(browser, session => void (session.n = 99));
    place.store.takeVerbs();
    await slow.finish();
    const calls = [...mine, ...place.store.takeVerbs()];
    expect(calls.filter(verb => verb === 'load')).toHaveLength(1);
    expect(calls.length).toBeLessThanOrEqual(8);
    expect((await run<Data>(browser, session => [session.a, session.b, session.n])).json()).toEqual([
      'mine',
      'after',
      99,
    ]);
  });

  it('the first login of a visitor, a rotation and a logout have their exact price', async () => {
    const browser = app.browser();
    expect(await callsOf(browser, session => session.login('carol'))).toEqual([
      'index.add',
      'create',
      'index.confirm',
    ]);
    const anonymous = await visitor(app, FULL);
    expect(await callsOf(anonymous, session => session.regenerate({ keep: true }))).toEqual([
      'load',
      'create',
      'destroy',
    ]);
    expect(await callsOf(browser, session => session.destroy())).toEqual(['load', 'destroy']);
  });
});
