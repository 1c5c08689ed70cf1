import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { platforms } from '../support/platforms.js';
import { observe, ScriptController, type Script, type Untyped } from '../support/scripts.js';
import { startApp, type RunningApp } from '../support/start-app.js';

/** Every name that cannot be assigned, and what trying it has to mention. `then` is one so that `await` means nothing. */
const RESERVED = new Map<string, RegExp>([
  ['id', /"id"/],
  ['isNew', /"isNew"/],
  ['createdAt', /"createdAt"/],
  ['lastSeenAt', /touch\(\)/],
  ['expiresAt', /idleTimeout/],
  ['loggedInAs', /login\(userId\)/],
  ['loggedInAt', /login\(userId\)/],
]);
const METHODS =
  'get set has delete clear update take flash flashes login regenerate destroy save reload touch then';
for (const name of METHODS.split(' ')) RESERVED.set(name, new RegExp(`use set\\("${name}", value\\)`));
const RESERVED_KEYS = [...RESERVED.keys()];

/** Keys that are ordinary data, whatever they look like. */
const ODD_KEYS = [
  'state exchange facade keys look isReplaced', // what lies behind the object
  '__proto__ constructor prototype hasOwnProperty toString valueOf toJSON __defineGetter__',
  '. a.b $set $ 😀 d:x f:x 0 -1 ../x',
]
  .flatMap(line => line.split(' '))
  .concat('', ' ', 'a\0b', 'line\r\nbreak', '\u2028', 'k'.repeat(10_240));

