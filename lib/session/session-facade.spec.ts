import { describe, expect, it } from 'vitest';
import { jsonCodec } from '../codec/json.codec.js';
import { HttpSession, type SessionHost, type SessionMethods } from './http-session.js';
import { EMPTY } from './standing.js';
import { SessionState } from './session-state.js';

/** A session with `{ a: 1, id: 'data' }`, and the looks and changes that its facade reports to the lifecycle. */
function sessionWith() {
  const seen: string[] = [];
  const host: SessionHost = {
    look: () => void seen.push('look'),
    engage: () => void seen.push('change'),
    assertCurrent: () => undefined,
    isReadable: true,
    operations: {} as SessionMethods, // none of these tests calls one
    reportUnawaited: () => undefined,
  };
  const texts = { 'd:a': '1', 'd:id': '"data"', 'd:broken': '{' };
  const state = new SessionState(
    { codec: jsonCodec, maxSizeBytes: 1_000 },
    key => seen.push(`broken ${key}`),
    EMPTY,
    texts,
  );
  const { facade } = new HttpSession(host, state, false);
  return { facade, seen, state };
}
type Facade = ReturnType<typeof sessionWith>['facade'];

describe('the facade', () => {
  it.each<[string, (facade: Facade) => unknown, unknown, string[]]>([
    ['a key', facade => facade['a'], 1, ['look']],
    ['a missing key', facade => facade['b'], undefined, ['look']],
    ['a broken key', facade => facade['broken'], undefined, ['look', 'broken broken']],
    ['a member before a key of its name', facade => facade.id, undefined, []],
    ['get() of a key with a member’s name', facade => facade.get('id'), 'data', ['look']],
    ['then', facade => facade['then'], undefined, []],
    ['a symbol', facade => Reflect.get(facade, Symbol.iterator), undefined, []],
    ['a method', facade => typeof facade.destroy, 'function', []],
    ['in', facade => ['a' in facade, 'b' in facade], [true, false], ['look', 'look']],
    [
      'in, for members and symbols',
      facade => ['id' in facade, 'then' in facade, Symbol.iterator in facade],
      [false, false, false],
      [],
    ],
    ['its own keys', facade => Reflect.ownKeys(facade), ['a', 'broken'], ['look']],
    [
      'own properties',
      facade => ['a', 'b', 'id', 'then'].map(key => Object.hasOwn(facade, key)),
      [true, false, false, false],
      ['look', 'look', 'look'],
    ],
    ['the prototype', facade => Object.getPrototypeOf(facade) as unknown, null, []],
    ['isNew', facade => facade.isNew, false, ['look']],
    [
      'the times',
      facade => [facade.createdAt, facade.lastSeenAt, facade.expiresAt],
      Array(3).fill(undefined),
      [],
    ],
    ['loggedInAt', facade => facade.loggedInAt, undefined, ['look']],
  ])('reads %s', (_, read, value, reported) => {
    const { facade, seen } = sessionWith();
    expect(read(facade)).toEqual(value);
    expect(seen).toEqual(reported);
  });

  it.each<[string, (facade: Facade) => void, Record<string, unknown>]>([
    ['an assignment', facade => void (facade['a'] = 2), { a: 2, id: 'data' }],
    ['undefined', facade => void (facade['a'] = undefined), { id: 'data' }],
    ['delete', facade => void delete facade['a'], { id: 'data' }],
    ['delete of a missing key', facade => void delete facade['b'], { a: 1, id: 'data' }],
    ['set() of a member’s name', facade => facade.set('id', 2), { a: 1, id: 2 }],
    [
      'defineProperty',
      facade => void Object.defineProperty(facade, 'b', { value: 3 }),
      { a: 1, id: 'data', b: 3 },
    ],
    ['Object.assign', facade => void Object.assign(facade, { b: 3 }), { a: 1, id: 'data', b: 3 }],
    ['__proto__', facade => void (facade['__proto__'] = 3), { a: 1, id: 'data', ['__proto__']: 3 }],
  ])('writes %s', (_, write, data) => {
    const { facade, seen, state } = sessionWith();
    write(facade);
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen)).toEqual(new Set(['change']));
    const keys = state.keys().filter(key => key !== 'broken');
    expect(Object.fromEntries(keys.map(key => [key, state.get(key)]))).toEqual(data);
  });

  it.each<[string, (facade: Facade) => unknown]>([
    ['a member', facade => Reflect.set(facade, 'id', 1)],
    ['then', facade => Reflect.set(facade, 'then', 1)],
    ['a symbol', facade => Reflect.set(facade, Symbol.iterator, 1)],
    ['a deleted member', facade => Reflect.deleteProperty(facade, 'save')],
    ['a defined member', facade => Reflect.defineProperty(facade, 'save', { value: 1 })],
    ['a getter', facade => Reflect.defineProperty(facade, 'a', { get: () => 1 })],
    ['a setter', facade => Reflect.defineProperty(facade, 'a', { set: Function.prototype as () => void })],
  ])('refuses %s and changes nothing', (_, attempt) => {
    const { facade, seen, state } = sessionWith();
    expect(() => attempt(facade)).toThrow(TypeError);
    expect(seen).toEqual([]);
    expect(state.collectChange()).toEqual({ set: {}, delete: [] });
  });

  it('refuses a change of its prototype, and refuses to be frozen or sealed', () => {
    const { facade } = sessionWith();
    for (const attempt of [
      () => Object.setPrototypeOf(facade, {}) as unknown,
      () => Object.freeze(facade),
      () => Object.seal(facade),
      () => Object.preventExtensions(facade),
    ])
      expect(attempt).toThrow(TypeError);
  });
});
