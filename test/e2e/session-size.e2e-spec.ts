import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SessionDataError, type SessionRecord } from '../../lib/index.js';
import { MemorySessionStore } from '../../lib/stores/memory/index.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import type { Browser } from '../support/browser.js';
import { platforms } from '../support/platforms.js';
import { observe, ScriptController, type Script, type Untyped } from '../support/scripts.js';
import { startApp, type RunningApp } from '../support/start-app.js';

const KIB = 1024;
/** A value that takes this many bytes under the key `v`: the key and the two quotes count. */
const ascii = (bytes: number): string => 'a'.repeat(bytes - 3);
const emoji = (bytes: number): string =>
  '😀'.repeat(Math.floor((bytes - 3) / 4)) + 'a'.repeat((bytes - 3) % 4);

describeCells('maxSize', backends, ({ platform, backend }) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({ platform, backend, controllers: [ScriptController] });
  });
  afterAll(() => running.close());

  it.each([
    ['deleted before it', async (session: Untyped) => (delete session.v, session.login('alice'))],
    ['not kept by it', (session: Untyped) => session.login('alice', { keep: ['w'] })],
  ])('a rotation makes room: data that is %s does not count', async (_, rotate) => {
    const browser = running.browser();
    await observe(browser, session => void (session.v = ascii(60 * KIB)));
    const { error } = await observe(browser, async session => {
      session.w = ascii(8 * KIB);
      await rotate(session);
    });
    expect(error).toBeUndefined();
    const { value } = await observe(browser, session => [session.loggedInAs, Object.keys(session)]);
    expect(value).toEqual(['alice', ['w']]);
  });

  it.each([
    ['63 KiB', 63 * KIB, true],
    ['64 KiB less a byte', 64 * KIB - 1, true],
    ['64 KiB', 64 * KIB, true],
    ['64 KiB and a byte', 64 * KIB + 1, false],
    ['65 KiB', 65 * KIB, false],
  ])('counts bytes, not characters: %s', async (_, bytes, isAccepted) => {
    for (const fill of [ascii, emoji]) {
      const browser = running.browser();
      const { answer, error } = await observe(browser, session => void (session.v = fill(bytes)));
      expect(answer.status).toBe(isAccepted ? 201 : 500);
      if (isAccepted) {
        expect(error).toBeUndefined();
        expect((await observe(browser, session => session.v as unknown)).value).toBe(fill(bytes));
      } else {
        expect(error).toMatchObject({ code: 'SESSION_TOO_LARGE', keys: ['v'] });
        expect(browser.cookies.size).toBe(0);
      }
    }
  });

  it('names the largest keys with their sizes, in the error and not in the answer, and keeps what was stored', async () => {
    const browser = running.browser();
    await observe(browser, session => void Object.assign(session, { tiny: 1, first: 'x'.repeat(20_000) }));
    const { answer, error } = await observe(browser, session => {
      session.tiny = 2;
      session.second = 'y'.repeat(40_000);
      session.third = 'z'.repeat(10_000);
    });
    expect(error).toBeInstanceOf(SessionDataError);
    expect(error).toMatchObject({ code: 'SESSION_TOO_LARGE', keys: ['second', 'first', 'third'] });
    expect((error as Error).message).toMatch(/65536.*"second" \(40008 bytes\), "first" \(20007 bytes\)/);
    expect(answer.status).toBe(500);
    expect(answer.text).not.toMatch(/second|bytes/);
    const { value } = await observe(browser, session => ({ ...session }));
    expect(value).toEqual({ tiny: 1, first: 'x'.repeat(20_000) });
  });

  it('counts flash messages, and what save(), update() and login() write', async () => {
    const browser = running.browser();
    await observe(browser, session => void (session.v = ascii(60 * KIB)));
    const flashed = await observe(browser, session => session.flash('info', 'f'.repeat(5 * KIB)));
    expect(flashed.error).toMatchObject({ code: 'SESSION_TOO_LARGE', keys: ['v', 'flash message'] });
    const { value, error } = await observe(browser, async session => {
      const codes: unknown[] = [];
      const note = (thrown: unknown): void => void codes.push((thrown as SessionDataError).code);
      await session.update('w', () => ascii(5 * KIB)).catch(note);
      session.w = ascii(5 * KIB);
      await session.save().catch(note);
      await session.login('alice').catch(note);
      await session.regenerate({ keep: true }).catch(note);
      delete session.w;
      return codes;
    });
    expect(error).toBeUndefined();
    expect(value).toEqual(Array(4).fill('SESSION_TOO_LARGE'));
    const after = await observe(browser, session => [session.loggedInAs, Object.keys(session)]);
    expect(after.value).toEqual([undefined, ['v']]);
  });

  it('refuses 20 MB and keeps what was stored', async () => {
    const browser = running.browser();
    await observe(browser, session => void (session.x = 1));
    const { error } = await observe(browser, session => void (session.v = 'a'.repeat(20_000_000)));
    expect(error).toMatchObject({ code: 'SESSION_TOO_LARGE', keys: ['v', 'x'] });
    expect((await observe(browser, session => ({ ...session }))).value).toEqual({ x: 1 });
  });
});

