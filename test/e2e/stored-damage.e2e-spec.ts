import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SessionStore, type SessionRecord } from '../../lib/index.js';
import { idOf, newSid } from '../../lib/crypto/session-id.js';
import { MemorySessionStore } from '../../lib/stores/memory/index.js';
import { backends, outsideBackends, type OutsidePlace } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { DAY } from '../support/durations.js';
import { platforms } from '../support/platforms.js';
import { observe, ScriptController, type Script, type Untyped } from '../support/scripts.js';
import { startApp, type RunningApp } from '../support/start-app.js';

const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
const BROKEN_TEXTS: [string, string][] = [
  ['no JSON', '{broken'],
  ['an empty text', ''],
  ['a space', ' '],
  ['a text that was cut off', '{"a":[1,2'],
  ['nested too deep', deep],
  ['a NUL inside', '"a\0b"'],
];

describeCells('damage in the store', backends, ({ platform, backend }) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({ platform, backend, controllers: [ScriptController] });
  });
  afterAll(() => running.close());

  /** A browser whose session holds `{ good: 1 }`, and this text under `d:bad`. */
  async function damaged(text: string, field = 'd:bad') {
    const browser = running.browser();
    const { value: id } = await observe(browser, async session => {
      session.good = 1;
      await session.save();
      return session.id!;
    });
    const now = running.clock.now();
    const written = await running.store.update(
      id,
      { set: { [field]: text }, delete: [], expiresAt: now + 1, lastSeenAt: now },
      now,
    );
    expect(written).toBe('done');
    const stored = async () => ((await running.store.load(id)) as SessionRecord).data[field];
    return { browser, id, stored, since: running.events.length };
  }

  it.each(BROKEN_TEXTS)(
    'one broken value (%s) reads as undefined and is reported by its key',
    async (_, text) => {
      const { browser, id, since } = await damaged(text);
      const { answer, value, error } = await observe(browser, session => ({
        bad: session.bad as unknown,
        good: session.good as unknown,
        isThere: session.has('bad'),
        json: JSON.stringify(session),
      }));
      expect(error).toBeUndefined();
      expect(answer.status).toBe(201);
      expect(value).toEqual({ bad: undefined, good: 1, isThere: true, json: '{"good":1}' });
      expect(running.events.slice(since)).toEqual([
        { type: 'rejected', reason: 'broken-value', id, key: 'bad' },
      ]);
    },
  );

  it('a broken value that no handler reads is not reported and affects nothing', async () => {
    const { browser, since } = await damaged('{broken');
    const { value } = await observe(browser, session => session.good as unknown);
    expect(value).toBe(1);
    expect(running.events.slice(since)).toEqual([]);
  });

  it('a broken value is kept while others are written, by every way to save and to rotate', async () => {
    const { browser, stored } = await damaged('{broken');
    const { error } = await observe(browser, async session => {
      expect(session.bad).toBeUndefined();
      session.good = 2;
      await session.save();
      await session.update('count', (count = 0) => Number(count) + 1);
      expect(await session.take('bad')).toBeUndefined();
      session.good = 3;
    });
    expect(error).toBeUndefined();
    expect(await stored()).toBe('{broken');
    const rotated = await observe(browser, async session => {
      expect(session.bad).toBeUndefined();
      await session.login('alice');
      await session.regenerate({ keep: true });
      return session.id!;
    });
    expect(rotated.error).toBeUndefined();
    const record = (await running.store.load(rotated.value)) as SessionRecord;
    expect(record.data).toMatchObject({ 'd:bad': '{broken', 'd:good': '3' });
  });

  it.each<[string, Script<Untyped>, unknown]>([
    ['an assignment', session => void (session.bad = { mended: true }), { mended: true }],
    [
      'update()',
      session => session.update('bad', (old: unknown) => ({ mended: old === undefined })),
      { mended: true },
    ],
    ['delete()', session => session.delete('bad'), undefined],
    ['clear()', session => session.clear(), undefined],
  ])('%s replaces a broken value', async (_, mend, value) => {
    const { browser, stored } = await damaged('{broken');
    const mended = await observe(browser, mend);
    expect(mended.error).toBeUndefined();
    expect((await observe(browser, session => session.bad as unknown)).value).toEqual(value);
    expect(await stored()).not.toBe('{broken');
  });

  it('a broken flash message affects neither the answer nor the other messages', async () => {
    const { browser } = await damaged('{broken', 'f:000000001-0000deadbeef:info');
    await observe(browser, session => session.flash('info', 'whole'));
    const { value, error } = await observe(browser, session => session.flashes('info'));
    expect(error).toBeUndefined();
    expect(value).toContain('whole');
  });

  const now = Date.now();
  const meta = { v: 1, createdAt: now - DAY / 24, endsAt: now + DAY };
  const BROKEN_META: [string, string][] = [
    ['empty', ''],
    ['one space', ' '],
    ['cut off', JSON.stringify(meta).slice(0, -1)],
    ['null', 'null'],
    ['an array', '[]'],
    ['a number', '7'],
    ['nested too deep', deep],
    ['of version 0', JSON.stringify({ ...meta, v: 0 })],
    ['of version 999', JSON.stringify({ ...meta, v: 999 })],
    ['without version', JSON.stringify({ ...meta, v: undefined })],
    ['without createdAt', JSON.stringify({ ...meta, createdAt: undefined })],
    ['without endsAt', JSON.stringify({ ...meta, endsAt: undefined })],
    ...[null, 0, -1, 'tomorrow', 1e308, true, 1.5].map((endsAt): [string, string] => [
      `with endsAt ${String(endsAt)}`,
      JSON.stringify({ ...meta, endsAt }),
    ]),
    ['created tomorrow', JSON.stringify({ ...meta, createdAt: now + DAY, endsAt: now + 2 * DAY })],
    ['ending before it began', JSON.stringify({ ...meta, endsAt: meta.createdAt - 1 })],
    ['with a user that is not text', JSON.stringify({ ...meta, user: { id: 'alice' } })],
    ['with a login time that is not a time', JSON.stringify({ ...meta, user: 'alice', loggedInAt: 'now' })],
    ['of express-session', '{"cookie":{"originalMaxAge":null,"path":"/"},"passport":{"user":1}}'],
    ['of prototype pollution', '{"__proto__":{"v":1,"createdAt":1,"endsAt":99999999999999}}'],
  ];

  it.each(BROKEN_META)(
    'a record with metadata %s is not a session, is reported, and is kept',
    async (_, text) => {
      const sid = newSid();
      const id = idOf(sid);
      const record = { meta: text, data: { 'd:user': '"alice"' }, expiresAt: now + DAY, lastSeenAt: now };
      expect(await running.store.create(id, record)).toBe(true);
      const since = running.events.length;
      const browser = running.browser();
      browser.cookies.set('sid', sid);
      const read = await observe(browser, session => ({
        isNew: session.isNew,
        id: session.id,
        data: { ...session },
      }));
      expect(read.error).toBeUndefined();
      expect(read.answer.status).toBe(201);
      expect(read.answer.setCookies).toEqual([]);
      expect(read.value).toEqual({ isNew: true, id: undefined, data: {} });
      expect(running.events.slice(since)).toEqual([{ type: 'rejected', reason: 'broken', id }]);
      const written = await observe(browser, async session => {
        session.x = 1;
        await session.save();
        return session.id;
      });
      expect(written.error).toBeUndefined();
      expect(written.value).not.toBe(id);
      expect(browser.cookies.get('sid')).not.toBe(sid);
      expect(await running.store.load(id)).toEqual(record);
    },
  );
});

