import { HttpException, StreamableFile } from '@nestjs/common';
import { Readable } from 'node:stream';
import { from, of, throwError } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../lib/index.js';
import { platforms } from '../support/platforms.js';
import {
  me,
  NO_SESSION,
  passing,
  returning,
  startScriptedApp,
  type Script,
  type AnyData,
} from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';

interface Row {
  readonly title: string;
  readonly handler: Script;
  readonly text: string | RegExp;
  readonly status?: number;
}

const mark = (session: Session<AnyData>): void => {
  session.mark = 'made';
};

/** A handler that changes the session, then answers. */
const changing =
  (answer: () => unknown): Script =>
  session => {
    mark(session);
    return answer();
  };

const fault = (): never => {
  throw new Error('a fault that the test made');
};

const kept: Row[] = [
  { title: 'an object', handler: changing(() => ({ ok: true })), text: '{"ok":true}' },
  { title: 'an array', handler: changing(() => [1, 2]), text: '[1,2]' },
  { title: 'a string', handler: changing(() => 'hello'), text: 'hello' },
  { title: 'an empty string', handler: changing(() => ''), text: '' },
  { title: 'a number', handler: changing(() => 42), text: '42' },
  { title: 'a boolean', handler: changing(() => true), text: 'true' },
  { title: 'null', handler: changing(() => null), text: /^(null)?$/ },
  { title: 'undefined', handler: changing(() => undefined), text: '' },
  { title: 'a promise', handler: changing(async () => 'kept word'), text: 'kept word' },
  {
    title: 'a promise, changed just before it resolves',
    handler: async session => {
      await new Promise(setImmediate);
      mark(session);
      return 'late';
    },
    text: 'late',
  },
  { title: 'an observable of one value', handler: changing(() => of('single')), text: 'single' },
  {
    title: 'an observable, changed with its last value',
    handler: session =>
      from(
        (function* () {
          yield 'first';
          mark(session);
          yield 'last';
        })(),
      ),
    text: 'last',
  },
  {
    title: 'an observable, changed after its last value',
    handler: session =>
      from(
        (function* () {
          yield 'last';
          mark(session);
        })(),
      ),
    text: 'last',
  },
  {
    title: 'bytes in a StreamableFile',
    handler: changing(() => new StreamableFile(Buffer.from('bytes'))),
    text: 'bytes',
  },
  {
    title: 'a stream in a StreamableFile',
    handler: changing(() => new StreamableFile(Readable.from(['a', 'b', 'c']))),
    text: 'abc',
  },
  {
    title: 'a web Response',
    handler: changing(() => new Response('web', { status: 202 })),
    text: 'web',
    status: 202,
  },
  {
    title: 'an async iterable, changed before its first chunk',
    handler: session =>
      (async function* () {
        mark(session);
        yield 'one ';
        yield 'two';
      })(),
    text: 'one two',
  },
  {
    title: 'a thrown HttpException of 418',
    handler: changing(() => {
      throw new HttpException('no tea here', 418);
    }),
    text: /no tea here/,
    status: 418,
  },
];

const dropped: Row[] = [
  { title: 'a plain Error', handler: changing(fault), text: /Internal server error/, status: 500 },
  {
    title: 'an HttpException of 503',
    handler: changing(() => {
      throw new HttpException('busy', 503);
    }),
    text: /busy/,
    status: 503,
  },
  {
    title: 'a rejected promise',
    handler: changing(async () => fault()),
    text: /Internal server error/,
    status: 500,
  },
  {
    title: 'an observable that fails at once',
    handler: changing(() => throwError(() => new Error('a fault that the test made'))),
    text: /Internal server error/,
    status: 500,
  },
];

const hasText = (row: Row, text: string): void =>
  typeof row.text === 'string' ? expect(text).toBe(row.text) : expect(text).toMatch(row.text);

