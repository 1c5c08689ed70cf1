import { describe, expect, it } from 'vitest';
import type { SessionConfigProblem } from '../errors/session-config.error.js';
import type { SessionCookieOptions } from './cookie-options.interface.js';
import { resolveCookieOptions } from './resolve-cookie-options.js';

const DAY_MS = 86_400_000;

function resolve(given: unknown, production = true) {
  const problems: SessionConfigProblem[] = [];
  const cookie = resolveCookieOptions(given, { production }, problems);
  return { cookie, problems, wrong: problems.map(({ option }) => option) };
}

describe('cookie options', () => {
  it('default to __Host-, HttpOnly, Lax and a browser-session cookie', () => {
    expect(resolve(undefined)).toMatchObject({
      problems: [],
      cookie: {
        name: '__Host-sid',
        path: '/',
        domain: undefined,
        secure: true,
        httpOnly: true,
        sameSite: 'lax',
        partitioned: false,
        priority: undefined,
        maxAgeMs: undefined,
      },
    });
  });

  it('outside production depend on the protocol of each request, with a plain name', () => {
    expect(resolve({}, false).cookie).toMatchObject({ name: 'sid', secure: 'auto' });
  });

  it('treat null as not given', () => {
    const { cookie, problems } = resolve({ name: null, domain: null, secure: null, maxAge: null });
    expect(problems).toEqual([]);
    expect(cookie).toEqual(resolve({}).cookie);
  });

  // The name that comes out, or the options at fault.
  it.each<[SessionCookieOptions, string | string[]]>([
    [{ secure: true }, '__Host-sid'],
    [{ secure: true, domain: 'example.com' }, '__Secure-sid'],
    [{ secure: true, path: '/app' }, '__Secure-sid'],
    [{ secure: 'auto' }, 'sid'],
    [{ secure: false }, 'sid'],
    [{ secure: true, name: '__Host-a' }, '__Host-a'],
    [{ secure: true, name: '__Host-a', domain: 'example.com' }, ['cookie.name']],
    [{ secure: true, name: '__Host-a', path: '/app' }, ['cookie.name']],
    [{ secure: false, name: '__Host-a' }, ['cookie.name']],
    [{ secure: 'auto', name: '__Host-a' }, ['cookie.name']],
    [{ secure: true, name: '__Secure-a' }, '__Secure-a'],
    [{ secure: true, name: '__Secure-a', domain: 'example.com', path: '/app' }, '__Secure-a'],
    [{ secure: false, name: '__Secure-a' }, ['cookie.name']],
    [{ secure: 'auto', name: '__Secure-a' }, ['cookie.name']],
    [{ secure: true, name: '__HOST-a' }, '__HOST-a'],
    [{ secure: true, name: '__hOsT-a', path: '/app' }, ['cookie.name']],
    [{ secure: false, name: '__sECURE-a' }, ['cookie.name']],
    [{ secure: true, name: '__Http-a', domain: 'example.com' }, '__Http-a'],
    [{ secure: true, name: '__Http-a', httpOnly: false }, ['cookie.name']],
    [{ secure: false, name: '__http-a' }, ['cookie.name']],
    [{ secure: true, name: '__Host-Http-a' }, '__Host-Http-a'],
    [{ secure: true, name: '__Host-Http-a', httpOnly: false }, ['cookie.name']],
    [{ secure: true, name: '__host-http-a', domain: 'example.com' }, ['cookie.name']],
    [{ secure: true, name: 'a__Host-' }, '__Host-a__Host-'],
    [{ secure: true, sameSite: 'none' }, '__Host-sid'],
    [{ secure: 'auto', sameSite: 'none' }, ['cookie.sameSite']],
    [{ secure: false, sameSite: 'none' }, ['cookie.sameSite']],
    [{ secure: true, partitioned: true }, '__Host-sid'],
    [{ secure: 'auto', partitioned: true }, ['cookie.partitioned']],
    [{ secure: false, partitioned: true, sameSite: 'none' }, ['cookie.sameSite', 'cookie.partitioned']],
  ])('%j gives %j', (options, expected) => {
    const { cookie, wrong } = resolve(options);
    expect(wrong.length === 0 ? cookie.name : wrong).toEqual(expected);
  });

  it('name everything that a prefix needs in one message, and the alternative', () => {
    const { problems } = resolve({
      name: '__Host-Http-a',
      secure: false,
      domain: 'a.b',
      path: '/x',
      httpOnly: false,
    });
    expect(problems).toEqual([
      {
        option: 'cookie.name',
        message:
          "its prefix '__Host-Http-' needs cookie.secure: true and no cookie.domain and cookie.path: '/' and " +
          'cookie.httpOnly: true; or leave the prefix out: with secure: true the right one is added automatically.',
      },
    ]);
  });

  it.each<[keyof SessionCookieOptions, unknown]>([
    ['name', ''],
    ['name', 'a b'],
    ['name', 'a=b'],
    ['name', 'a;b'],
    ['name', 'a,b'],
    ['name', 'a\r\nSet-Cookie: x'],
    ['name', 'sid\n'],
    ['name', 'ſid'],
    ['name', 'a'.repeat(257)],
    ['name', 7],
    ['path', ''],
    ['path', 'app'],
    ['path', '/a;b'],
    ['path', '/a; Domain=evil.example'],
    ['path', '/a\r\nX: 1'],
    ['path', '/a\n'],
    ['path', '/a\u007f'],
    ['path', '/a\u009b2J'],
    ['path', '/a\u2028'],
    ['path', '/\u202ea'],
    ['path', '/é'],
    ['path', '/a b'],
    ['path', '/a<b'],
    ['path', `/${'a'.repeat(1024)}`],
    ['path', ['/']],
    ['domain', ''],
    ['domain', 'https://example.com'],
    ['domain', 'example.com:3000'],
    ['domain', 'example.com/app'],
    ['domain', 'example..com'],
    ['domain', 'example.com.'],
    ['domain', '-a.example'],
    ['domain', 'a.example; Path=/'],
    ['domain', 'a.example\r\nX: 1'],
    ['domain', 'a.example\n'],
    ['domain', 'bücher.example'],
    ['domain', `${'a'.repeat(64)}.example`],
    ['domain', `${'a.'.repeat(130)}example`],
    ['domain', true],
    ['secure', 'true'],
    ['secure', 'AUTO'],
    ['secure', 1],
    ['httpOnly', 'false'],
    ['httpOnly', 0],
    ['sameSite', 'Lax'],
    ['sameSite', true],
    ['sameSite', false],
    ['partitioned', 'yes'],
    ['priority', 'High'],
    ['priority', 1],
    ['maxAge', 0],
    ['maxAge', -0],
    ['maxAge', -1],
    ['maxAge', 1.5],
    ['maxAge', NaN],
    ['maxAge', Infinity],
    ['maxAge', 1e21],
    ['maxAge', 'soon'],
    ['maxAge', '10y'],
    ['maxAge', 400 * DAY_MS + 1],
    ['maxAge', new Date(0)],
  ])('%s: %j is refused in one problem that names it', (option, value) => {
    const { problems } = resolve({ secure: true, [option]: value });
    expect(problems.map(problem => problem.option)).toEqual([`cookie.${option}`]);
    expect(problems[0]?.message).toMatch(/; /);
    expect(problems[0]?.message, 'one line of the log').not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });

  it.each<[keyof SessionCookieOptions, unknown, object]>([
    ['path', `/${'a'.repeat(1023)}`, {}],
    ['domain', 'localhost', { domain: 'localhost' }],
    ['domain', '.example.com', { domain: '.example.com' }],
    ['domain', 'xn--bcher-kva.example', {}],
    ['name', "!#$%&'*+-.^_`|~09azAZ", {}],
    ['maxAge', 1, { maxAgeMs: 1 }],
    ['maxAge', 400 * DAY_MS, { maxAgeMs: 400 * DAY_MS }],
    ['maxAge', '30d', { maxAgeMs: 30 * DAY_MS }],
    ['maxAge', '1y', { maxAgeMs: 365.25 * DAY_MS }],
    ['priority', 'medium', { priority: 'medium' }],
  ])('%s: %j is accepted', (option, value, expected) => {
    const { cookie, problems } = resolve({ [option]: value });
    expect(problems).toEqual([]);
    expect(cookie).toMatchObject(expected);
  });

  it('report one wrong option as one problem', () => {
    expect(resolve({ secure: 'yes', sameSite: 'none', name: '__Host-a' }, false).wrong).toEqual([
      'cookie.secure',
    ]);
    expect(resolve({ domain: '!', name: '__Host-a' }).wrong).toEqual(['cookie.domain']);
  });

  it.each<[unknown, string]>([
    [{ samesite: 'lax' }, "there is no such option. Did you mean 'cookie.sameSite'?"],
    [{ http_only: true }, "there is no such option. Did you mean 'cookie.httpOnly'?"],
    [{ expires: new Date(0) }, 'there is no such option. Write maxAge, a duration.'],
    [{ signed: true }, 'there is no such option. Remove it.'],
    [JSON.parse('{ "__proto__": 1 }'), 'there is no such option. Remove it.'],
  ])('an unknown option %j: %s', (options, message) => {
    expect(resolve(options).problems).toEqual([expect.objectContaining({ message })]);
  });

  it.each([true, 'sid', 1, [], () => 1])('cookie: %j is refused', given => {
    expect(resolve(given).wrong).toEqual(['cookie']);
  });
});
