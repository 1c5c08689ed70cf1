import { describe, expect, it } from 'vitest';
import { addSessionHeaders, type SessionHeaders } from './session-headers.js';
import type { ResponseHead } from './response-head.js';

type Headers = Record<string, string | readonly string[] | number>;

function headWith(headers: Headers): ResponseHead & { readonly headers: Headers } {
  const all = new Map(Object.entries(headers));
  return {
    status: 200,
    get: name => all.get(name),
    set: (name, value) => void all.set(name, value),
    remove: name => void all.delete(name),
    get headers() {
      return Object.fromEntries(all);
    },
  };
}

const OURS = 'sid=new; Path=/; HttpOnly';
const dress = (more: Partial<SessionHeaders>): SessionHeaders => ({
  cookie: undefined,
  isOwnCookie: line => line.startsWith('sid='),
  variesByCookie: false,
  retryAfterSeconds: undefined,
  ...more,
});
const dressed = (headers: Headers, more: Partial<SessionHeaders>): Headers => {
  const head = headWith(headers);
  addSessionHeaders(head, dress(more));
  return head.headers;
};

describe('addSessionHeaders', () => {
  it('leaves a head alone that it has nothing to say about', () => {
    const headers = { 'set-cookie': 'a=b', 'cache-control': 'public', vary: 'Origin', 'x-other': 1 };
    expect(dressed(headers, {})).toEqual(headers);
  });

  it.each<[string, Headers, readonly string[]]>([
    ['where there is none', {}, [OURS]],
    ['in addition to one of the application', { 'set-cookie': 'a=b' }, ['a=b', OURS]],
    ['beside several', { 'set-cookie': ['a=b', 'c=d'] }, ['a=b', 'c=d', OURS]],
    ['in the place of ours', { 'set-cookie': ['sid=old', 'a=b', 'sid=older; Max-Age=0'] }, ['a=b', OURS]],
    ['in the place of ours alone', { 'set-cookie': 'sid=old' }, [OURS]],
  ])('sets exactly one session cookie, %s', (_, headers, lines) => {
    expect(dressed(headers, { cookie: OURS })['set-cookie']).toEqual(lines);
  });

  it('forbids caches to store a response that sets the cookie, even if the handler allowed it', () => {
    const headers = {
      'cache-control': 'public, max-age=600',
      'cdn-cache-control': 'max-age=600',
      'surrogate-control': 'max-age=600',
    };
    expect(dressed(headers, { cookie: OURS })).toEqual({ 'set-cookie': [OURS], 'cache-control': 'no-store' });
    expect(dressed(headers, { variesByCookie: true })).toEqual({ ...headers, vary: 'Cookie' });
  });

  it.each<[string, Headers, unknown]>([
    ['none', {}, 'Cookie'],
    ['an empty one', { vary: '' }, 'Cookie'],
    ['another', { vary: 'Origin' }, 'Origin, Cookie'],
    ['a list', { vary: ['Origin', 'Accept-Encoding'] }, 'Origin, Accept-Encoding, Cookie'],
    ['itself', { vary: 'Cookie' }, 'Cookie'],
    ['itself in lower case, among others', { vary: 'origin,cookie ,accept' }, 'origin,cookie ,accept'],
    ['everything', { vary: '*' }, '*'],
    ['a name that only contains it', { vary: 'X-Cookie, Cookie2' }, 'X-Cookie, Cookie2, Cookie'],
    ['a list with it', { vary: ['Origin', 'Cookie'] }, ['Origin', 'Cookie']],
  ])('merges Vary with %s', (_, headers, vary) => {
    expect(dressed(headers, { variesByCookie: true })['vary']).toEqual(vary);
  });

  it('sets Retry-After, unless the handler has set it', () => {
    expect(dressed({}, { retryAfterSeconds: 1 })).toEqual({ 'retry-after': '1' });
    expect(dressed({ 'retry-after': '30' }, { retryAfterSeconds: 1 })).toEqual({ 'retry-after': '30' });
  });
});
