import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithMongo, freshDatabase } from '../support/mongodb-server.js';
import { untilItWorks } from '../support/redis-records.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { letHandlersMeet } from './comparison/common-shop.js';
import {
  dataOf,
  fiftyAnswers,
  holdHandler,
  logoutClearsCookie,
  logoutOvertakes,
  signedIn,
  tableOf,
  twentyCounts,
  twentyKeys,
  type Experiment,
  type Running,
} from './comparison/experiments.js';
import { onMongo, onRedis, type Contestant, type Started } from './comparison/server-contestants.js';

// The second table of docs/comparison.md, cell by cell: two applications of each library, which share nothing but the
// server. Between each application and the server is a proxy, which does what networks do.

/** Longer than our deadline of one second, also on a busy machine. */
const PATIENCE_MS = 3_000;
const NO_ANSWER = 'no answer';

interface App extends Running, Started {
  readonly app: INestApplication;
  readonly proxy: TcpProxy;
}

interface Place extends Running {
  readonly first: App;
  readonly second: App;
  /** Another one of it, with its deadline as it is by default, for an outage of its own. */
  startThird(): Promise<App>;
  /** What an outage did to it. It takes seconds, so two rows share one. */
  readonly outages: Map<Outage, Promise<Aftermath>>;
}

type Outage = 'gone' | 'silent';

/** The status that a request got, or that it got none. */
interface Aftermath {
  readonly page: string;
  readonly plainRoute: string;
}

async function startApp(contestant: Contestant, serverPort: number, deadlineMs?: number): Promise<App> {
  const proxy = await TcpProxy.start(serverPort);
  const started = await contestant.start(proxy.port, deadlineMs);
  await started.app.listen(0, '127.0.0.1');
  return { ...started, proxy, urls: [await started.app.getUrl()] };
}

async function stopApp({ app, close, proxy }: App): Promise<void> {
  const closed = app.close();
  (app.getHttpServer() as Server).closeAllConnections(); // Fastify waits 72 seconds for one that is kept alive
  await closed;
  await close();
  await proxy.close();
}

/** Sends a request and waits for no more than the head of the answer. */
async function headOf(url: string, init: RequestInit = {}): Promise<Response | undefined> {
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    if ((error as Error).name === 'TimeoutError') return undefined;
    throw error;
  }
}

async function statusOf(url: string, cookie: string): Promise<string> {
  const response = await headOf(url, { headers: { cookie } });
  return String(response?.status ?? NO_ANSWER);
}

/** Takes the server away, asks, gives it back, and finds the user where they were. */
async function suffer(place: Place, outage: Outage): Promise<Aftermath> {
  const third = await place.startThird();
  const [url] = third.urls;
  const browser = await signedIn(third);
  const { cookie } = browser;
  const { proxy } = third;
  const { port, targetPort } = proxy;
  if (outage === 'gone') {
    await proxy.close();
    await statusOf(`${url}/data`, cookie); // may still meet a connection that is just breaking, and is not counted
  } else proxy.freeze();
  const [page, plainRoute] = await Promise.all([
    statusOf(`${url}/data`, cookie),
    statusOf(`${url}/plain`, cookie),
  ]);
  const back = outage === 'gone' ? await TcpProxy.start(targetPort, port) : proxy;
  back.thaw();
  await untilItWorks(async () => expect(await dataOf(browser)).toMatchObject({ user: 'ada' }), 15_000);
  await stopApp({ ...third, proxy: back });
  return { page, plainRoute };
}

function outageOf(place: Place, outage: Outage): Promise<Aftermath> {
  const known = place.outages.get(outage) ?? suffer(place, outage);
  place.outages.set(outage, known);
  return known;
}

/** A request that writes, with the server as it is after the handler has begun. */
async function redirectOf(app: App, cookie: string, spoil: () => unknown) {
  const { reached, goOn } = holdHandler();
  const head = headOf(`${app.urls[0]}/slow-redirect`, { method: 'POST', headers: { cookie } });
  await reached;
  await spoil();
  goOn();
  return head;
}

