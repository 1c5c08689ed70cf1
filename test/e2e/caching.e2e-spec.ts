import { Controller, Get } from '@nestjs/common';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session } from '../../lib/index.js';
import type { Browser } from '../support/browser.js';
import { platforms } from '../support/platforms.js';
import { answering, me, passing, returning, startScriptedApp, type Script } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';
import { WatchedStore } from '../support/watched-store.js';

const looks: Record<string, Script> = {
  'a property': session => void session.mark,
  'get()': session => void session.get('mark'),
  'has()': session => void session.has('mark'),
  in: session => void ('mark' in session),
  'Object.keys()': session => void Object.keys(session),
  'for … in': session => {
    for (const key in session) void key;
  },
  spread: session => void { ...session },
  'JSON.stringify()': session => void JSON.stringify(session),
  isNew: session => void session.isNew,
  loggedInAs: session => void session.loggedInAs,
  'flashes()': session => session.flashes().then(() => undefined),
  'take()': session => session.take('nothing').then(() => undefined),
  'update()': session => session.update('nothing', () => undefined).then(() => undefined),
  loggedInAt: session => void session.loggedInAt,
  'request.session': (_, { request }) => void request.session.mark,
};

const noLooks: Record<string, Script> = {
  nothing: () => undefined,
  id: session => void session.id,
  createdAt: session => void session.createdAt,
  lastSeenAt: session => void session.lastSeenAt,
  expiresAt: session => void session.expiresAt,
  await: async session => void (await session),
  'a symbol': session => void (session as unknown as Record<symbol, unknown>)[Symbol.iterator],
  'util.inspect()': session => void inspect(session),
  'a method': session => void session.login,
};

/** A page that says it may be kept, and signs somebody in. */
const login = (user: string) =>
  passing(async (session, { response }) => {
    response.header('cache-control', 'public, max-age=3600');
    await session.login(user);
    return { user };
  });

/** All that hands out ids, in one request. */
const busy: Script = async session => {
  session.mark = 1;
  await session.regenerate({ keep: true });
  await session.save();
  await session.regenerate();
  session.mark = 2;
  await session.save();
};

const ending: Script = async (session, http) => {
  await busy(session, http);
  await session.login('alice');
  await session.destroy();
};

@Controller()
class KeyController {
  @Get('key')
  key(@Session('mark') mark: unknown) {
    return { mark };
  }
}