describe.each(platforms)('a session that is already larger than maxSize, on $name', platform => {
  const store = new MemorySessionStore();
  let roomy: RunningApp;
  let tight: RunningApp;
  beforeAll(async () => {
    roomy = await startApp({
      platform,
      backend: { store },
      controllers: [ScriptController],
      session: { maxSize: 100 * KIB },
    });
    tight = await startApp({
      platform,
      backend: { store },
      controllers: [ScriptController],
      session: { maxSize: 1_000 },
    });
  });
  afterAll(async () => {
    await tight.close();
    await roomy.close();
  });

  async function oversized(): Promise<Browser> {
    const browser = roomy.browser();
    await observe(browser, session => {
      Object.assign(session, { big: 'b'.repeat(2_000), other: 'o'.repeat(500), count: 1 });
      session.flash('info', 'hello');
    });
    return browser.copy(tight.url);
  }

  it.each<[string, Script<Untyped>]>([
    ['a value that shrinks', session => void (session.big = 'b'.repeat(1_999))],
    ['a value of the same size', session => void (session.count = 2)],
    [
      'one that grows while another shrinks more',
      session => void Object.assign(session, { big: 'b', more: 'm'.repeat(1_000) }),
    ],
    ['a removal', session => session.delete('other')],
    ['update() that does not grow', session => session.update('count', (count: number) => count + 1)],
    ['take()', session => session.take('other')],
    ['flashes()', session => session.flashes()],
    ['touch()', session => session.touch()],
    ['login()', session => session.login('alice')],
    ['regenerate() that keeps everything', session => session.regenerate({ keep: true })],
    ['regenerate() that keeps a key', session => session.regenerate({ keep: ['big'] })],
    ['destroy()', session => session.destroy()],
    [
      'login() after a removal',
      session => {
        delete session.other;
        return session.login('alice');
      },
    ],
  ])('never refuses %s', async (_, part) => {
    const { answer, error } = await observe(await oversized(), part);
    expect(error).toBeUndefined();
    expect(answer.status).toBe(201);
  });

  it.each<[string, Script<Untyped>]>([
    ['a new key', session => void (session.more = 1)],
    ['a value that grows', session => void (session.count = 10)],
    ['update() that grows', session => session.update('count', () => 10)],
    ['a flash message', session => session.flash('info', '')],
    [
      'a login that brings something new',
      session => {
        session.more = 1;
        return session.login('alice');
      },
    ],
  ])('refuses %s', async (_, part) => {
    const browser = await oversized();
    const { error } = await observe(browser, part);
    expect(error).toMatchObject({ code: 'SESSION_TOO_LARGE' });
    expect((error as SessionDataError).keys[0]).toBe('big');
    const { value } = await observe(browser, session => [
      session.loggedInAs,
      Object.keys(session),
      session.count as unknown,
    ]);
    expect(value).toEqual([undefined, ['big', 'other', 'count'], 1]);
  });

  it('writes a touch when it is due', async () => {
    const browser = await oversized();
    const { value: id } = await observe(browser, session => session.id!);
    const before = (await store.load(id)) as SessionRecord;
    tight.clock.advance(600_000);
    const { answer } = await observe(browser, session => session.count as unknown);
    expect(answer.status).toBe(201);
    expect(((await store.load(id)) as SessionRecord).lastSeenAt).toBeGreaterThan(before.lastSeenAt);
  });
});