describeCells('the session object', backends, ({ platform, backend }) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({
      platform,
      backend,
      controllers: [ScriptController],
      session: { maxSize: 1_000_000 },
    });
  });
  afterAll(() => running.close());

  it('holds data as plain properties, from one request to the next', async () => {
    const browser = running.browser();
    await observe(browser, session => {
      session.count = 1;
      session.nested = { list: [1, 2] };
      session['any string'] = null;
    });
    await observe(browser, session => {
      session.count += 1;
      session.nested.list.push(3);
    });
    const { value } = await observe(browser, session => ({ ...session }));
    expect(value).toEqual({ count: 2, nested: { list: [1, 2, 3] }, 'any string': null });
  });

  it('gives dict-like access: get, set, has, delete and clear', async () => {
    const browser = running.browser();
    await observe(browser, session => {
      session.set('a', 1);
      session.set('nothing', null);
      session.set('b', 2);
      session.set('b', undefined);
      expect(session.has('b')).toBe(false);
    });
    const { value, error } = await observe(browser, session => {
      const before = {
        a: session.get('a'),
        missing: session.get('missing'),
        hasNothing: session.has('nothing'),
        hasB: session.has('b'),
      };
      return { ...before, deleted: session.delete('a'), again: session.delete('a'), has: session.has('a') };
    });
    expect(error).toBeUndefined();
    expect(value).toEqual({
      a: 1,
      missing: undefined,
      hasNothing: true,
      hasB: false,
      deleted: true,
      again: false,
      has: false,
    });
    await observe(browser, session => session.clear());
    expect((await observe(browser, session => Object.keys(session))).value).toEqual([]);
  });

  it('clear() keeps the id, the user and the limits', async () => {
    const browser = running.browser();
    await observe(browser, session => session.login('alice'));
    const before = await observe(browser, session => {
      session.x = 1;
      return { id: session.id, createdAt: session.createdAt, user: session.loggedInAs };
    });
    await observe(browser, session => session.clear());
    const after = await observe(browser, session => ({
      id: session.id,
      createdAt: session.createdAt,
      user: session.loggedInAs,
    }));
    expect(after.value).toEqual(before.value);
    expect(after.value.user).toBe('alice');
  });

  it('shows the data only to keys, spread, in, for-in, entries, JSON.stringify and structuredClone', async () => {
    const browser = running.browser();
    await observe(browser, session => {
      session.a = 1;
      session.b = { c: [true] };
    });
    const { value } = await observe(browser, session => {
      const looped: string[] = [];
      for (const key in session) looped.push(key);
      return {
        keys: Object.keys(session),
        names: Object.getOwnPropertyNames(session),
        symbols: Object.getOwnPropertySymbols(session),
        spread: { ...session },
        assigned: Object.assign({}, session),
        entries: Object.entries(session),
        values: Object.values(session),
        looped,
        json: JSON.stringify(session),
        clone: structuredClone({ ...session }),
        isIn: ['a' in session, 'z' in session],
        areMembersIn: RESERVED_KEYS.filter(name => name in session),
        own: Object.hasOwn(session, 'a') && !Object.hasOwn(session, 'id'),
        prototype: Object.getPrototypeOf(session) as unknown,
      };
    });
    const data = { a: 1, b: { c: [true] } };
    expect(value).toEqual({
      keys: ['a', 'b'],
      names: ['a', 'b'],
      symbols: [],
      spread: data,
      assigned: data,
      entries: Object.entries(data),
      values: Object.values(data),
      looped: ['a', 'b'],
      json: JSON.stringify(data),
      clone: data,
      isIn: [true, false],
      areMembersIn: [],
      own: true,
      prototype: null,
    });
  });

  it.each([...RESERVED])('refuses to assign %s and names the way', async (name, way) => {
    const { value, error } = await observe(running.browser(), session => {
      const errors: unknown[] = [];
      const target = session as unknown as Record<string, unknown>;
      const attempts = [
        () => void (target[name] = 'mine'),
        () => void delete target[name],
        () => void Object.assign(session, { [name]: 'mine' }),
        () => void Object.defineProperty(session, name, { value: 'mine' }),
      ];
      for (const attempt of attempts) {
        try {
          attempt();
        } catch (thrown) {
          errors.push(thrown);
        }
      }
      return errors;
    });
    expect(error).toBeUndefined();
    expect(value).toHaveLength(4);
    for (const thrown of value) {
      expect(thrown).toBeInstanceOf(TypeError);
      expect((thrown as TypeError).message).toMatch(way);
    }
  });

  it('stores the rest of a body that was merged in up to the reserved name, and no metadata', async () => {
    const browser = running.browser();
    await observe(browser, session => void (session.cart = ['tea']));
    const body = JSON.parse('{"color":"red","loggedInAs":"admin","size":1}') as object;
    const merged = await observe(browser, session => void Object.assign(session, body));
    expect(merged.error).toBeInstanceOf(TypeError);
    expect(merged.answer.status).toBe(500);
    const after = await observe(browser, session => ({ user: session.loggedInAs, data: { ...session } }));
    expect(after.value).toEqual({ user: undefined, data: { cart: ['tea'] } });
    const named = JSON.parse('{"meta":"x","expires":0,"user":"admin","d:cart":1,"cookie":{}}') as object;
    await observe(browser, session => void Object.assign(session, named));
    const free = await observe(browser, session => ({ user: session.loggedInAs, data: { ...session } }));
    expect(free.value).toEqual({ user: undefined, data: { cart: ['tea'], ...named } });
  });

  it('keeps odd keys apart and pollutes nothing', async () => {
    const browser = running.browser();
    const written = await observe(browser, session => {
      for (const [index, key] of ODD_KEYS.entries()) session[key] = { index };
    });
    expect(written.error).toBeUndefined();
    const { value, error } = await observe(browser, session => ({
      byProperty: ODD_KEYS.map(key => session[key] as unknown),
      byGet: ODD_KEYS.map(key => session.get(key) as unknown),
      areIn: ODD_KEYS.filter(key => !(key in session) || !session.has(key)),
      keys: Object.keys(session),
    }));
    expect(error).toBeUndefined();
    expect(value.byProperty).toEqual(ODD_KEYS.map((_, index) => ({ index })));
    expect(value.byGet).toEqual(value.byProperty);
    expect(value.areIn).toEqual([]);
    expect(value.keys.toSorted()).toEqual([...ODD_KEYS].toSorted());
    expect(({} as { index?: unknown }).index).toBeUndefined();
    await observe(browser, session => {
      for (const key of ODD_KEYS) delete session[key];
    });
    expect((await observe(browser, session => Object.keys(session))).value).toEqual([]);
  });

  it('keeps data under members’ names for get() and set(), and the members keep working', async () => {
    const browser = running.browser();
    await observe(browser, session => {
      for (const key of RESERVED_KEYS) session.set(key, `data of ${key}`);
      session.plain = 1;
    });
    const { value, error } = await observe(browser, session => {
      const spread = { ...session };
      return {
        data: RESERVED_KEYS.map(key => session.get(key) as unknown),
        has: RESERVED_KEYS.filter(key => !session.has(key)),
        areIn: RESERVED_KEYS.filter(key => key in session),
        spread,
        json: JSON.stringify(session),
        id: typeof session.id,
        methods: typeof session.destroy,
      };
    });
    expect(error).toBeUndefined();
    expect(value.data).toEqual(RESERVED_KEYS.map(key => `data of ${key}`));
    expect(value).toMatchObject({ has: [], areIn: [], id: 'string', methods: 'function' });
    // The plain-property view has one name for one thing: what a member hides is not half shown by a copy.
    expect(value.spread).toEqual({ plain: 1 });
    expect(value.json).toBe('{"plain":1}');
    await observe(browser, session => {
      for (const key of RESERVED_KEYS) session.delete(key);
    });
    expect((await observe(browser, session => RESERVED_KEYS.filter(key => session.has(key)))).value).toEqual(
      [],
    );
  });

  it('gives no meaning to a toJSON or a then among the data', async () => {
    const browser = running.browser();
    await observe(browser, session => {
      session.toJSON = 'data';
      session.set('then', { resolve: 1 });
    });
    const { value } = await observe(browser, async session => {
      const awaited = await session;
      return [awaited === session, awaited.get('then') as unknown, JSON.stringify(session)];
    });
    expect(value).toEqual([true, { resolve: 1 }, '{"toJSON":"data"}']);
  });

  it('pollutes no prototype with stored keys', async () => {
    const browser = running.browser();
    const evil =
      '{"__proto__":{"admin":true},"constructor":{"prototype":{"polluted":1}},"a":{"__proto__":{"admin":true}}}';
    await observe(browser, session => {
      session.prefs = JSON.parse(evil);
      session.set('__proto__', JSON.parse(evil));
    });
    await observe(browser, session => session.update('merged', () => JSON.parse(evil)));
    const { value } = await observe(browser, session => {
      const plain = { ...session } as Record<string, unknown>;
      return {
        admin: [
          session.prefs.admin,
          session.prefs.a.admin,
          (session as { admin?: unknown }).admin,
        ] as unknown[],
        merged: session.merged.admin as unknown,
        inCopy: plain['admin'],
        global: [({} as { admin?: unknown }).admin, ({} as { polluted?: unknown }).polluted],
        text: JSON.stringify(session.prefs),
      };
    });
    expect(value).toEqual({
      admin: [undefined, undefined, undefined],
      merged: undefined,
      inCopy: undefined,
      global: [undefined, undefined],
      text: evil,
    });
  });

  it('refuses symbols, accessors and other prototypes', async () => {
    const { value, error } = await observe(running.browser(), session => {
      const attempts = [
        () => void Reflect.set(session, Symbol('s'), 1),
        () => void Object.defineProperty(session, 'x', { get: () => 1 }),
        () => void Object.setPrototypeOf(session, { admin: true }),
        () => void Object.freeze(session),
      ];
      return attempts.map(attempt => {
        try {
          attempt();
          return 'accepted';
        } catch (thrown) {
          return thrown instanceof TypeError ? 'TypeError' : String(thrown);
        }
      });
    });
    expect(error).toBeUndefined();
    expect(value).toEqual(['TypeError', 'TypeError', 'TypeError', 'TypeError']);
  });

  it('deletes a key that is set to undefined, and keeps undefined inside values', async () => {
    const browser = running.browser();
    await observe(browser, session => {
      session.gone = 1;
      session.kept = { inner: undefined, list: [undefined] };
    });
    await observe(browser, session => void (session.gone = undefined));
    const { value } = await observe(browser, session => ({
      keys: Object.keys(session),
      isInner: 'inner' in session.kept,
      list: session.kept.list as unknown,
    }));
    expect(value).toEqual({ keys: ['kept'], isInner: true, list: [undefined] });
  });

  it('lets a handler remove keys while it goes through them', async () => {
    const browser = running.browser();
    await observe(browser, session => void Object.assign(session, { a: 1, b: 2, c: 3 }));
    await observe(browser, session => {
      for (const key of Object.keys(session)) if (key !== 'b') delete session[key];
    });
    expect((await observe(browser, session => ({ ...session }))).value).toEqual({ b: 2 });
  });

  it('prints its data and no token', async () => {
    const browser = running.browser();
    await observe(browser, session => void (session.cart = ['tea']));
    const token = [...browser.cookies.values()].join();
    const { value, error } = await observe(browser, session => [
      inspect(session),
      inspect(session, { depth: 20, showHidden: true, showProxy: true }),
      inspect({ request: { session } }, { depth: 20 }),
      inspect(session, { depth: 0 }),
      JSON.stringify(session),
    ]);
    expect(error).toBeUndefined();
    expect(token).toHaveLength(43);
    expect(value[0]).toBe(`Session { cart: [ 'tea' ] }`);
    expect(value[2]).toContain(`Session { cart: [ 'tea' ] }`);
    for (const text of value) {
      expect(text).toContain('cart');
      expect(text).not.toContain(token);
    }
  });

  it('works with detached methods', async () => {
    const browser = running.browser();
    await observe(browser, ({ set, login }) => {
      set('x', 1);
      return login('alice');
    });
    const { value } = await observe(browser, ({ get, loggedInAs }) => [get('x') as unknown, loggedInAs]);
    expect(value).toEqual([1, 'alice']);
  });

  it('sees a change of a nested value that was read, and writes nothing when nothing differs', async () => {
    const browser = running.browser();
    await observe(browser, session => void (session.deep = { map: new Map([['a', { n: 1 }]]) }));
    await observe(browser, session => void (session.deep.map.get('a').n = 2));
    const { value } = await observe(browser, session => session.deep.map.get('a').n as number);
    expect(value).toBe(2);
    const events = running.events.length;
    const same = await observe(browser, session => {
      session.deep = { map: new Map([['a', { n: 2 }]]) };
      return session.id;
    });
    expect(same.error).toBeUndefined();
    expect(running.events).toHaveLength(events);
  });
});