describe.each(platforms)('what a handler returns or throws, on $name', platform => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform);
  });
  afterAll(() => running.close());

  for (const row of kept)
    it(`${row.title}: a new session is saved and one cookie goes out`, async () => {
      const browser = running.browser();
      const answer = await browser.get(returning(row.handler));
      expect(answer.status).toBe(row.status ?? 200);
      hasText(row, answer.text);
      expect(answer.setCookies).toHaveLength(1);
      expect(await me(browser)).toEqual({ user: null, data: { mark: 'made' } });
    });

  for (const row of kept)
    it(`${row.title}: an existing session is saved, without a cookie`, async () => {
      const browser = running.browser();
      await browser.get(returning(session => void (session.first = 1)));
      const cookie = browser.cookie;
      const answer = await browser.get(passing(row.handler));
      expect(answer.status).toBe(row.status ?? 200);
      hasText(row, answer.text);
      expect(answer.setCookies).toEqual([]);
      expect(browser.cookie).toBe(cookie);
      expect(await me(browser)).toEqual({ user: null, data: { first: 1, mark: 'made' } });
    });

  for (const row of dropped)
    it(`${row.title}: nothing is saved and no cookie goes out`, async () => {
      const browser = running.browser();
      const answer = await browser.get(returning(row.handler));
      expect(answer.status).toBe(row.status);
      hasText(row, answer.text);
      expect(answer.setCookies).toEqual([]);

      await browser.get(returning(session => void (session.first = 1)));
      expect((await browser.get(returning(row.handler))).setCookies).toEqual([]);
      expect(await me(browser)).toEqual({ user: null, data: { first: 1 } });
    });

  it('what was saved explicitly before a failure stands, with its cookie', async () => {
    const browser = running.browser();
    const answer = await browser.get(
      returning(async session => {
        session.saved = 'yes';
        await session.save();
        session.unsaved = 'yes';
        fault();
      }),
    );
    expect(answer.status).toBe(500);
    expect(answer.setCookies).toHaveLength(1);
    expect(await me(browser)).toEqual({ user: null, data: { saved: 'yes' } });
  });

  it('a login before a failure stands, with its cookie, and the old id is dead', async () => {
    const browser = running.browser();
    await browser.get(returning(session => void (session.first = 1)));
    const before = browser.copy();
    const answer = await browser.get(
      returning(async session => {
        await session.login('alice');
        fault();
      }),
    );
    expect(answer.status).toBe(500);
    expect(answer.setCookies).toHaveLength(1);
    expect(await me(browser)).toEqual({ user: 'alice', data: { first: 1 } });
    expect(await me(before)).toEqual(NO_SESSION);
  });

  it('a destroy before a failure stands, and the cookie is cleared', async () => {
    const browser = running.browser();
    await browser.get(returning(session => void (session.first = 1)));
    const copy = browser.copy();
    const answer = await browser.get(
      returning(async session => {
        await session.destroy();
        fault();
      }),
    );
    expect(answer.status).toBe(500);
    expect(browser.cookies.size).toBe(0);
    expect(await me(copy)).toEqual(NO_SESSION);
  });

  it('a value that the platform cannot send: what was saved by then has its cookie', async () => {
    const browser = running.browser();
    const answer = await browser.get(returning(changing(() => ({ big: 1n }))));
    expect(answer.status).toBe(500);
    expect(answer.setCookies).toHaveLength(1);
    expect(await me(browser)).toEqual({ user: null, data: { mark: 'made' } });
  });

  it.each([
    { title: 'destroy()', run: (session: Session<AnyData>) => void session.destroy(), expected: NO_SESSION },
    {
      title: 'login()',
      run: (session: Session<AnyData>) => void session.login('alice'),
      expected: { user: 'alice', data: { first: 1 } },
    },
    {
      title: 'update()',
      run: (session: Session<AnyData>) => void session.update('first', () => 2),
      expected: { user: null, data: { first: 2 } },
    },
    {
      title: 'regenerate()',
      run: (session: Session<AnyData>) => void session.regenerate({ keep: true }),
      expected: { user: null, data: { first: 1 } },
    },
  ])('$title that the handler does not await still decides the answer', async ({ run, expected }) => {
    for (const path of [returning(run), passing(run)]) {
      const browser = running.browser();
      await browser.get(returning(session => void (session.first = 1)));
      expect((await browser.get(path)).status).toBe(200);
      expect(await me(browser)).toEqual(expected);
    }
  });
});

describe.each(platforms)('saveOnServerError on $name', platform => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform, { session: { saveOnServerError: true } });
  });
  afterAll(() => running.close());

  for (const row of dropped)
    it(`${row.title}: saved, and one cookie goes out`, async () => {
      const browser = running.browser();
      const answer = await browser.get(returning(row.handler));
      expect(answer.status).toBe(row.status);
      expect(answer.setCookies).toHaveLength(1);
      expect(await me(browser)).toEqual({ user: null, data: { mark: 'made' } });
    });
});
