import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { read } from '../package/documentation.js';
import { describeWithMongo, freshDatabase } from '../support/mongodb-server.js';
import { errorOf } from '../support/redis-records.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { Samples, type RunningSample } from './running-sample.js';
import { Visitor } from './visitor.js';

// The shop in two processes. Every answer closes its connection, so a visitor meets them in turn.
vi.setConfig({ testTimeout: 60_000 }); // a start compiles the samples first

const redisSettings = (port: number) => ({ REDIS_URL: `redis://127.0.0.1:${port}` });

/** Where the sessions of a sample are: a server, and how it is told of one at another port. */
interface Place {
  readonly port: number;
  settings(port: number): Readonly<Record<string, string>>;
}

describeWithRedis('the shop in two processes, sample 04-redis', () => {
  const name = '04-redis';
  cases(name, 'redis', async () => ({ port: (await RedisServer.start()).port, settings: redisSettings }));

  it('a Redis that refuses ends the start with its reason, once', async () => {
    const samples = await Samples.copy();
    onTestFinished(() => samples.dispose());
    const server = await RedisServer.start(['--requirepass', 'secret']);
    const error = await errorOf(samples.start(name, redisSettings(server.port)));
    expect(error).toMatchObject({ message: expect.stringMatching(/ended before it listened[^]*NOAUTH/) });
  });
});

describeWithMongo('the shop in two processes, sample 05-mongodb', ({ url }) => {
  cases('05-mongodb', 'mongodb', async () => {
    const { databaseName } = await freshDatabase(url);
    return {
      port: Number(/:(\d+)/.exec(url)?.[1]),
      // Through the given port only: a replica set would tell its own address.
      settings: port => ({
        MONGODB_URI: `mongodb://127.0.0.1:${port}/${databaseName}?directConnection=true`,
      }),
    };
  });
});

function cases(name: string, service: string, makePlace: () => Promise<Place>): void {
  let samples: Samples;
  let place: Place;
  let shop: RunningSample;
  beforeAll(async () => {
    samples = await Samples.copy();
    place = await makePlace();
    shop = await samples.start(name, place.settings(place.port));
  });
  afterAll(() => samples.dispose());

  async function signedIn(person: string): Promise<Visitor> {
    const somebody = new Visitor(shop.url);
    await somebody.open('/sign-in');
    await somebody.press('Sign in', { person, password: 'any' });
    return somebody;
  }

  /** What a page says to somebody with these cookies, by the process that answers. Asks until two have. */
  async function saidByBoth(cookie: string, path: string): Promise<Map<string, string>> {
    const said = new Map<string, string>();
    while (said.size < 2) {
      const somebody = new Visitor(shop.url);
      const answer = await somebody.get(path, { cookie });
      somebody.page = answer.text;
      const location = answer.headers.get('location');
      said.set(answer.headers.get('x-process')!, location === null ? somebody.text : `to ${location}`);
    }
    return said;
  }

  it('who signs in at one process is signed in at both, and each page says which one it is from', async () => {
    const ada = await signedIn('ada');
    const said = await saidByBoth(ada.cookie, '/');
    for (const [process, text] of said) {
      expect(text).toContain('Hello again, Ada!');
      expect(text).toContain(`Answered by process ${process}.`);
    }
  });

  it('signing out everywhere ends the sessions of a user in both processes at once, and no others', async () => {
    const laptop = await signedIn('grace');
    const phone = await signedIn('grace');
    const alan = await signedIn('alan');
    await laptop.open('/devices');
    await laptop.press('Sign out everywhere else');
    expect(laptop.text).toContain('Signed out in one other place.');
    expect([...(await saidByBoth(phone.cookie, '/devices')).values()]).toEqual([
      'to /sign-in',
      'to /sign-in',
    ]);
    for (const { cookie } of [laptop, alan]) {
      for (const text of (await saidByBoth(cookie, '/devices')).values())
        expect(text).toContain('This device');
    }
    const { cookie } = laptop;
    await laptop.press('Sign out');
    expect([...(await saidByBoth(cookie, '/devices')).values()]).toEqual(['to /sign-in', 'to /sign-in']);
  });

  it('ten tabs that add an item at the same time, in both processes, lose none', async () => {
    const ada = await signedIn('ada');
    await ada.open('/');
    const tabs = Array.from({ length: 10 }, () =>
      Object.assign(new Visitor(shop.url), { page: ada.page, cookies: ada.cookies }),
    );
    const answers = await Promise.all(tabs.map(tab => tab.press('Add Candle to the cart')));
    expect(new Set(answers.map(({ headers }) => headers.get('x-process'))).size).toBe(2);
    await ada.open('/cart');
    expect(ada.text).toContain('Cart 10');
  });

  it('a killed process loses no session, and another process takes its place', async () => {
    const ada = await signedIn('ada');
    await ada.open('/');
    await ada.press('Add Pot plant to the cart');
    const [killed] = (await saidByBoth(ada.cookie, '/cart')).keys();
    process.kill(Number(killed), 'SIGKILL');
    const answered = new Set([killed]);
    while (answered.size < 3) {
      // What was handed to it before its end was noticed is lost with it.
      const answer = await ada.get('/cart', { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
      if (!answer) continue;
      answered.add(answer.headers.get('x-process')!);
      ada.page = answer.text;
      expect(ada.text).toContain('Ada’s devices');
      expect(ada.text).toContain('Cart 1');
    }
    expect(shop.output()).not.toMatch(/error|warn/i);
  });

  it('nor does an end of all of them, and of a stop none is left', async () => {
    const ada = await signedIn('ada');
    await shop.kill();
    shop = await samples.start(name, place.settings(place.port));
    const said = await saidByBoth(ada.cookie, '/cart');
    for (const text of said.values()) expect(text).toContain('Ada’s devices');
    await shop.stop();
    for (const pid of said.keys()) expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
  });

  it('without a server it starts and says so, answers 503, and works when there is one', async () => {
    const gone = await TcpProxy.start(place.port);
    const { port } = gone;
    await gone.close();
    shop = await samples.start(name, place.settings(port));
    expect(shop.output()).toMatch(
      new RegExp(`The session store does not answer. .* 503 until it does: .*127\\.0\\.0\\.1:${port}`),
    );
    const visitor = new Visitor(shop.url);
    for (let count = 0; count < 2; count++) {
      const { status, headers, setCookies, json } = await visitor.get('/');
      expect([status, headers.get('retry-after'), setCookies]).toEqual([503, '1', []]);
      expect(json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
    }
    const proxy = await TcpProxy.start(place.port, port);
    await expect
      .poll(
        async () => new Set([await visitor.get('/'), await visitor.get('/')].map(({ status }) => status)),
        {
          timeout: 10_000,
        },
      )
      .toEqual(new Set([200]));
    for (const text of (await saidByBoth(visitor.cookie, '/')).values())
      expect(text).toContain('Hello again!');
    await proxy.close();
  });

  it('the README says how to get a server, by a name that compose.yaml has', () => {
    expect(read(`sample/${name}/README.md`)).toContain(`docker compose up --wait ${service}`);
    expect(read('compose.yaml')).toMatch(new RegExp(`^  ${service}:$`, 'm'));
  });
}
