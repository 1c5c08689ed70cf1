import { afterAll, beforeAll, expect, it } from 'vitest';
import { SessionDataError } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { observe, ScriptController, type Script, type Untyped } from '../support/scripts.js';
import { startApp, type RunningApp } from '../support/start-app.js';

class Cart {
  readonly items = ['tea'];
}
const cycle: Record<string, unknown> = { name: 'loop' };
cycle['self'] = { back: cycle };

function nested(levels: number): unknown {
  let value: unknown = 'core';
  for (let level = 0; level < levels; level++) value = { in: value };
  return value;
}

const KEPT: [string, unknown][] = [
  ['a Date', new Date('2026-03-01T12:00:00.123Z')],
  [
    'a Map with a Date inside',
    new Map<unknown, unknown>([
      ['a', new Date(5)],
      [{ k: 1 }, [2]],
    ]),
  ],
  ['a Set', new Set([1, 'two', { three: 3 }])],
  ['a BigInt', 12345678901234567890n],
  ['bytes', new Uint8Array([0, 255, 128])],
  ['a Buffer', Buffer.from('bytes')],
  ['nested undefined', { a: undefined, b: [undefined, null] }],
  ['numbers that JSON lacks', [Number.NaN, Infinity, -Infinity, -0]],
  ['null', null],
  ['an empty text', ''],
  ['false', false],
  ['a lone surrogate', '\ud800'],
  ['markup, SQL and header breaks', `<script>'; DROP TABLE x; --\r\nSet-Cookie: a=b`],
  ['an object that looks like an escape', { $date: 'x', __type: 'Date' }],
  ['100 levels, with the one around it', nested(99)],
];

const REFUSED: [string, () => unknown, RegExp][] = [
  ['a function', () => ({ items: [{ onClick: () => 1 }] }), /"bad\.items\[0\]\.onClick": a function/],
  ['a symbol', () => ({ s: Symbol('s') }), /"bad\.s": a symbol/],
  ['a class instance', () => ({ mine: new Cart() }), /"bad\.mine": .*Cart/],
  ['a cycle', () => cycle, /"bad\.self\.back": a cycle/],
  ['an Error', () => [new Error('private')], /"bad\[0\]"/],
  ['a RegExp', () => ({ r: /x/ }), /"bad\.r"/],
  ['a promise', () => ({ p: Promise.resolve(1) }), /"bad\.p"/],
  ['a hole in an array', () => ({ list: Object.assign([1], { length: 2 }) }), /"bad\.list\[1\]": a hole/],
  ['101 levels', () => nested(101), /nested deeper than 100/],
  ['10 000 levels', () => nested(10_000), /nested deeper than 100/],
  [
    'a getter that throws',
    () => ({
      get boom() {
        throw new Error('no');
      },
    }),
    /"bad/,
  ],
  [
    'a toJSON that returns another value',
    () => ({ toJSON: () => ({ user: 'bob' }) }),
    /"bad\.toJSON": a function/,
  ],
  ['the session itself', () => undefined, /"bad\.bad": a cycle/],
];

describeCells('values of a session', backends, ({ platform, backend }) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({ platform, backend, controllers: [ScriptController] });
  });
  afterAll(() => running.close());

  it.each(KEPT)('keeps %s from one request to the next', async (_, value) => {
    const browser = running.browser();
    const { error } = await observe(browser, session => void (session.value = { it: value }));
    expect(error).toBeUndefined();
    const later = await observe(browser, session => session.value.it as unknown);
    expect(later.value).toStrictEqual(value);
  });

  it.each(REFUSED)(
    'refuses %s, names where it is, and keeps the stored session',
    async (what, make, where) => {
      const browser = running.browser();
      await observe(browser, session => void Object.assign(session, { good: 1, bad: 'before' }));
      const { answer, error } = await observe(browser, session => {
        session.good = 2;
        session.bad = what === 'the session itself' ? session : make();
      });
      expect(error).toBeInstanceOf(SessionDataError);
      expect(error).toMatchObject({ code: 'SESSION_VALUE_REFUSED', keys: ['bad'] });
      expect((error as Error).message).toMatch(where);
      expect(answer.status).toBe(500);
      expect(answer.json()).toEqual({ statusCode: 500, message: 'Internal Server Error' });
      expect(answer.setCookies).toEqual([]);
      const after = await observe(browser, session => ({ ...session }));
      expect(after.value).toEqual({ good: 1, bad: 'before' });
    },
  );

  it.each<[string, Script<Untyped>]>([
    ['the commit', session => void (session.wizard = { steps: [{ next: () => 1 }] })],
    ['update()', session => session.update('wizard', () => ({ steps: [{ next: () => 1 }] }))],
  ])('says in the log, once, which value %s refused', async (_, part) => {
    const before = running.logs.length;
    const { answer } = await observe(running.browser(), part);
    expect(answer.status).toBe(500);
    const logged = running.logs.slice(before).filter(line => line.includes('wizard.steps[0].next'));
    expect(logged).toHaveLength(1);
  });

  it('refuses such a value at once where an operation writes it, and a later answer is not spoilt', async () => {
    const browser = running.browser();
    await observe(browser, session => void (session.x = 1));
    const { value, error } = await observe(browser, async session => {
      const codes: unknown[] = [];
      const note = (thrown: unknown): void => void codes.push((thrown as SessionDataError).code);
      await session.update('x', () => new Cart()).catch(note);
      try {
        session.flash('info', new Cart());
      } catch (thrown) {
        note(thrown);
      }
      session.y = new Cart();
      await session.save().catch(note);
      await session.login('alice').catch(note);
      await session.regenerate({ keep: true }).catch(note);
      delete session.y;
      return codes;
    });
    expect(error).toBeUndefined();
    expect(value).toEqual(Array(5).fill('SESSION_VALUE_REFUSED'));
    const after = await observe(browser, session => ({ user: session.loggedInAs, data: { ...session } }));
    expect(after.value).toEqual({ user: undefined, data: { x: 1 } });
  });

  it('saves a value as it is when the handler is done, not as it was when set', async () => {
    const browser = running.browser();
    await observe(browser, session => {
      const list = [1];
      session.list = list;
      list.push(2);
    });
    expect((await observe(browser, session => session.list as unknown)).value).toEqual([1, 2]);
  });

  it('hands update() a copy: what it does to it and then throws away leaves nothing behind', async () => {
    const browser = running.browser();
    await observe(browser, session => void (session.list = [1]));
    const { value } = await observe(browser, async session => {
      const failed = await session
        .update('list', (list: number[]) => {
          list.push(2);
          throw new Error('changed my mind');
        })
        .catch((thrown: unknown) => (thrown as Error).message);
      return [failed, session.list as unknown];
    });
    expect(value).toEqual(['changed my mind', [1]]);
    expect((await observe(browser, session => session.list as unknown)).value).toEqual([1]);
  });
});