describeCells('a record that was damaged from outside', outsideBackends, ({ platform, backend }) => {
  let place: OutsidePlace;
  let running: RunningApp;
  beforeAll(async () => {
    place = await backend.place();
    running = await startApp({ platform, backend: place.options, controllers: [ScriptController] });
  });
  afterAll(async () => {
    await running.close();
    await place.dispose();
  });

  it('is not a session, is reported, and is kept; a new session begins under another id', async () => {
    const browser = running.browser();
    const logIn = await observe(browser, async session => {
      session.x = 'theirs';
      await session.login('alice');
      return session.id!;
    });
    const id = logIn.value;
    await place.spoil(id);
    const spoiled = await place.dump();
    expect(spoiled).toContain('not what it was');
    const since = running.events.length;
    const read = await observe(browser, session => ({ user: session.loggedInAs, data: { ...session } }));
    expect(read.error).toBeUndefined();
    expect(read.answer.status).toBe(201);
    expect(read.answer.setCookies).toEqual([]);
    expect(read.value).toEqual({ user: undefined, data: {} });
    expect(running.events.slice(since)).toEqual([{ type: 'rejected', reason: 'broken', id }]);
    expect(await place.dump()).toBe(spoiled);
    const written = await observe(browser, session => void (session.x = 'mine'));
    expect(written.error).toBeUndefined();
    expect(written.answer.setCookies).toHaveLength(1);
    expect((await observe(browser, session => session.x as unknown)).value).toBe('mine');
    expect(await place.dump()).toContain('not what it was');
  });
});

describe.each(platforms)('a store that calls a record broken, on $name', platform => {
  const brokenIds = new Set<string>();
  class DamagedStore extends MemorySessionStore {
    override load(id: string): SessionRecord | undefined {
      return brokenIds.has(id) ? ('broken' as unknown as SessionRecord) : super.load(id);
    }
  }
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({
      platform,
      backend: { store: new DamagedStore() },
      controllers: [ScriptController],
    });
  });
  afterAll(() => running.close());

  it('is not a session and emits an event, and is never an error', async () => {
    const browser = running.browser();
    const { value: id } = await observe(browser, async session => {
      session.x = 1;
      await session.save();
      return session.id!;
    });
    brokenIds.add(id);
    const since = running.events.length;
    const { answer, value } = await observe(browser, session => ({
      isNew: session.isNew,
      data: { ...session },
    }));
    expect(answer.status).toBe(201);
    expect(value).toEqual({ isNew: true, data: {} });
    expect(running.events.slice(since)).toEqual([{ type: 'rejected', reason: 'broken', id }]);
    brokenIds.clear();
    expect((await observe(browser, session => session.x as unknown)).value).toBe(1);
  });

  it.each([
    ['expiresAt', Number.NaN],
    ['expiresAt', -1],
    ['lastSeenAt', undefined],
    ['lastSeenAt', '5'],
  ])('a record whose %s is %s is broken, too', async (name, moment) => {
    const sid = newSid();
    const now = Date.now();
    const meta = JSON.stringify({ v: 1, createdAt: now, endsAt: now + DAY });
    const record = { meta, data: {}, expiresAt: now + DAY, lastSeenAt: now, [name]: moment };
    const store = running.app.get(SessionStore);
    await store.create(idOf(sid), record);
    const since = running.events.length;
    const browser = running.browser();
    browser.cookies.set('sid', sid);
    const { answer, value } = await observe(browser, session => session.isNew);
    expect([answer.status, value]).toEqual([201, true]);
    expect(running.events.slice(since)).toEqual([{ type: 'rejected', reason: 'broken', id: idOf(sid) }]);
  });
});