describe.each(platforms)('answers and caches on $name', platform => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform, { controllers: [KeyController] });
  });
  afterAll(() => running.close());

  /** A visitor, and a browser with a session. */
  async function browsers(): Promise<Browser[]> {
    const known = running.browser();
    await known.get(returning(session => void (session.mark = 1)));
    return [running.browser(), known];
  }

  describe('Vary: Cookie', () => {
    for (const [name, look] of Object.entries(looks)) {
      it(`${name} reads the session, an empty one too`, async () => {
        for (const browser of await browsers()) {
          const answer = await browser.get(returning(look));
          expect(answer.status).toBe(200);
          expect(answer.headers.get('vary')).toBe('Cookie');
          expect(answer.setCookies).toEqual([]);
        }
      });
    }

    it("@Session('key') reads the session", async () => {
      for (const browser of await browsers())
        expect((await browser.get('/key')).headers.get('vary')).toBe('Cookie');
    });

    for (const [name, noLook] of Object.entries(noLooks)) {
      it(`${name} does not read the session`, async () => {
        for (const browser of await browsers()) {
          const answer = await browser.get(returning(noLook));
          expect(answer.status).toBe(200);
          expect(answer.headers.get('vary')).toBeNull();
          expect(answer.headers.get('cache-control')).toBeNull();
        }
      });
    }

    it.each([
      ['Accept-Encoding', 'Accept-Encoding, Cookie'],
      ['Accept-Encoding, Origin', 'Accept-Encoding, Origin, Cookie'],
      ['Cookie', 'Cookie'],
      ['cookie, Accept', 'cookie, Accept'],
      ['Accept,COOKIE', 'Accept,COOKIE'],
      ['*', '*'],
      ['Accept, *', 'Accept, *'],
      ['X-Cookie', 'X-Cookie, Cookie'],
      ['Cookie-Consent', 'Cookie-Consent, Cookie'],
    ])('is merged into "%s"', async (given, expected) => {
      const reading: Script = (session, { response }) => {
        response.header('vary', given);
        return { mark: session.mark };
      };
      const writing: Script = (session, { raw }) => {
        void session.mark;
        raw.writeHead(200, { VARY: given }).end();
      };
      const browser = running.browser();
      expect((await browser.get(passing(reading))).headers.get('vary')).toBe(expected);
      expect((await browser.get(answering(writing))).headers.get('vary')).toBe(expected);
    });

    it('is merged into a list of headers', async () => {
      const answer = await running.browser().get(
        answering((session, { raw }) => {
          raw.setHeader('vary', ['Accept', 'Origin']);
          void session.mark;
          raw.end();
        }),
      );
      expect(answer.headers.get('vary')).toBe('Accept, Origin, Cookie');
    });

    it('is there on HEAD and on 304, too', async () => {
      const [, known] = await browsers();
      const path = answering((session, { raw }) => {
        void session.mark;
        raw.writeHead(304).end();
      });
      const notModified = await known!.get(path);
      expect(notModified.status).toBe(304);
      expect(notModified.headers.get('vary')).toBe('Cookie');
      const head = await known!.request('HEAD', '/me');
      expect(head.status).toBe(200);
      expect(head.headers.get('vary')).toBe('Cookie');
    });
  });

  describe('Cache-Control: no-store', () => {
    it.each([
      'public, max-age=3600, s-maxage=86400',
      'private, max-age=60',
      'no-cache="Set-Cookie"',
      'immutable',
    ])('replaces "%s" when the cookie is set or cleared, and only then', async given => {
      const page =
        (act: Script): Script =>
        async (session, http) => {
          const { response } = http;
          response.header('cache-control', given);
          response.header('cdn-cache-control', 'max-age=600');
          response.header('surrogate-control', 'max-age=600');
          await act(session, http);
        };
      const browser = running.browser();
      const created = await browser.get(passing(page(session => void (session.mark = 1))));
      const updated = await browser.get(passing(page(session => void (session.mark = 2))));
      const rotated = await browser.get(passing(page(session => session.login('alice'))));
      const ended = await browser.get(passing(page(session => session.destroy())));
      for (const { headers, setCookies } of [created, rotated, ended]) {
        expect(setCookies).toHaveLength(1);
        expect(headers.get('cache-control')).toBe('no-store');
        expect(headers.get('cdn-cache-control')).toBeNull();
        expect(headers.get('surrogate-control')).toBeNull();
      }
      expect(updated.setCookies).toEqual([]);
      expect(updated.headers.get('cache-control')).toBe(given);
      expect(updated.headers.get('cdn-cache-control')).toBe('max-age=600');
    });
  });

  it('a cache that obeys RFC 9111 never serves one user the page of another', async () => {
    const page = passing((session, { response }) => {
      response.header('cache-control', 'public, max-age=3600');
      return { user: session.loggedInAs ?? null, visits: session.visits };
    });
    const signIn = { alice: login('alice'), bob: login('bob') };
    const cache = new SharedCache();
    let hits = 0;
    const alice = running.browser();
    const bob = running.browser();
    const visitor = running.browser();
    for (const browser of [alice, bob]) await browser.get('/me');
    await cache.get(alice, signIn.alice);
    await cache.get(bob, signIn.bob);
    for (let round = 0; round < 30; round++) {
      for (const [browser, user] of [
        [alice, 'alice'],
        [visitor, null],
        [bob, 'bob'],
      ] as const) {
        const { body, wasHit } = await cache.get(browser, page);
        expect(JSON.parse(body)).toMatchObject({ user });
        if (wasHit) hits++;
      }
    }
    // It does keep pages: each of the three asks the application once.
    expect(hits).toBe(87);
    // A login page that was kept would hand its cookie to the next one.
    const stranger = running.browser();
    await cache.get(stranger, signIn.alice);
    expect(stranger.cookie).not.toBe(alice.cookie);
  });
});

