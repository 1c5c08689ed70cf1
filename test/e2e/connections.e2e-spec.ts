import { Controller, Get } from '@nestjs/common';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getSession } from '../../lib/index.js';
import { Deferred } from '../support/deferred.js';
import { platforms } from '../support/platforms.js';
import { answering, me, NO_SESSION, returning, startScriptedApp, type Me } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';
import { WatchedStore } from '../support/watched-store.js';
import { exchange, Wire } from '../support/wire.js';

@Controller()
class PlainController {
  @Get('plain')
  plain() {
    return {};
  }
}

const write = returning(session => {
  session.count = Number(session.count ?? 0) + 1;
  return { count: session.count };
});

const request = (path: string, cookie = '', method = 'GET'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${cookie && `Cookie: ${cookie}\r\n`}\r\n`;

describe.each(platforms)('connections on $name', platform => {
  const store = new WatchedStore();
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform, { backend: { store } });
  });
  afterAll(() => running.close());

  it('keep-alive: each request on one socket has the session of its own cookie', async () => {
    const [alice, bob] = [running.browser(), running.browser()];
    for (const [browser, user] of [
      [alice, 'alice'],
      [bob, 'bob'],
    ] as const)
      await browser.get(returning(session => session.login(user)));
    const wire = await Wire.open(running.url);
    for (const [cookie, user] of [
      [alice.cookie, 'alice'],
      ['', null],
      [bob.cookie, 'bob'],
      [alice.cookie, 'alice'],
    ] as const) {
      wire.send(request('/me', cookie));
      expect((await wire.next()).json<Me>().user).toBe(user);
    }
    wire.close();
  });

  it('pipelined requests: answered in order, each with its own cookie and session', async () => {
    const alice = running.browser();
    await alice.get(write);
    const wire = await Wire.open(running.url);
    wire.send(
      request(write) +
        request(write, alice.cookie) +
        request('/me') +
        request(write) +
        request('/me', alice.cookie),
    );
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await wire.next());
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(answers.map(answer => answer.all('set-cookie').length)).toEqual([1, 0, 0, 1, 0]);
    expect(answers[1]!.json()).toEqual({ count: 2 });
    expect(answers[2]!.json()).toEqual(NO_SESSION);
    const tokens = [answers[0]!, answers[3]!].map(answer => answer.all('set-cookie')[0]!.split(';')[0]!);
    expect(new Set([...tokens, alice.cookie]).size).toBe(3);
    for (const cookie of tokens)
      expect((await running.browser().get('/me', { cookie })).json<Me>().data).toEqual({ count: 1 });
    wire.close();
  });

  it('pipelined requests: while the first is held the second waits its turn', async () => {
    const gate = store.hold('create');
    const wire = await Wire.open(running.url);
    wire.send(request(write) + request('/me'));
    await gate.arrived;
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    expect(wire.received).toBe('');
    gate.open();
    expect((await wire.next()).json()).toEqual({ count: 1 });
    expect((await wire.next()).json()).toEqual(NO_SESSION);
    wire.close();
  });

  it('after our own 503 the connection goes on with the next request', async () => {
    store.hold('create').fail(new Error('a fault that the test made'));
    const wire = await Wire.open(running.url);
    wire.send(request(answering((session, { raw }) => ((session.mark = 1), raw.end('never seen')))));
    expect((await wire.next()).status).toBe(503);
    wire.send(request('/me'));
    expect((await wire.next()).json()).toEqual(NO_SESSION);
    wire.close();
  });

  it('103 Early Hints pass, and the cookie comes with the answer', async () => {
    const path = answering((session, { raw }) => {
      session.mark = 1;
      raw.writeEarlyHints({ link: '</style.css>; rel=preload' });
      raw.end('hinted');
    });
    const wire = await Wire.open(running.url);
    wire.send(request(path));
    const hints = await wire.next();
    expect(hints.status).toBe(103);
    expect(hints.all('set-cookie')).toEqual([]);
    const answer = await wire.next();
    expect(answer.body).toBe('hinted');
    expect(answer.all('set-cookie')).toHaveLength(1);
    wire.close();
  });

  it('the status message and the case of header names come through', async () => {
    const path = answering((session, { raw }) => {
      session.mark = 1;
      raw.writeHead(203, 'Third hand', { 'X-Mixed-Case': '1' }).end();
    });
    const { head } = await exchange(running.url, { path });
    expect(head).toContain('HTTP/1.1 203 Third hand\r\n');
    expect(head).toContain('X-Mixed-Case: 1');
  });

  it('HEAD: saved, the cookie, and no body', async () => {
    const path = returning(session => {
      session.mark = 'head';
      return 'never sent';
    });
    const answer = await exchange(running.url, { method: 'HEAD', path });
    expect(answer.status).toBe(200);
    expect(answer.all('set-cookie')).toHaveLength(1);
    const cookie = answer.all('set-cookie')[0]!.split(';')[0]!;
    expect((await running.browser().get('/me', { cookie })).json<Me>().data).toEqual({ mark: 'head' });
  });

  it('HTTP/1.0 gets its answer and its cookie', async () => {
    const wire = await Wire.open(running.url);
    wire.send(`GET ${write} HTTP/1.0\r\n\r\n`);
    const answer = await wire.next();
    expect(answer.all('set-cookie')).toHaveLength(1);
    wire.close();
  });

  it.each(['before the handler is done', 'while the store is asked'])(
    'a client that leaves %s: the change is still saved',
    async when => {
      const browser = running.browser();
      await browser.get(write);
      const isHeld = when === 'while the store is asked';
      const entered = new Deferred();
      const left = new Deferred();
      const path = returning(async (session, { rawRequest }) => {
        session.mark = 'kept';
        rawRequest.socket.once('close', () => left.resolve());
        entered.resolve();
        if (!isHeld) await left.promise;
        return 'to nobody';
      });
      const gate = store.hold('update');
      const socket = connect(Number(new URL(running.url).port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write(request(path, browser.cookie));
      await entered.promise;
      if (isHeld) await gate.arrived;
      socket.destroy();
      await left.promise;
      await gate.arrived;
      gate.open();
      await expect.poll(async () => (await me(browser)).data).toEqual({ count: 1, mark: 'kept' });
    },
  );

  it('a client that leaves during a stream: what was saved stays, and no request hangs', async () => {
    const browser = running.browser();
    await browser.get(write);
    const done = new Deferred();
    const path = answering(async (session, { raw }) => {
      session.mark = 'streamed';
      raw.write('begun');
      await once(raw, 'close');
      session.after = 'left';
      await session.save();
      done.resolve();
    });
    const wire = await Wire.open(running.url);
    wire.send(request(path, browser.cookie));
    await expect.poll(() => wire.received).toContain('begun');
    wire.close();
    await done.promise;
    expect((await me(browser)).data).toEqual({ count: 1, mark: 'streamed', after: 'left' });
  });
});

describe.each(platforms)('requests that do not use the session, on $name', platform => {
  const store = new WatchedStore();
  let running: RunningApp;
  let cookie: string;
  beforeAll(async () => {
    running = await startScriptedApp(platform, {
      backend: { store },
      session: { load: 'lazy' },
      controllers: [PlainController],
      configure(app) {
        app.enableCors({ origin: 'https://shop.example', credentials: true });
        app.use(async (request: { url: string }, _: unknown, next: () => void) => {
          if (request.url.startsWith('/counted')) {
            const session = await getSession<{ misses: number }>(request);
            session.misses = (session.misses ?? 0) + 1;
          }
          next();
        });
      },
    });
    const browser = running.browser();
    await browser.get(write);
    ({ cookie } = browser);
  });
  afterAll(() => running.close());

  it('an untouched route, an unknown one, a preflight and OPTIONS: no store call, no cookie, no Vary of ours', async () => {
    const preflight = { origin: 'https://shop.example', 'access-control-request-method': 'POST' };
    const cases = [
      { method: 'GET', path: '/plain', status: 200 },
      { method: 'GET', path: '/nowhere', status: 404 },
      { method: 'POST', path: '/nowhere', status: 404 },
      { method: 'OPTIONS', path: '/me', status: 204, headers: preflight },
      { method: 'OPTIONS', path: '/nowhere', status: 204, headers: preflight },
      { method: 'HEAD', path: '/nowhere', status: 404 },
    ];
    const before = store.calls.length;
    for (const { method, path, status, headers = {} } of cases) {
      for (const sent of [cookie, '']) {
        const answer = await running.browser().request(method, path, { headers, cookie: sent });
        expect(answer.status).toBe(status);
        expect(answer.setCookies).toEqual([]);
        expect(answer.headers.get('vary') ?? '').not.toMatch(/cookie/i);
      }
    }
    expect(store.calls.slice(before)).toEqual([]);
  });

  it('a middleware that writes before "not found": saved, with one cookie', async () => {
    const browser = running.browser();
    const first = await browser.get('/counted/nowhere');
    expect(first.status).toBe(404);
    expect(first.setCookies).toHaveLength(1);
    const second = await browser.get('/counted/nowhere');
    expect(second.status).toBe(404);
    expect(second.setCookies).toEqual([]);
    expect((await me(browser)).data).toEqual({ misses: 2 });
  });
});
