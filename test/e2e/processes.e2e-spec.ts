import { afterAll, beforeAll, expect, it } from 'vitest';
import { outsideBackends, type BackendPlace } from '../support/backends.js';
import { buildLib, type BuiltLib } from '../support/built-lib.js';
import { describeOver } from '../support/cells.js';
import { NO_SESSION, me } from '../support/scripts.js';
import { startAppProcess, type AppProcess } from '../support/session-app-processes.js';

interface Facts {
  readonly id?: string;
  readonly user: string | null;
  readonly data: Record<string, unknown>;
}

let lib: BuiltLib;
beforeAll(() => {
  lib = buildLib();
});
afterAll(() => lib.dispose());

// What a place that processes share promises.
describeOver('two processes, on express and on fastify,', outsideBackends, backend => {
  let place: BackendPlace;
  let express: AppProcess;
  let fastify: AppProcess;
  const started: AppProcess[] = [];

  beforeAll(async () => {
    place = await backend.place();
    const options = { ...place.options, storeTimeout: 10_000, cookie: { maxAge: '1d' } };
    [express, fastify] = await Promise.all([
      startAppProcess(lib, 'express', options),
      startAppProcess(lib, 'fastify', options),
    ]);
    started.push(express, fastify);
  });

  afterAll(async () => {
    for (const app of started) app.process.kill('SIGKILL');
    await Promise.all(started.map(({ ended }) => ended));
    await place.dispose();
  });

  it.each([
    { path: '/slow-write', status: 200 },
    { path: '/slow-rotate', status: 409 },
  ])('a logout in one process sticks while $path runs in the other', async ({ path, status }) => {
    for (const [slow, fast] of [
      [express, fastify],
      [fastify, express],
    ] as const) {
      const browser = slow.browser();
      await browser.get('/login/alice');
      const before = browser.copy();
      const reached = slow.reached();
      const late = browser.copy().get(path);
      await reached;
      expect((await browser.copy(fast.url).get('/logout')).status).toBe(200);
      slow.go();
      const answer = await late;
      expect(answer.setCookies).toEqual([]);
      expect(answer.status).toBe(status);
      expect(await me(before)).toEqual(NO_SESSION);
      expect(await me(before.copy(fast.url))).toEqual(NO_SESSION);
    }
  });

  it.each([
    { how: 'revoke()', path: ({ id }: Facts) => `/revoke/${id}`, first: true, again: false },
    { how: 'revokeByUser()', path: ({ user }: Facts) => `/revoke-by-user/${user}`, first: 1, again: 0 },
  ])('what $how ends in one is dead in the other at once, and stays dead', async ({ path, first, again }) => {
    for (const [here, there] of [
      [express, fastify],
      [fastify, express],
    ] as const) {
      const browser = here.browser();
      await browser.get('/login/carol');
      const facts = await me(browser);
      expect(facts.user).not.toBeNull();
      const reached = here.reached();
      const late = browser.copy().get('/slow-write');
      await reached;
      expect((await browser.copy(there.url).get(path(facts))).json()).toEqual({ revoked: first });
      expect(await me(browser)).toEqual(NO_SESSION);
      here.go();
      expect((await late).setCookies).toEqual([]);
      expect(await me(browser)).toEqual(NO_SESSION);
      expect(await me(browser.copy(there.url))).toEqual(NO_SESSION);
      expect((await browser.get(path(facts))).json()).toEqual({ revoked: again });
    }
  });

  it('a logout with a cookie that the other one has just rotated away ends the successor', async () => {
    const browser = express.browser();
    await browser.get('/login/alice');
    const before = browser.copy(fastify.url);
    await browser.get('/login/alice');
    expect((await me(browser)).user).toBe('alice');
    await before.get('/logout');
    expect(await me(browser)).toEqual(NO_SESSION);
  });

  it('100 parallel increments in both count to 100', async () => {
    const browser = express.browser();
    await browser.get('/set/a');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        browser.copy((i % 2 === 0 ? express : fastify).url).get('/increment'),
      ),
    );
    const numbers = answers.map(answer => answer.json<{ n: number }>().n);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect((await me(browser)).data).toEqual({ a: 'a', n: 100 });
  });

  it('20 parallel requests that set different keys leave all of them', async () => {
    const browser = express.browser();
    await browser.get('/set/a');
    const keys = Array.from({ length: 20 }, (_, i) => `key${i}`);
    await Promise.all(
      keys.map((key, i) => browser.copy((i % 2 === 0 ? express : fastify).url).get(`/set/${key}`)),
    );
    const { data } = await me(browser.copy(fastify.url));
    expect(Object.keys(data).toSorted()).toEqual(['a', ...keys].toSorted());
  });

  it('of 20 parallel take() in both one gets the value', async () => {
    const browser = express.browser();
    await browser.get('/set/token');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        browser.copy((i % 2 === 0 ? express : fastify).url).get('/take/token'),
      ),
    );
    const taken = answers.map(answer => answer.json<{ taken?: string }>().taken);
    expect(taken.filter(value => value !== undefined)).toEqual(['token']);
  });

  // These two come last: they end the processes.

  it('one that is stopped under load loses nothing that it has acknowledged', async () => {
    const browser = express.browser();
    await browser.get('/set/a');
    let acknowledged = 0;
    // A server that is being stopped answers on a connection that is in use as long as it is in use.
    const headers = { connection: 'close' };
    const load = Array.from({ length: 8 }, async () => {
      for (;;) {
        const answer = await browser
          .copy()
          .get('/increment', { headers })
          .catch(() => undefined);
        if (answer?.status !== 200) return;
        acknowledged++;
        if (acknowledged === 200) express.process.kill('SIGTERM');
      }
    });
    await Promise.all(load);
    expect(await express.ended).toBe('SIGTERM');
    expect(acknowledged).toBeGreaterThanOrEqual(200);
    const { data } = await me(browser.copy(fastify.url));
    expect(data['n']).toBeGreaterThanOrEqual(acknowledged);
    expect(express.complaints).toEqual([]);
  });

  it('no timer or connection holds the process: once its application is closed, it ends', async () => {
    await fastify.browser().get('/login/alice'); // there is something to sweep
    fastify.process.send('close');
    expect(await fastify.ended).toBe(0);
    expect(fastify.complaints).toEqual([]);
  });
});
