import { describe, expect, it } from 'vitest';
import type { SessionCookieOptions } from '../../lib/index.js';
import { platforms } from '../support/platforms.js';
import { me, NO_SESSION, returning, startScriptedApp } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';
import { exchange } from '../support/wire.js';

const write = returning(session => void (session.mark = 1));
const destroy = returning(session => session.destroy());

interface Row {
  readonly cookie?: SessionCookieOptions;
  readonly name: string;
  /** Everything after the value, in any order. */
  readonly attributes: readonly string[];
  /** What a request says about the protocol that the browser used. */
  readonly forwarded?: string;
}

const basic = ['Path=/', 'HttpOnly', 'SameSite=Lax'];
const rows: Row[] = [
  { name: 'sid', attributes: basic },
  { name: 'sid', attributes: [...basic, 'Secure'], forwarded: 'https' },
  { name: 'sid', attributes: [...basic, 'Secure'], forwarded: 'HTTPS' },
  { name: 'sid', attributes: [...basic, 'Secure'], forwarded: 'https, http' },
  { name: 'sid', attributes: basic, forwarded: 'http' },
  { name: 'sid', attributes: basic, forwarded: 'http, https' },
  { name: 'sid', attributes: basic, forwarded: 'httpsx' },
  { cookie: { secure: 'auto' }, name: 'sid', attributes: [...basic, 'Secure'], forwarded: 'https' },
  { cookie: { secure: false }, name: 'sid', attributes: basic },
  { cookie: { secure: false }, name: 'sid', attributes: basic, forwarded: 'https' },
  { cookie: { secure: true }, name: '__Host-sid', attributes: [...basic, 'Secure'] },
  { cookie: { secure: true }, name: '__Host-sid', attributes: [...basic, 'Secure'], forwarded: 'https' },
  {
    cookie: { secure: true, domain: 'example.com' },
    name: '__Secure-sid',
    attributes: [...basic, 'Secure', 'Domain=example.com'],
  },
  {
    cookie: { secure: true, path: '/returning' },
    name: '__Secure-sid',
    attributes: ['Path=/returning', 'HttpOnly', 'SameSite=Lax', 'Secure'],
  },
  {
    cookie: { name: '__Host-Http-app', secure: true },
    name: '__Host-Http-app',
    attributes: [...basic, 'Secure'],
  },
  { cookie: { name: 'my.app_1' }, name: 'my.app_1', attributes: basic },
  { cookie: { domain: 'example.com' }, name: 'sid', attributes: [...basic, 'Domain=example.com'] },
  { cookie: { httpOnly: false }, name: 'sid', attributes: ['Path=/', 'SameSite=Lax'] },
  { cookie: { sameSite: 'strict' }, name: 'sid', attributes: ['Path=/', 'HttpOnly', 'SameSite=Strict'] },
  {
    cookie: { sameSite: 'none', secure: true, partitioned: true },
    name: '__Host-sid',
    attributes: ['Path=/', 'HttpOnly', 'SameSite=None', 'Secure', 'Partitioned'],
  },
  { cookie: { priority: 'high' }, name: 'sid', attributes: [...basic, 'Priority=High'] },
  { cookie: { maxAge: '30d' }, name: 'sid', attributes: [...basic, 'Max-Age=2592000'] },
  { cookie: { maxAge: 1500 }, name: 'sid', attributes: [...basic, 'Max-Age=2'] },
];

async function during(
  options: Parameters<typeof startScriptedApp>,
  run: (running: RunningApp) => Promise<void>,
) {
  const running = await startScriptedApp(...options);
  try {
    await run(running);
  } finally {
    await running.close();
  }
}

