import type { Server } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { backends } from '../support/backends.js';
import type { Browser } from '../support/browser.js';
import { describeCells } from '../support/cells.js';
import { Deferred } from '../support/deferred.js';
import { platforms } from '../support/platforms.js';
import {
  answering,
  me,
  NO_SESSION,
  returning,
  startScriptedApp,
  visitor,
  type Me,
  type Script,
} from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';
import { WatchedStore } from '../support/watched-store.js';
import { Wire } from '../support/wire.js';

const slow = returning(session => void (session.slow = 'written'));
const BODY = '{"some":"text"}';

const headOf = (method: string, path: string, cookie: string, lines: string[] = []): string =>
  [`${method} ${path} HTTP/1.1`, 'Host: localhost', `Cookie: ${cookie}`, ...lines, ''].join('\r\n');
const postHead = (path: string, cookie: string): string =>
  headOf('POST', path, cookie, ['Content-Type: application/json', `Content-Length: ${BODY.length}`]);

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** An application that tells when a request has come past this module's middleware, before its body is read. */
function watching() {
  const waiting: Deferred[] = [];
  return {
    /** Resolves when the next request is there. */
    nextRequest(): Promise<void> {
      const next = new Deferred();
      waiting.push(next);
      return next.promise;
    },
    configure: (app: RunningApp['app']) =>
      void app.use((_: unknown, __: unknown, next: () => void) => {
        waiting.shift()?.resolve();
        next();
      }),
  };
}

describeCells('a body that takes its time', backends, ({ platform, backend }) => {
  const { nextRequest, configure } = watching();
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform, { backend, configure });
  });
  afterAll(() => running.close());

  it.each<[string, Script, Me]>([
    ['read', session => session.n, { user: 'alice', data: { n: 1, slow: 'written' } }],
    ['write', session => void (session.n = 2), { user: 'alice', data: { n: 2, slow: 'written' } }],
    [
      'update()',
      session => session.update('n', n => Number(n) + 1),
      { user: 'alice', data: { n: 2, slow: 'written' } },
    ],
    ['take()', session => session.take('n'), { user: 'alice', data: { slow: 'written' } }],
    ['regenerate()', session => session.regenerate({ keep: true }), { user: 'alice', data: { n: 1 } }],
    ['destroy()', session => session.destroy(), NO_SESSION],
  ])("does not block another request's %s on the same session", async (_, handler, expected) => {
    const alice = await visitor(running, {}, 'alice');
    await alice.get(returning(session => void (session.n = 1)));
    const wire = await Wire.open(running.url);
    const arrived = nextRequest();
    wire.send(`${postHead(slow, alice.cookie)}\r\n${BODY.slice(0, 5)}`);
    await arrived;
    for (let i = 0; i < 3; i++) expect((await me(alice)).user).toBe('alice');
    expect((await alice.get(returning(handler))).status).toBe(200);
    expect(wire.received).toBe('');
    wire.send(BODY.slice(5));
    expect((await wire.next()).status).toBe(200);
    wire.close();
    expect(await me(alice)).toEqual(expected);
  });

  it('a client that never reads its answer does not block others, and what its request changed is saved', async () => {
    const alice = await visitor(running, {}, 'alice');
    const wire = await Wire.open(running.url);
    wire.socket.pause();
    const handled = new Deferred();
    const large = answering((session, { response }) => {
      session.read = 'never';
      response.send(Buffer.alloc(30_000_000));
      handled.resolve();
    });
    wire.send(`${headOf('GET', large, alice.cookie)}\r\n`);
    await handled.promise;
    await vi.waitFor(async () => expect((await me(alice)).data).toEqual({ read: 'never' }));
    expect((await alice.get(returning(session => session.destroy()))).status).toBe(200);
    expect(await me(alice)).toEqual(NO_SESSION);
    wire.close();
  });
});

/** What each request of some ordinary traffic took, in milliseconds. */
async function traffic(browser: Browser): Promise<number[]> {
  const took: number[] = [];
  const increment = returning(session => session.update('n', (n = 0) => Number(n) + 1));
  for (let i = 0; i < 40; i++) {
    const started = performance.now();
    expect((await browser.get(increment)).status).toBe(200);
    took.push(performance.now() - started);
  }
  return took;
}

describe.each(platforms)('half-open requests on $name', platform => {
  const store = new WatchedStore();
  const wires: Wire[] = [];
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform, { backend: { store } });
  });
  afterEach(() => {
    for (const wire of wires.splice(0)) wire.close();
  });
  afterAll(() => running.close());

  it('500 of them cost no store call, and no other request waits for them', async () => {
    const alice = await visitor(running, {}, 'alice');
    store.calls.length = 0;
    await traffic(alice);
    const usual = [...store.calls];
    for (let i = 0; i < 500; i++) {
      const wire = await Wire.open(running.url);
      wire.send(headOf('POST', slow, alice.cookie, ['Content-Length: 5']));
      wires.push(wire);
    }
    store.calls.length = 0;
    const took = await traffic(alice);
    expect(store.calls).toEqual(usual);
    expect(took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.95)]).toBeLessThan(1_000);
    expect((await me(alice)).data).toEqual({ n: 80 });
    expect(wires.map(wire => wire.received).join('')).toBe('');
  });
});

describeCells('clients that go away at any time', backends, ({ platform, backend }) => {
  const REQUESTS = 150;
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform, { backend, session: { storeTimeout: 30_000 } });
  });
  afterAll(() => running.close());

  function openConnections(): Promise<number> {
    const server = running.app.getHttpServer() as Server;
    return new Promise(resolve => server.getConnections((_, open) => resolve(open)));
  }

  it('what they began is done once or not at all, and nothing is left over', async () => {
    const alice = await visitor(running, {}, 'alice');
    const open = await openConnections();
    const counts: number[] = [];
    let begun = 0;
    let abandoned = 0;
    const increment = returning(async (session, { rawRequest }) => {
      const mine = ++begun;
      session[`key${mine}`] = mine;
      await turns(mine % 7);
      counts.push((await session.update('n', (n = 0) => Number(n) + 1)) as number);
      await turns(mine % 17);
      if (rawRequest.socket.destroyed) abandoned++;
      return { done: true };
    });
    const request = `${postHead(increment, alice.cookie)}\r\n${BODY}`;
    const steps = Array.from({ length: REQUESTS }, async (_, i) => {
      const wire = await Wire.open(running.url);
      // Some go away inside the head or the body, the others after so many turns of the event loop.
      wire.send(i % 5 === 0 ? request.slice(0, Math.floor((request.length * i) / REQUESTS)) : request);
      await turns((i * 7) % 23);
      wire.close();
    });
    await Promise.all(steps);
    await vi.waitFor(
      async () => {
        const data = Object.fromEntries(Array.from({ length: begun }, (_, i) => [`key${i + 1}`, i + 1]));
        expect(await me(alice)).toEqual({ user: 'alice', data: { ...data, n: begun } });
        expect(await openConnections()).toBeLessThanOrEqual(open);
      },
      { timeout: 15_000 },
    );
    expect(begun).toBeGreaterThan(REQUESTS / 10); // how many were gone before they were read is the machine's to say
    expect(abandoned).toBeGreaterThan(0);
    expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: begun }, (_, i) => i + 1));
    expect(running.events.filter(({ type }) => type === 'store-failed')).toEqual([]);
    // Nest's Fastify adapter notes each body that was cut off.
    expect(running.logs.filter(line => /^(?:warn|error): (?!aborted$)/.test(line))).toEqual([]);
  });
});