/** A cache in front of the application, for everybody. It heeds `Cache-Control`, `CDN-Cache-Control` and `Vary`. */
class SharedCache {
  readonly #kept: {
    path: string;
    vary: string[];
    cookie: string;
    body: string;
    setCookies: readonly string[];
  }[] = [];

  async get(browser: Browser, path: string): Promise<{ body: string; wasHit: boolean }> {
    const { cookie } = browser;
    const known = this.#kept.find(
      one => one.path === path && (!one.vary.includes('cookie') || one.cookie === cookie),
    );
    if (known) {
      for (const line of known.setCookies) browser.cookies.set('sid', line.slice(4, line.indexOf(';')));
      return { body: known.body, wasHit: true };
    }
    const { headers, text, setCookies } = await browser.get(path);
    const control = headers.get('cdn-cache-control') ?? headers.get('cache-control') ?? '';
    const vary = (headers.get('vary') ?? '').toLowerCase().split(/\s*,\s*/);
    if (/max-age/.test(control) && !/no-store|private/.test(control) && !vary.includes('*'))
      this.#kept.push({ path, vary, cookie, body: text, setCookies });
    return { body: text, wasHit: false };
  }
}

describe.each(platforms)('one Set-Cookie of ours on $name', platform => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform);
  });
  afterAll(() => running.close());

  it('regenerate() twice and save(): one, of the session that is alive', async () => {
    const browser = running.browser();
    await browser.get(returning(session => void (session.first = 1)));
    const before = browser.cookie;
    const answer = await browser.get(returning(busy));
    expect(answer.setCookies).toHaveLength(1);
    expect(browser.cookie).not.toBe(before);
    expect((await me(browser)).data).toEqual({ mark: 2 });
  });

  it('and destroy(): one that clears it; none for a visitor', async () => {
    const browser = running.browser();
    await browser.get(returning(session => void (session.first = 1)));
    const answer = await browser.get(returning(ending));
    expect(answer.setCookies).toHaveLength(1);
    expect(browser.cookies.size).toBe(0);
    expect((await running.browser().get(returning(ending))).setCookies).toEqual([]);
  });

  it('destroy() and a flash message: one, of the new session', async () => {
    const browser = running.browser();
    await browser.get(returning(session => void (session.first = 1)));
    const before = browser.copy();
    const answer = await browser.get(
      returning(async session => {
        await session.destroy();
        session.flash('info', 'good bye');
      }),
    );
    expect(answer.setCookies).toHaveLength(1);
    expect(browser.cookie).not.toBe(before.cookie);
    expect((await browser.get(returning(session => session.flashes('info')))).json()).toEqual(['good bye']);
    expect((await me(before)).data).toEqual({});
  });

  it('cookies of others stay as they are, one of our name is replaced', async () => {
    const foreign = [
      'theme=dark; Path=/',
      'SID=other-case',
      'sid2=longer',
      '__Host-sid=prefixed; Secure; Path=/',
    ];
    const answer = await running.browser().get(
      passing((session, { response }) => {
        response.header('set-cookie', [
          ...foreign.slice(0, 2),
          'sid=planted; Path=/',
          ' sid = planted',
          ...foreign.slice(2),
        ]);
        session.mark = 1;
      }),
    );
    expect(answer.setCookies.slice(0, -1)).toEqual(foreign);
    expect(answer.setCookies.at(-1)).toMatch(/^sid=[A-Za-z0-9_-]{43};/);
  });

  it('a hundred saves of an existing session leave the cookie alone', async () => {
    const browser = running.browser();
    const count = returning(session => {
      session.count = Number(session.count ?? 0) + 1;
      return session.count;
    });
    expect((await browser.get(count)).setCookies).toHaveLength(1);
    const cookie = browser.cookie;
    for (let i = 2; i <= 101; i++) {
      const answer = await browser.get(count);
      expect(answer.text).toBe(String(i));
      expect(answer.setCookies).toEqual([]);
    }
    expect(browser.cookie).toBe(cookie);
  });
});

describe.each(platforms)('a session that cannot be read, on $name', platform => {
  it('counts as read: 503 with Vary, and no cookie', async () => {
    const store = new WatchedStore();
    const running = await startScriptedApp(platform, { backend: { store } });
    try {
      const browser = running.browser();
      await browser.get(returning(session => void (session.mark = 1)));
      const gate = store.hold('load');
      gate.fail(new Error('a fault that the test made'));
      const answer = await browser.get('/me');
      expect(answer.status).toBe(503);
      expect(answer.headers.get('vary')).toBe('Cookie');
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(answer.setCookies).toEqual([]);
    } finally {
      await running.close();
    }
  });
});
