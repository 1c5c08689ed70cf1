import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { jsonCodec } from './json.codec.js';
import { UnencodableValueError } from './session-codec.interface.js';

const roundTrip = (value: unknown): unknown => jsonCodec.decode(jsonCodec.encode(value));

const withProperty = (value: object, key: PropertyKey): object =>
  Object.defineProperty(value, key, { value: 1, enumerable: true });

function refusal(value: unknown): UnencodableValueError {
  try {
    jsonCodec.encode(value);
  } catch (error) {
    if (error instanceof UnencodableValueError) return error;
    throw error;
  }
  throw new Error('the value was not refused');
}

describe('a value that cannot be stored is refused with its path', () => {
  class User {}
  class Dates extends Date {}
  class List extends Array {}
  class Bytes extends Uint8Array {}
  class Bare extends (null as unknown as ObjectConstructor) {
    static make(): object {
      return Object.create(this.prototype) as object;
    }
  }
  it.each<[string, unknown]>([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a symbol key', { [Symbol('s')]: 1 }],
    ['a symbol key', withProperty([], Symbol('s'))],
    ['a symbol key', withProperty(new Uint8Array(2), Symbol('s'))],
    ['a hidden property', Object.defineProperty({}, 'toJSON', { value: () => 'another user' })],
    ['an instance of class User', new User()],
    ['an instance of class Dates', new Dates()],
    ['an instance of class List', new List()],
    ['an instance of class Bytes', new Bytes()],
    ['an instance of class Bare', Bare.make()],
    ['an instance of a class', new (class {})()],
    ['an instance of class RegExp', /x/],
    ['an instance of class Error', new Error('x')],
    ['an instance of class Promise', Promise.resolve()],
    ['an instance of class WeakMap', new WeakMap()],
    ['an instance of class String', Object('boxed')],
    ['an instance of class Float64Array', new Float64Array(1)],
    ['an instance of class ArrayBuffer', new ArrayBuffer(1)],
    ['an object with a prototype of its own', Object.create({ inherited: 1 })],
    [
      'an object with a prototype of its own',
      Object.create(Object.assign(Object.create(null), { inherited: 1 })),
    ],
    ['an object with a prototype of its own', Object.setPrototypeOf([], null)],
    ['an array with named properties', 'ab'.match(/b/)],
    ['an array with named properties', withProperty([1], 'note')],
    ['a Date with properties of its own', withProperty(new Date(0), 'note')],
    ['a Map with properties of its own', withProperty(new Map(), 'note')],
    ['a Set with properties of its own', withProperty(new Set(), Symbol('s'))],
  ])('%s (%#)', (what, value) => {
    expect(refusal(value)).toMatchObject({ path: [], what, message: `${what} cannot be kept` });
    expect(refusal({ items: [new Date(0), { it: value }] })).toMatchObject({
      path: ['items', 1, 'it'],
      what,
    });
    expect(refusal(new Map([['menu', [value]]]))).toMatchObject({ path: ['menu', 0], what });
    expect(refusal(new Map([[0, 0], [value, 1]]))).toMatchObject({ path: [1], what }); // prettier-ignore
    expect(refusal(new Set(['a', { it: value }]))).toMatchObject({ path: [1, 'it'], what });
  });

  it('holes in arrays, at the first hole, without a walk over a long array', () => {
    expect(refusal([0, Array(2)])).toMatchObject({ path: [1, 0], what: 'a hole in an array' });
    const long: unknown[] = [1];
    long[4_000_000_000] = 1;
    expect(refusal({ long })).toMatchObject({ path: ['long', 1], what: 'a hole in an array' });
    // As many holes as named properties: counting the keys does not tell.
    expect(refusal(withProperty(Array(1), 'note'))).toMatchObject({
      path: [0],
      what: 'a hole in an array',
    });
  });

  it('an own toJSON is not called', () => {
    let calls = 0;
    const toJSON = (): unknown => ++calls;
    expect(refusal({ user: { toJSON } })).toMatchObject({ path: ['user', 'toJSON'], what: 'a function' });
    expect(refusal({ user: Object.defineProperty({}, 'toJSON', { value: toJSON }) }).path).toEqual(['user']);
    expect(refusal(new Map([['u', withProperty(new Date(0), 'toJSON')]])).path).toEqual(['u']);
    expect(roundTrip({ toJSON: 'just data' })).toEqual({ toJSON: 'just data' });
    expect(calls).toBe(0);
  });

  it('cycles', () => {
    const object: Record<string, unknown> = { wide: Array.from({ length: 100 }, () => ({})) };
    object['back'] = [object];
    expect(refusal({ object })).toMatchObject({ path: ['object', 'back', 0], what: 'a cycle' });
    const array: unknown[] = [];
    array.push({ array });
    expect(refusal(array)).toMatchObject({ path: [0, 'array'], what: 'a cycle' });
    const map = new Map<unknown, unknown>();
    map.set('a', new Set([map]));
    expect(refusal(map)).toMatchObject({ path: ['a', 0], what: 'a cycle' });
  });

  it('accessors and proxies that throw, with the cause', () => {
    const cause = new Error('no database');
    const fail = (): never => {
      throw cause;
    };
    const what = 'a value that throws when it is read';
    expect(refusal({ a: [Object.defineProperty({}, 'b', { get: fail, enumerable: true })] })).toMatchObject({ path: ['a', 0, 'b'], what, cause }); // prettier-ignore
    expect(refusal({ a: new Proxy({}, { ownKeys: fail }) })).toMatchObject({ path: ['a'], what, cause });
    let reads = 0;
    const once = { get a() { return ++reads > 1 ? fail() : 1; } }; // prettier-ignore
    expect(refusal(once)).toMatchObject({ what, cause });
  });
});

describe('values of another realm', () => {
  it.each([
    ['(class User {}, new (class User {})())', 'an instance of class User'],
    ['new (class Bag extends Map {})()', 'an instance of class Bag'],
    ['/x/', 'an instance of class RegExp'],
    ['() => 1', 'a function'],
  ])('%s is refused as in this realm', (source, what) => {
    expect(refusal({ at: runInNewContext(source) })).toMatchObject({ path: ['at'], what });
  });
});