describe.each(platforms)('the cookie on $name', platform => {
  for (const { cookie, name, attributes, forwarded } of rows) {
    const title = `${JSON.stringify(cookie ?? {})}${forwarded ? `, X-Forwarded-Proto: ${forwarded}` : ''}`;
    it(`${title}: ${name}, cleared with what it was set with`, () =>
      during([platform, { session: { cookie } }], async running => {
        const headers: Record<string, string> =
          forwarded === undefined ? {} : { 'x-forwarded-proto': forwarded };
        const browser = running.browser();
        const set = await browser.get(write, { headers });
        expect(set.setCookies).toHaveLength(1);
        const [pair = '', ...given] = set.setCookies[0]!.split('; ');
        expect(pair).toMatch(new RegExp(`^${name.replace('.', '\\.')}=[A-Za-z0-9_-]{43}$`));
        expect(given.toSorted()).toEqual(attributes.toSorted());
        // The jar refuses a prefixed cookie that breaks the rules of its prefix.
        expect([...browser.cookies.keys()]).toEqual([name]);

        const clear = await browser.get(destroy, { headers });
        expect(clear.setCookies).toHaveLength(1);
        const [empty, ...cleared] = clear.setCookies[0]!.split('; ');
        expect(empty).toBe(`${name}=`);
        const lasting = attributes.filter(attribute => !attribute.startsWith('Max-Age'));
        expect(cleared.toSorted()).toEqual(
          [...lasting, 'Max-Age=0', 'Expires=Thu, 01 Jan 1970 00:00:00 GMT'].toSorted(),
        );
        expect(browser.cookies.size).toBe(0);
      }));
  }

  it('Secure over plain HTTP to a host that is not local: set, and one warning', () =>
    during([platform, { session: { cookie: { secure: true } } }], async running => {
      const warnings = () => running.logs.filter(line => line.includes('plain HTTP'));
      for (const host of ['localhost:3000', '127.0.0.1', '127.1.2.3:80', '[::1]:3000', 'shop.localhost'])
        await exchange(running.url, { path: write, host });
      await exchange(running.url, {
        path: write,
        host: 'shop.example',
        headers: ['X-Forwarded-Proto: https'],
      });
      expect(warnings()).toEqual([]);
      for (let i = 0; i < 3; i++) {
        const answer = await exchange(running.url, { path: write, host: 'shop.example' });
        expect(answer.all('set-cookie')).toEqual([expect.stringContaining('; Secure')]);
      }
      expect(warnings()).toHaveLength(1);
    }));

  it('destroy() sets nothing when the request brought no cookie of ours', () =>
    during([platform], async running => {
      const ways = [
        destroy,
        returning(async session => {
          session.mark = 1;
          await session.destroy();
        }),
        returning(async session => {
          session.mark = 1;
          await session.save();
          await session.destroy();
        }),
        returning(async session => {
          await session.login('alice');
          await session.destroy();
        }),
      ];
      for (const path of ways) {
        for (const cookie of ['', 'theme=dark', 'SID=x', 'sid2=x']) {
          const answer = await running.browser().get(path, { cookie });
          expect(answer.status).toBe(200);
          expect(answer.setCookies).toEqual([]);
        }
      }
      expect(await running.sessions.listByUser('alice')).toEqual([]);
    }));

  it('only destroy() clears a cookie of our name whose session is gone', () =>
    during([platform], async running => {
      for (const cookie of ['sid=junk', 'sid=', `sid=${'A'.repeat(43)}`]) {
        const answer = await running.browser().get(destroy, { cookie });
        expect(answer.setCookies).toEqual([expect.stringContaining('Max-Age=0')]);
        expect((await running.browser().get('/me', { cookie })).setCookies).toEqual([]);
      }
    }));

  it('without maxAge it is a cookie of the browser session, and activity does not send it again', () =>
    during([platform], async running => {
      const browser = running.browser();
      await browser.get(write);
      running.clock.advance(120_000);
      expect((await browser.get('/me')).setCookies).toEqual([]);
      running.clock.advance(120_000);
      expect((await browser.get(write)).setCookies).toEqual([]);
    }));

  it('with maxAge it is sent again when activity is written down, and only then', () =>
    during([platform, { session: { cookie: { maxAge: '30d' } } }], async running => {
      const browser = running.browser();
      const first = await browser.get(write);
      const { cookie } = browser;
      expect((await browser.get('/me')).setCookies).toEqual([]);
      running.clock.advance(61_000);
      const touched = await browser.get('/me');
      expect(touched.setCookies).toEqual(first.setCookies);
      expect(touched.headers.get('cache-control')).toBe('no-store');
      expect((await browser.get('/me')).setCookies).toEqual([]);
      running.clock.advance(61_000);
      const updated = await browser.get(returning(session => void (session.mark = 2)));
      expect(updated.setCookies).toEqual(first.setCookies);
      expect(browser.cookie).toBe(cookie);
      // A load alone is no activity.
      running.clock.advance(61_000);
      expect((await browser.get(returning(() => 'untouched'))).setCookies).toEqual([]);
    }));

  it('the token is in Set-Cookie and nowhere else', () =>
    during([platform], async running => {
      const browser = running.browser();
      const answer = await browser.get(
        returning(async session => {
          session.mark = 1;
          await session.login('alice');
          return { id: session.id, session, text: JSON.stringify(session), keys: Object.keys(session) };
        }),
      );
      const token = browser.cookies.get('sid')!;
      expect(answer.text).not.toContain(token);
      const seen = await browser.get(returning(session => ({ ...session, id: session.id })));
      expect(seen.text).not.toContain(token);
      expect([...seen.headers].join()).not.toContain(token);
      expect(JSON.stringify(running.events)).not.toContain(token);
      expect(running.logs.join()).not.toContain(token);
    }));

  it('only the cookie names a session: not the query, a header, or the body', () =>
    during([platform], async running => {
      const browser = running.browser();
      await browser.get(returning(session => session.login('alice')));
      const token = browser.cookies.get('sid')!;
      const { id } = (await running.sessions.listByUser('alice'))[0]!;
      for (const secret of [token, id]) {
        const stranger = running.browser();
        for (const answer of [
          await stranger.get(`/me?sid=${secret}&session=${secret}`),
          await stranger.get(`/me;sid=${secret}`).then(() => stranger.get('/me')),
          await stranger.get('/me', {
            headers: { 'x-session-id': secret, authorization: `Bearer ${secret}` },
          }),
          await stranger.get('/me', { headers: { 'set-cookie': `sid=${secret}`, cookie2: `sid=${secret}` } }),
          await stranger.post('/me', { sid: secret }),
        ]) {
          expect(answer.json()).toEqual(NO_SESSION);
        }
      }
      expect((await running.browser().get('/me', { cookie: `sid=${id}` })).json()).toEqual(NO_SESSION);
      expect((await me(browser)).user).toBe('alice');
    }));
});