describe.each(platforms)('looks on $name', platform => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({ platform, backend: { type: 'memory' }, controllers: [ScriptController] });
  });
  afterAll(() => running.close());

  it.each<[string, Script<Untyped>]>([
    ['await', async session => void (await session)],
    ['a symbol', session => Reflect.get(session, Symbol.toPrimitive) as unknown],
    ['reading a method', session => [session.get, session.destroy]],
    ['id', session => session.id],
    ['the times', session => [session.createdAt, session.lastSeenAt, session.expiresAt]],
    ['save() with nothing to save', session => session.save()],
  ])('%s does not read the session: the answer has no Vary', async (_, part) => {
    const browser = running.browser();
    await observe(browser, session => void (session.x = 1));
    const { answer, error } = await observe(browser, part);
    expect(error).toBeUndefined();
    expect(answer.headers.get('vary')).toBeNull();
  });

  it.each<[string, Script<Untyped>]>([
    ['a data key', session => session.x],
    ['a missing key', session => session.missing],
    ['get()', session => session.get('x')],
    ['has()', session => session.has('x')],
    ['in', session => 'x' in session],
    ['Object.keys', session => Object.keys(session)],
    ['JSON.stringify', session => JSON.stringify(session)],
    ['isNew', session => session.isNew],
    ['loggedInAs', session => session.loggedInAs],
    ['loggedInAt', session => session.loggedInAt],
    ['take()', session => session.take('x')],
    ['flashes()', session => session.flashes()],
  ])('%s reads the session: the answer varies by the cookie, for visitors too', async (_, part) => {
    const browser = running.browser();
    expect((await observe(running.browser(), part)).answer.headers.get('vary')).toBe('Cookie');
    await observe(browser, session => void (session.x = 1));
    expect((await observe(browser, part)).answer.headers.get('vary')).toBe('Cookie');
  });
});
