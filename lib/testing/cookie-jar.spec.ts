import { describe, expect, it } from 'vitest';
import { CookieJar } from './cookie-jar.js';
import { ManualClock } from './manual-clock.js';

const setting = (...lines: string[]) => ({ headers: { 'set-cookie': lines } });

describe('CookieJar', () => {
  it('is empty at first', () => {
    expect(new CookieJar().header()).toBe('');
  });

  it.each([
    [
      'fetch',
      new Response('', {
        headers: [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ],
      }),
      'a=1; b=2',
    ],
    ['a list', { headers: { 'set-cookie': ['a=1', 'b=2'] } }, 'a=1; b=2'],
    ['a text', { headers: { 'set-cookie': 'a=1' } }, 'a=1'],
    ['none', { headers: {} }, ''],
  ])('reads the headers of a response: %s', (_, response, expected) => {
    const jar = new CookieJar();
    expect(jar.keep(response)).toBe(response);
    expect(jar.header()).toBe(expected);
  });

  it('a cookie of the same name, domain and path replaces the earlier one', () => {
    const jar = new CookieJar();
    jar.keep(setting('sid=one; Path=/'));
    jar.keep(setting('sid=two; Path=/'));
    expect(jar.header()).toBe('sid=two');
  });

  it('sends a value as it came', () => {
    const jar = new CookieJar();
    jar.keep(setting('a=x%20y; Path=/', 'b="quoted"; Path=/', 'c=x=y; Path=/'));
    expect(jar.header()).toBe('a=x%20y; b="quoted"; c=x=y');
  });

  it.each(['Max-Age=0', 'Max-Age=-1', 'Expires=Thu, 01 Jan 1970 00:00:00 GMT'])(
    '%s removes the cookie',
    gone => {
      const jar = new CookieJar();
      jar.keep(setting('sid=one; Path=/'));
      jar.keep(setting(`sid=; Path=/; ${gone}`));
      expect(jar.header()).toBe('');
    },
  );

  it('drops a cookie when its time is over, by its clock', () => {
    const clock = new ManualClock();
    const jar = new CookieJar({ clock });
    jar.keep(setting('sid=one; Path=/; Max-Age=60'));
    clock.advance(59_999);
    expect(jar.header()).toBe('sid=one');
    clock.advance(1);
    expect(jar.header()).toBe('');
  });

  it('Max-Age wins over Expires', () => {
    const jar = new CookieJar();
    jar.keep(setting('sid=one; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT'));
    expect(jar.header()).toBe('sid=one');
  });

  it('sends a cookie within its path only, the longest path first', () => {
    const jar = new CookieJar();
    jar.keep(setting('a=1; Path=/', 'b=2; Path=/shop', 'c=3; Path=/shop/cart'));
    expect(jar.header('/')).toBe('a=1');
    expect(jar.header('/shopping')).toBe('a=1');
    expect(jar.header('/shop/cart/7?x=1')).toBe('c=3; b=2; a=1');
  });

  it('a cookie without Path belongs to the folder of the request', () => {
    const jar = new CookieJar();
    jar.keep(setting('a=1'), '/shop/cart');
    expect(jar.header('/shop/other')).toBe('a=1');
    expect(jar.header('/')).toBe('');
  });

  it.each([
    ['http://localhost', true],
    ['http://app.localhost:3000', true],
    ['http://127.0.0.1:3000', true],
    ['http://[::1]:3000', true],
    ['https://shop.example', true],
    ['http://shop.example', false],
    ['http://localhost.example', false],
  ])('keeps Secure cookies of %s: %s', (origin, isKept) => {
    const jar = new CookieJar({ origin });
    jar.keep(setting('__Host-sid=one; Path=/; Secure'));
    expect(jar.header() !== '').toBe(isKept);
  });

  it.each([
    '__Host-sid=one; Path=/',
    '__Host-sid=one; Secure',
    '__Host-sid=one; Path=/shop; Secure',
    '__Host-sid=one; Path=/; Secure; Domain=shop.example',
    '__host-sid=one; Path=/',
    '__Secure-sid=one; Path=/',
    'sid=one; Path=/; Domain=other.example',
    'sid=one; Path=/; Domain=p.example',
  ])('refuses what a browser refuses: %s', line => {
    const jar = new CookieJar({ origin: 'https://shop.example' });
    jar.keep(setting(line));
    expect(jar.header('/shop')).toBe('');
  });

  it.each(['shop.example', '.shop.example', 'SHOP.example', 'example'])(
    'keeps cookies of the domain %s',
    domain => {
      const jar = new CookieJar({ origin: 'https://www.shop.example' });
      jar.keep(setting(`sid=one; Path=/; Domain=${domain}`));
      expect(jar.header()).toBe('sid=one');
    },
  );

  it('a copy has the same cookies, and goes its own way', () => {
    const jar = new CookieJar();
    jar.keep(setting('sid=one; Path=/'));
    const thief = jar.copy();
    jar.keep(setting('sid=; Path=/; Max-Age=0'));
    expect(jar.header()).toBe('');
    expect(thief.header()).toBe('sid=one');
  });

  it('an origin that is not a URL is refused', () => {
    expect(() => new CookieJar({ origin: 'shop.example' })).toThrow(TypeError);
  });
});