const experiments: Readonly<Record<string, Experiment<Place>>> = {
  '20 requests at the same time set 20 different keys: how many stay': twentyKeys,
  '20 requests at the same time add 1 to a counter: the counter': twentyCounts,
  'a logout overtakes a request that writes: the user afterwards': logoutOvertakes,

  async 'a redirect leaves before the server has the change, and the page after it, elsewhere, has not'(
    place,
  ) {
    const { first, second } = place;
    const browser = await signedIn(first);
    const head = redirectOf(first, browser.cookie, () => first.proxy.freeze());
    const winner = await Promise.race([head, fiftyAnswers(first.urls[0])]);
    const isEarly = winner instanceof Response;
    if (!isEarly) first.proxy.thaw();
    expect((await head)?.status).toBe(303);
    const { keys } = await dataOf(browser.copy(second.urls[0]));
    first.proxy.thaw();
    await untilItWorks(async () => expect(await dataOf(browser)).toMatchObject({ keys: 1 }), 15_000);
    expect(keys).toBe(isEarly ? 0 : 1);
    return isEarly ? 'yes' : 'no';
  },

  async 'the server goes away before a new session is saved: the answer, within 3 s'(place) {
    const third = await place.startThird();
    const { proxy } = third;
    const { port, targetPort } = proxy;
    const head = await redirectOf(third, '', () => proxy.close());
    const back = await TcpProxy.start(targetPort, port);
    await untilItWorks(() => signedIn(third), 15_000);
    await stopApp({ ...third, proxy: back });
    if (!head) return NO_ANSWER;
    return `${head.status}, ${head.headers.has('set-cookie') ? 'with a cookie' : 'no cookie'}`;
  },

  'a logout clears the cookie': logoutClearsCookie,

  async 'commands for a request that reads'({ first }) {
    const browser = await signedIn(first);
    return String((await first.commandsDuring(() => browser.get('/data'))).length);
  },

  async 'commands for a request that reads and writes'({ first }) {
    const browser = await signedIn(first);
    letHandlersMeet(() => Promise.resolve());
    await browser.post('/item/0'); // from its first time on, a server knows a script of ours
    return String((await first.commandsDuring(() => browser.post('/item/1'))).length);
  },

  'the server has just gone: a page that reads, within 3 s': async place =>
    (await outageOf(place, 'gone')).page,
  'the server has just gone: a route that does not look at its session, within 3 s': async place =>
    (await outageOf(place, 'gone')).plainRoute,
  'the server is silent: a page that reads, within 3 s': async place =>
    (await outageOf(place, 'silent')).page,
  'the server is silent: a route that does not look at its session, within 3 s': async place =>
    (await outageOf(place, 'silent')).plainRoute,
};

function measure(contestant: Contestant, serverPort: () => number): void {
  const table = tableOf('docs/comparison.md', 'Over real servers');
  let place: Place;
  beforeAll(async () => {
    // Twenty requests on a busy machine, and a server that is held on purpose, are not what the deadline is for.
    const [first, second] = await Promise.all([0, 1].map(() => startApp(contestant, serverPort(), 15_000)));
    place = {
      first: first!,
      second: second!,
      urls: [...first!.urls, ...second!.urls],
      startThird: () => startApp(contestant, serverPort()),
      outages: new Map(),
    };
  });
  afterAll(() => Promise.all([stopApp(place.first), stopApp(place.second)]));

  it.each(Object.keys(experiments))('%s', { timeout: 60_000 }, async row => {
    expect(await experiments[row]!(place)).toBe(table.cell(row, contestant.column));
  });
}

describe('the comparison over real servers', () => {
  it('has no row and no column that is not measured here', () => {
    const table = tableOf('docs/comparison.md', 'Over real servers');
    const contestants = [...onRedis(() => undefined as never), ...onMongo(() => '')];
    expect(table.rows).toEqual(Object.keys(experiments));
    expect(new Set(table.columns)).toEqual(new Set(contestants.map(({ column }) => column)));
  });

  describeWithRedis('with Redis', () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await RedisServer.start();
    });
    describe.each(onRedis(() => server))('$name', contestant => {
      measure(contestant, () => server.port);
    });
  });

  describeWithMongo('with MongoDB', ({ url }) => {
    let database: string;
    beforeAll(async () => {
      database = (await freshDatabase(url)).databaseName;
    });
    const port = () => Number(/:(\d+)/.exec(url)?.[1]);
    describe.each(onMongo(() => database))('$name', contestant => {
      measure(contestant, port);
    });
  });
});
