import { describe, expect, it } from 'vitest';
import { jsonCodec } from '../codec/json.codec.js';
import { plainTokens } from '../crypto/session-token.js';
import { SessionConfigError } from '../errors/session-config.error.js';
import { SessionStore } from '../store/session-store.js';
import { resolveSessionOptions } from './resolve-session-options.js';
import type { ResolvedSessionOptions } from './resolved-session-options.interface.js';

class OwnStore extends SessionStore {
  override load = () => undefined;
  override create = () => true;
  override update = () => 'done' as const;
  override touch = () => true;
  override destroy = () => undefined;
}

/** Accepts any value, as JavaScript and configuration files can pass any. */
const resolve = (options: unknown, production = true): ResolvedSessionOptions =>
  resolveSessionOptions(options as 'memory', { production });

function problemsOf(options: unknown): { option: string; message: string }[] {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof SessionConfigError) return [...error.problems];
    throw error;
  }
  return [];
}

const messageOf = (options: unknown) =>
  problemsOf(options).map(({ option, message }) => `${option}: ${message}`);

describe('resolveSessionOptions', () => {
  it('applies all defaults', () => {
    const { cookie, codec, tokens, ...rest } = resolve({ type: 'memory' });
    expect(tokens).toBe(plainTokens);
    expect(rest).toEqual({
      store: { kind: 'type', type: 'memory', options: {} },
      load: 'eager',
      idleTimeoutMs: 3_600_000,
      absoluteTimeoutMs: 86_400_000,
      touchIntervalMs: 60_000,
      onStoreError: 'fail',
      storeTimeoutMs: 1000,
      failFast: false,
      saveOnServerError: false,
      maxSizeBytes: 65_536,
      isExcluded: undefined,
      warnings: [],
    });
    expect(codec).toBe(jsonCodec);
    expect(cookie.name).toBe('__Host-sid');
    expect(resolve('memory', false).cookie.name).toBe('sid');
  });

  it('accepts the short form', () => {
    expect(resolve('filesystem')).toEqual(resolve({ type: 'filesystem' }));
  });

  it('keeps everything that is given', () => {
    const codec = { encode: () => '', decode: () => undefined };
    const resolved = resolve({
      type: 'filesystem',
      directory: '/var/sessions',
      durable: true,
      load: 'lazy',
      idleTimeout: '30m',
      absoluteTimeout: 7_200_000,
      touchInterval: '10s',
      cookie: { name: 'shop' },
      onStoreError: 'anonymous',
      storeTimeout: 250,
      failFast: true,
      saveOnServerError: true,
      maxSize: 1024,
      codec,
      exclude: ['/assets/*'],
    });
    expect(resolved).toMatchObject({
      store: { kind: 'type', type: 'filesystem', options: { directory: '/var/sessions', durable: true } },
      load: 'lazy',
      idleTimeoutMs: 1_800_000,
      absoluteTimeoutMs: 7_200_000,
      touchIntervalMs: 10_000,
      cookie: { name: '__Host-shop' },
      onStoreError: 'anonymous',
      storeTimeoutMs: 250,
      failFast: true,
      saveOnServerError: true,
      maxSizeBytes: 1024,
      codec,
    });
    expect(resolved.isExcluded?.('/assets/a.css')).toBe(true);
  });

  it('treats undefined and null as not given', () => {
    const options = {
      type: 'memory',
      store: null,
      idleTimeout: undefined,
      cookie: null,
      maxSize: null,
      what: undefined,
    };
    expect(resolve(options)).toEqual(resolve('memory'));
  });

  it('reads options from instances with getters, as a config service may return', () => {
    class Config {
      get type() {
        return 'memory';
      }
      get idleTimeout() {
        return '5m';
      }
    }
    expect(resolve(new Config()).idleTimeoutMs).toBe(300_000);
  });

  it('does not change the given options, and freezes the result', () => {
    const options = Object.freeze({
      type: 'filesystem',
      directory: 'x',
      cookie: Object.freeze({ name: 'a' }),
    });
    const resolved = resolve(options);
    expect([resolved, resolved.cookie, resolved.store].every(Object.isFrozen)).toBe(true);
  });

  it('accepts a store of your own, whether or not it extends SessionStore', () => {
    const store = new OwnStore();
    expect(resolve({ store }).store).toEqual({ kind: 'given', store });
    const foreign = { load() {}, create() {}, update() {}, touch() {}, destroy() {} };
    expect(resolve({ store: foreign }).store).toEqual({ kind: 'given', store: foreign });
  });

  it('does not freeze a store of your own', () => {
    const store = new OwnStore();
    resolve({ store });
    expect(Object.isFrozen(store)).toBe(false);
  });

  it('reports all problems at once, each with its option and its remedy', () => {
    const options = {
      type: 'filesytem',
      idelTimeout: '30m',
      absoluteTimeout: '5 bananas',
      cookie: { sameSite: 'none', secure: false },
      failFast: 'true',
      exclude: ['assets'],
    };
    expect(() => resolve(options)).toThrow(SessionConfigError);
    expect(() => resolve(options)).toThrow(
      `[session] SessionModule cannot start:
  - idelTimeout: there is no such option. Did you mean 'idleTimeout'?
  - type: is 'filesytem'; write one of 'memory', 'filesystem', 'redis', 'mongodb'. Did you mean 'filesystem'?
  - absoluteTimeout: is '5 bananas'; write a whole number of milliseconds above zero, or text like '12h'.
  - cookie.sameSite: 'none' needs cookie.secure: true, and that is false here.
  - failFast: is 'true'; write true or false, without quotes.
  - exclude: entry 0 is 'assets'; paths begin with '/'.`,
    );
  });

  describe('the store', () => {
    it.each<[string, unknown, RegExp]>([
      [
        'neither type nor store',
        {},
        /^type: is missing; write one of 'memory', 'filesystem', 'redis'.* 'store'\.$/,
      ],
      ['both', { type: 'memory', store: new OwnStore() }, /^store: is given together with 'type'; keep one/],
      [
        'an unknown type',
        { type: 'sqlite' },
        /^type: is 'sqlite'; write one of 'memory', 'filesystem', 'redis'/,
      ],
      ['a type with a typo', { type: 'Memory' }, /Did you mean 'memory'\?$/],
      ['a type from the prototype', { type: 'constructor' }, /^type: is 'constructor'; write one of/],
      ['__proto__', { type: '__proto__' }, /^type: is '__proto__'; write one of/],
      ['an unknown short form', 'sqlite', /^type: is 'sqlite'; write one of/],
      ['a type that is not a text', { type: 5 }, /^type: is 5; write one of/],
      ['a class', { store: OwnStore }, /^store: is a class or a function; give an instance/],
      [
        'a store without touch',
        { store: { load() {}, create() {}, update() {}, touch: 1, destroy() {} } },
        /^store: is not a SessionStore: it lacks touch\(\)\.$/,
      ],
      ['a Map', { store: new Map() }, /it lacks load\(\), create\(\), update\(\), touch\(\), destroy\(\)\.$/],
      ['text', { store: 'memory' }, /^store: is 'memory'; give an instance/],
    ])('%s', (_, options, message) => {
      expect(messageOf(options)).toEqual([expect.stringMatching(message)]);
    });

    it('the message about an option of another type names that type', () => {
      expect(messageOf({ type: 'memory', directory: 'x' })).toEqual([
        "directory: is an option of type: 'filesystem'; type: 'memory' does not take it. Remove it.",
      ]);
      expect(messageOf({ store: new OwnStore(), maxSessions: 5 })).toEqual([
        "maxSessions: is an option of type: 'memory'; here it has no effect. Remove it.",
      ]);
    });
  });

  describe('durations', () => {
    const names = ['idleTimeout', 'absoluteTimeout', 'touchInterval'] as const;
    const values = [0, -1, 1.5, NaN, Infinity, 1e21, '', '0s', '-1h', 'soon', true, {}, '101y', new Date(0)];
    it.each(names.flatMap(name => values.map(value => [name, value] as const)))(
      '%s: %j is refused',
      (name, value) => {
        expect(problemsOf({ type: 'memory', [name]: value }).map(({ option }) => option)).toEqual([name]);
      },
    );

    it('any whole number of milliseconds is accepted, also a short one', () => {
      const resolved = resolve({ type: 'memory', idleTimeout: 2, absoluteTimeout: 3, touchInterval: 1 });
      expect(resolved).toMatchObject({ idleTimeoutMs: 2, absoluteTimeoutMs: 3, touchIntervalMs: 1 });
    });

    it.each([
      ['1h', 60_000],
      ['10m', 60_000],
      ['5m', 30_000],
      [1000, 100],
      [19, 1],
      [5, 1],
    ])('touchInterval is a tenth of idleTimeout %s, at most a minute', (idleTimeout, expected) => {
      expect(resolve({ type: 'memory', idleTimeout }).touchIntervalMs).toBe(expected);
    });

    it('an idle timeout that is longer than the absolute one is refused if it was given', () => {
      expect(messageOf({ type: 'memory', idleTimeout: '2h', absoluteTimeout: '1h' })).toEqual([
        'idleTimeout: is longer than absoluteTimeout, which nothing extends; raise that one or lower this one.',
      ]);
      expect(messageOf({ type: 'memory', idleTimeout: '7d' })).toEqual([
        "idleTimeout: is longer than absoluteTimeout, which is '24h' unless you set it; raise that one or lower this one.",
      ]);
      expect(resolve({ type: 'memory', idleTimeout: '1h', absoluteTimeout: '1h' }).idleTimeoutMs).toBe(
        3_600_000,
      );
    });

    it('a short absolute timeout shortens the default idle timeout', () => {
      const resolved = resolve({ type: 'memory', absoluteTimeout: '20m' });
      expect(resolved).toMatchObject({
        idleTimeoutMs: 1_200_000,
        absoluteTimeoutMs: 1_200_000,
        touchIntervalMs: 60_000,
      });
    });

    it('a touch interval that is not shorter than the idle timeout is refused', () => {
      for (const touchInterval of ['10m', '11m']) {
        expect(problemsOf({ type: 'memory', idleTimeout: '10m', touchInterval })).toEqual([
          { option: 'touchInterval', message: expect.stringContaining('is not shorter than idleTimeout') },
        ]);
      }
    });

    it('rules about several timeouts are checked only if each of them is valid', () => {
      expect(problemsOf({ type: 'memory', idleTimeout: '2d', absoluteTimeout: 'x' })).toHaveLength(1);
      expect(problemsOf({ type: 'memory', idleTimeout: 'x', touchInterval: '3h' })).toHaveLength(1);
    });
  });

  it.each<[string, unknown]>([
    ['load', 'Eager'],
    ['load', true],
    ['onStoreError', 'ignore'],
    ['failFast', 1],
    ['saveOnServerError', 'yes'],
    ['storeTimeout', 0],
    ['storeTimeout', 1.5],
    ['storeTimeout', 600_001],
    ['storeTimeout', NaN],
    ['storeTimeout', '1s'],
    ['maxSize', 0],
    ['maxSize', -5],
    ['maxSize', Infinity],
    ['maxSize', '64kb'],
    ['codec', {}],
    ['codec', { encode: () => '' }],
    ['codec', 'json'],
    ['exclude', '/a'],
    ['exclude', {}],
    ['cookie', 'sid'],
  ])('%s: %j is refused', (option, value) => {
    const problems = problemsOf({ type: 'memory', [option]: value });
    expect(problems).toEqual([{ option, message: expect.stringMatching(/^is .+; (write|give) .+\.$/) }]);
  });

  it.each([1, 600_000])('storeTimeout %d is accepted', storeTimeout => {
    expect(resolve({ type: 'memory', storeTimeout }).storeTimeoutMs).toBe(storeTimeout);
  });

  describe('unknown options', () => {
    it.each([
      ['idletimeout', "there is no such option. Did you mean 'idleTimeout'?"],
      ['cookies', "there is no such option. Did you mean 'cookie'?"],
      ['resave', 'there is no such option. Remove it.'],
      ['encryption', 'there is no such option. Remove it.'],
      ['anonymous', 'there is no such option. Remove it.'],
      ['__proto__', 'there is no such option. Remove it.'],
      ['x'.repeat(5000), 'there is no such option. Remove it.'],
      ['maxAge', 'is an option of the cookie; write cookie: { maxAge: … }.'],
      ['sameSite', 'is an option of the cookie; write cookie: { sameSite: … }.'],
    ])('%s', (name, message) => {
      const options: unknown = JSON.parse(`{ "type": "memory", "${name}": 1 }`);
      expect(problemsOf(options)).toEqual([{ option: name, message }]);
    });

    it('are reported in one line, whatever characters their name has', () => {
      expect(messageOf({ type: 'memory', 'a\r\nFAKE \u009b': 1 })).toEqual([
        String.raw`a\u{d}\u{a}FAKE \u{9b}: there is no such option. Remove it.`,
      ]);
    });

    it('are reported without their value, which may be a secret', () => {
      expect(messageOf({ type: 'memory', secret: 'correct horse battery' }).join()).not.toContain('horse');
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /^options: is missing; write an object/],
    ['null', null, /^options: is missing; write an object/],
    ['a number', 5, /^options: is 5; write an object/],
    ['a list', [], /^options: is a list; write an object/],
    ['a function', () => ({}), /^options: is a function; write an object/],
    ['a promise', Promise.resolve({ type: 'memory' }), /^options: is a promise; .*forRootAsync/],
    ['a store', new OwnStore(), /^options: is a store; write \{ store: yourStore \}\.$/],
  ])('options that are %s', (_, options, message) => {
    expect(messageOf(options)).toEqual([expect.stringMatching(message)]);
  });
});

/** The warnings of options that are accepted. */
const warningsOf = (options: object) => resolve({ type: 'memory', ...options }).warnings;

describe('a cookie that is kept longer than a session can live', () => {
  it('is a warning that names each limit that ends the session earlier and was not set', () => {
    expect(warningsOf({ cookie: { maxAge: '30d' } })).toEqual([
      "The browser keeps the session cookie for cookie.maxAge: '30d', but the session ends sooner: after 1h without use (the default of idleTimeout), and after 24h in any case (the default of absoluteTimeout). Set both to how long users should stay signed in.",
    ]);
  });

  it.each<[options: object, limits: RegExp]>([
    [{ cookie: { maxAge: '2h' } }, /: after 1h without use \(the default of idleTimeout\)\. Set it /],
    [
      { cookie: { maxAge: 7_200_000 } },
      /maxAge: 7200000, .*: after 1h without use \(.* idleTimeout\)\. Set it /,
    ],
    [
      { cookie: { maxAge: '30d' }, idleTimeout: '12h' },
      /: after 24h in any case \(.* absoluteTimeout\)\. Set it /,
    ],
    [
      { cookie: { maxAge: '30d' }, absoluteTimeout: '30d' },
      /: after 1h without use \(.* idleTimeout\)\. Set it /,
    ],
  ])('is a warning with %j', (options, limits) => {
    expect(warningsOf(options)).toEqual([expect.stringMatching(limits)]);
  });

  it.each<object>([
    { cookie: { maxAge: '30d' }, absoluteTimeout: '30d', idleTimeout: '7d' },
    { cookie: { maxAge: '30d' }, absoluteTimeout: '30m', idleTimeout: '5m' },
    { cookie: { maxAge: '1h' }, absoluteTimeout: '30m' },
    { cookie: { maxAge: '1h' } },
    { idleTimeout: '5m' },
  ])('is none with %j: the limits were chosen, or are long enough', options => {
    expect(warningsOf(options)).toEqual([]);
  });
});
