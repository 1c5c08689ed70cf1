import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Deferred } from '../support/deferred.js';
import { platforms } from '../support/platforms.js';
import { answering, me, NO_SESSION, startScriptedApp, type Script } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';
import { WatchedStore, type Gate } from '../support/watched-store.js';

/** Lets everything that is under way get as far as it can without the store. */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
};

describe.each(platforms)('while the store has not answered yet, on $name', platform => {
  const store = new WatchedStore();
  let running: RunningApp;
  let gate: Gate;
  beforeAll(async () => {
    running = await startScriptedApp(platform, { backend: { store } });
  });
  afterAll(() => running.close());
  beforeEach(() => {
    gate = store.hold('create');
  });

  /** A request whose handler changes the session and then does `act`; the store holds the commit back. */
  async function held(act: Script) {
    const browser = running.browser();
    const acted = new Deferred<ServerResponse>();
    const answer = browser.get(
      answering(async (session, http) => {
        session.mark = 'made';
        try {
          await act(session, http);
        } finally {
          acted.resolve(http.raw);
        }
      }),
    );
    await gate.arrived;
    return { browser, raw: await acted.promise, answer };
  }

  it('not one octet is sent, and the answer counts as begun, so no other answer can begin', async () => {
    const { answer, raw } = await held((_, { raw }) => raw.end('once'));
    await turns();
    expect(raw.socket?.bytesWritten).toBe(0);
    expect(raw.headersSent).toBe(true);
    expect(raw.writableEnded).toBe(true);
    gate.open();
    expect((await answer).text).toBe('once');
    expect(raw.headersSent).toBe(true);
    expect(raw.writableEnded).toBe(true);
  });

  it('an answer that was begun and not ended does not count as ended', async () => {
    const { answer, raw } = await held((_, { raw }) => raw.write('begun'));
    expect(raw.headersSent).toBe(true);
    expect(raw.writableEnded).toBe(false);
    gate.open();
    raw.end(' and ended');
    expect((await answer).text).toBe('begun and ended');
  });

  it.each([
    ['setHeader', (raw: ServerResponse) => raw.setHeader('x-late', '1')],
    ['appendHeader', (raw: ServerResponse) => raw.appendHeader('x-late', '1')],
    ['removeHeader', (raw: ServerResponse) => raw.removeHeader('x-early')],
    ['setHeaders', (raw: ServerResponse) => raw.setHeaders(new Headers({ 'x-late': '1' }))],
  ])('%s() is refused as after the head has left', async (_, change) => {
    const { answer, raw } = await held((_, { raw }) => {
      raw.setHeader('x-early', '1');
      raw.write('begun');
    });
    expect(() => change(raw)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }));
    gate.open();
    raw.end();
    const { headers } = await answer;
    expect(headers.get('x-early')).toBe('1');
    expect(headers.get('x-late')).toBeNull();
  });

  it('reading headers works', async () => {
    const { answer, raw } = await held((_, { raw }) => {
      raw.setHeader('x-early', '1');
      raw.end();
    });
    expect(raw.getHeader('x-early')).toBe('1');
    expect(raw.hasHeader('x-late')).toBe(false);
    gate.open();
    await answer;
  });

  it('a second end() has no effect', async () => {
    const { answer } = await held((_, { raw }) => {
      raw.end('first');
      raw.end();
    });
    gate.open();
    expect((await answer).text).toBe('first');
  });

  it('a handler that throws after it answered does not change the answer', async () => {
    const { browser, answer } = await held((_, { response }) => {
      void response.status(201).send('sent');
      throw new Error('a fault that the test made');
    });
    gate.open();
    const { status, text, setCookies } = await answer;
    expect({ status, text }).toEqual({ status: 201, text: 'sent' });
    expect(setCookies).toHaveLength(1);
    expect((await me(browser)).data).toEqual({ mark: 'made' });
  });

  it('writes come through in order, and each callback is called once', async () => {
    const called: string[] = [];
    const { answer } = await held((_, { raw }) => {
      raw.write('one ', () => called.push('one'));
      raw.write('746f20', 'hex', () => called.push('to'));
      raw.end('three', () => called.push('end'));
    });
    await turns();
    expect(called).toEqual([]);
    gate.open();
    expect((await answer).text).toBe('one to three');
    await turns();
    expect(called).toEqual(['one', 'to', 'end']);
  });

  it('write() returns false, and "drain" is emitted once the head was sent', async () => {
    const results: boolean[] = [];
    let drained = 0;
    const { answer, raw } = await held((_, { raw }) => {
      raw.on('drain', () => drained++);
      results.push(raw.write('one '), raw.write('two '));
    });
    await turns();
    expect(results).toEqual([false, false]);
    expect(drained).toBe(0);
    gate.open();
    await turns();
    expect(drained).toBe(1);
    raw.end('three');
    expect((await answer).text).toBe('one two three');
  });

  it('"finish" and "close" come once each, after the store has answered', async () => {
    const happened: string[] = [];
    const { answer, raw } = await held((_, { raw }) => {
      raw.on('finish', () => happened.push('finish'));
      raw.on('close', () => happened.push('close'));
      raw.end('ended');
    });
    const closed = new Promise(resolve => raw.once('close', resolve));
    await turns();
    expect(happened).toEqual([]);
    gate.open();
    await answer;
    await closed;
    expect(happened).toEqual(['finish', 'close']);
  });

  it('a change of the status while held comes too late', async () => {
    const { answer } = await held((_, { raw }) => raw.writeHead(201).end('made'));
    gate.open();
    expect((await answer).status).toBe(201);
  });

  describe('and when Node refuses the head then', () => {
    it('what was saved keeps its cookie: 500, and the log says why', async () => {
      const { browser, answer } = await held((_, { raw }) =>
        raw.writeHead(200, { 'x-bad': 'a\nb' }).end('never seen'),
      );
      gate.open();
      const { status, text, setCookies } = await answer;
      expect(status).toBe(500);
      expect(JSON.parse(text)).toEqual({ statusCode: 500, message: 'Internal Server Error' });
      expect(setCookies).toHaveLength(1);
      expect((await me(browser)).data).toEqual({ mark: 'made' });
      expect(running.logs.filter(line => line.includes('could not be sent'))).toHaveLength(1);
    });
  });

  describe('and when it fails then', () => {
    it.each([
      ['end()', (raw: ServerResponse) => raw.end('never seen')],
      ['write() and end()', (raw: ServerResponse) => (raw.write('never '), raw.end('seen'))],
      [
        'writeHead() and end()',
        (raw: ServerResponse) => raw.writeHead(200, { etag: '"1"' }).end('never seen'),
      ],
      ['flushHeaders() and end()', (raw: ServerResponse) => (raw.flushHeaders(), raw.end('never seen'))],
    ])('%s: 503 without a cookie, and nothing of the answer', async (_, act) => {
      const called: string[] = [];
      const { browser, answer } = await held((_, { raw }) => {
        raw.setHeader('x-early', '1');
        raw.setHeader('set-cookie', 'theme=dark');
        raw.setHeader('content-length', 10);
        raw.on('finish', () => called.push('finish'));
        act(raw);
      });
      gate.fail(new Error('a fault that the test made'));
      const { status, text, headers, setCookies } = await answer;
      expect(status).toBe(503);
      expect(JSON.parse(text)).toEqual({ statusCode: 503, message: 'Service Unavailable' });
      expect(headers.get('retry-after')).toBe('1');
      expect(headers.get('x-early')).toBeNull();
      expect(headers.get('etag')).toBeNull();
      expect(setCookies).toEqual([]);
      await turns();
      expect(called).toEqual(['finish']);
      expect(await me(browser)).toEqual(NO_SESSION);
      // The connection stays usable, and the store is asked again after its pause.
      running.clock.advance(2000);
    });

    it('the callbacks of writes are still called, so that their callers do not wait for ever', async () => {
      const called: string[] = [];
      const { answer, raw } = await held((_, { raw }) => {
        raw.write('never ', () => called.push('write'));
        raw.end('seen', () => called.push('end'));
      });
      gate.fail(new Error('a fault that the test made'));
      expect((await answer).status).toBe(503);
      await turns();
      expect(called.sort()).toEqual(['end', 'write']);
      expect(raw.write('more', () => called.push('late'))).toBe(true);
      await turns();
      expect(called).toContain('late');
    });
  });
});

describe.each(platforms)('a head that Node refuses when nothing has to be saved, on $name', platform => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform);
  });
  afterAll(() => running.close());

  it.each([
    ['writeHead() with a bad value', (raw: ServerResponse) => raw.writeHead(200, { 'x-bad': 'a\nb' })],
    ['writeHead() with a bad status', (raw: ServerResponse) => raw.writeHead(99)],
    ['end() with an argument that is not text', (raw: ServerResponse) => raw.end(1 as unknown as string)],
  ])('%s: the answer of the filter carries the cookie that login() owes', async (_, act) => {
    const browser = running.browser();
    const answer = await browser.get(
      answering(async (session, { raw }) => {
        await session.login('alice');
        act(raw);
      }),
    );
    expect(answer.status).toBe(500);
    expect(answer.setCookies).toHaveLength(1);
    expect(await me(browser)).toEqual({ user: 'alice', data: {} });
  });
});
