import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { Controller, Get, Param, Post, Redirect, Req, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import expressSession, { type SessionData } from 'express-session';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SessionModule } from '../../lib/index.js';
import { MemorySessionStore } from '../../lib/stores/memory/index.js';
import { Browser } from '../support/browser.js';
import { FaultyStore } from '../support/faulty-store.js';
import { platforms } from '../support/platforms.js';
import { meetingOf } from '../support/scripts.js';
import { read } from './documentation.js';

// The table "Compared" of the README, cell by cell. All contestants run the same controller, which uses only what they
// have in common, and keep their sessions in their own memory store.

const PARALLEL = 20;
const SECRET = 'a secret of the tests that is long enough';

/** A session as Passport and the rest of the ecosystem use one. */
interface CommonSession {
  [key: string]: unknown;
  regenerate(callback: (error?: Error) => void): void;
  destroy(callback: (error?: Error) => void): void;
  update?(key: string, change: (value: unknown) => unknown): Promise<unknown>;
}

interface CommonRequest {
  session: CommonSession;
}

/** Where handlers wait, and what the test does meanwhile. */
let meet: () => Promise<void>;

@Controller()
class CommonController {
  @Get('data')
  data(@Req() { session }: CommonRequest) {
    const { user = null, count = 0 } = session;
    return { user, count, keys: Object.keys(session).filter(key => key.startsWith('item')).length };
  }

  @Get('plain')
  plain() {
    return {};
  }

  @Post('item/:key')
  async item(@Req() { session }: CommonRequest, @Param('key') key: string) {
    session[`item${key}`] = true;
    await meet();
  }

  @Post('slow-item')
  async slowItem(@Req() { session }: CommonRequest) {
    await meet();
    session.item = true;
  }

  @Post('count')
  async count(@Req() { session }: CommonRequest) {
    await meet();
    if (session.update) await session.update('count', (count = 0) => (count as number) + 1);
    else session.count = ((session.count as number | undefined) ?? 0) + 1;
  }

  @Post('redirect')
  @Redirect('/data', 303)
  redirect(@Req() { session }: CommonRequest) {
    session.itemOfRedirect = true;
  }

  @Post('login')
  async login(@Req() request: CommonRequest) {
    await new Promise<void>((resolve, reject) => {
      request.session.regenerate(error => (error ? reject(error) : resolve()));
    });
    request.session.user = 'ada';
  }

  @Post('logout')
  async logout(@Req() { session }: CommonRequest) {
    await new Promise<void>((resolve, reject) => {
      session.destroy(error => (error ? reject(error) : resolve()));
    });
  }
}

/** What a test can do to the writes of a store. */
interface Writes {
  /** They wait until the release. */
  hold(): { readonly reached: Promise<void>; release(): void };
  /** They fail from now on. */
  fail(): void;
  mend(): void;
}

class Gate implements Writes {
  #pass = (): Promise<void> => Promise.resolve();

  pass(): Promise<void> {
    return this.#pass();
  }

  hold(): { reached: Promise<void>; release(): void } {
    let reach!: () => void;
    let release!: () => void;
    const reached = new Promise<void>(resolve => (reach = resolve));
    const released = new Promise<void>(resolve => (release = resolve));
    this.#pass = () => {
      reach();
      return released;
    };
    return { reached, release };
  }

  fail(): void {
    this.#pass = () => Promise.reject(new Error('connection lost'));
  }

  mend(): void {
    this.#pass = () => Promise.resolve();
  }
}

interface Contestant {
  readonly name: string;
  /** Of the README's table. */
  readonly column: string;
  start(): Promise<{ app: INestApplication; writes: Writes }>;
}

const [onExpress, onFastify] = platforms;
const controllers = [CommonController];

const ours = platforms.map((platform): Contestant => ({
  name: `ours on ${platform.name}`,
  column: 'this library',
  async start() {
    const store = new FaultyStore(new MemorySessionStore());
    const imports = [SessionModule.forRoot({ store, storeTimeout: 10_000 })];
    const module = await Test.createTestingModule({ imports, controllers }).compile();
    const writes: Writes = {
      hold() {
        const holds = [store.hold('create'), store.hold('update')];
        return {
          reached: Promise.race(holds.map(({ reached }) => reached)),
          release: () => holds.forEach(hold => hold.release()),
        };
      },
      fail() {
        store.fail('create');
        store.fail('update');
      },
      mend: () => store.mend(),
    };
    return { app: module.createNestApplication(platform.adapter(), { logger: false }), writes };
  },
}));

const theirsOnExpress: Contestant = {
  name: 'express-session',
  column: 'express-session',
  async start() {
    const gate = new Gate();
    class GatedStore extends expressSession.MemoryStore {
      override set(id: string, session: SessionData, done: (error?: unknown) => void): void {
        gate.pass().then(() => super.set(id, session, done), done);
      }
    }
    const module = await Test.createTestingModule({ controllers }).compile();
    const app = module.createNestApplication(onExpress!.adapter(), { logger: false });
    app.use(
      expressSession({ secret: SECRET, resave: false, saveUninitialized: false, store: new GatedStore() }),
    );
    return { app, writes: gate };
  },
};

const theirsOnFastify: Contestant = {
  name: '@fastify/session',
  column: '@fastify/session',
  async start() {
    const gate = new Gate();
    class GatedStore extends fastifySession.MemoryStore {
      override set(...[id, session, done]: Parameters<fastifySession.MemoryStore['set']>): void {
        gate.pass().then(() => super.set(id, session, done), done);
      }
    }
    const module = await Test.createTestingModule({ controllers }).compile();
    const adapter = onFastify!.adapter();
    const app = module.createNestApplication(adapter, { logger: false });
    const fastify = adapter.getInstance() as {
      register(plugin: unknown, options?: object): Promise<unknown>;
    };
    await fastify.register(fastifyCookie);
    await fastify.register(fastifySession, {
      secret: SECRET,
      saveUninitialized: false,
      rolling: false,
      cookie: { secure: false },
      store: new GatedStore(),
    });
    return { app, writes: gate };
  },
};

interface Running {
  readonly url: string;
  readonly writes: Writes;
}

interface Data {
  readonly user: string | null;
  readonly count: number;
  readonly keys: number;
}

async function signedIn({ url }: Running): Promise<Browser> {
  const browser = new Browser(url);
  await browser.post('/login');
  expect(await dataOf(browser)).toMatchObject({ user: 'ada' });
  return browser;
}

async function dataOf(browser: Browser): Promise<Data> {
  return (await browser.get('/data')).json<Data>();
}

/** So many answers to others come after one that has left. */
async function fiftyAnswers(url: string): Promise<'others'> {
  const other = new Browser(url);
  for (let count = 0; count < 50; count++) await other.get('/plain');
  return 'others';
}

/** The table's rows: what is measured, as the cell says it. */
const experiments: Readonly<Record<string, (running: Running) => Promise<string>>> = {
  async '20 requests at the same time set 20 different keys: how many stay'(running) {
    const browser = await signedIn(running);
    meet = meetingOf(PARALLEL);
    await Promise.all(Array.from({ length: PARALLEL }, (_, index) => browser.copy().post(`/item/${index}`)));
    return String((await dataOf(browser)).keys);
  },

  async '20 requests at the same time add 1 to a counter: the counter'(running) {
    const browser = await signedIn(running);
    meet = meetingOf(PARALLEL);
    await Promise.all(Array.from({ length: PARALLEL }, () => browser.copy().post('/count')));
    return String((await dataOf(browser)).count);
  },

  async 'a logout overtakes a request that writes: the user afterwards'(running) {
    const browser = await signedIn(running);
    const tab = browser.copy();
    let reach!: () => void;
    let goOn!: () => void;
    const reached = new Promise<void>(resolve => (reach = resolve));
    const released = new Promise<void>(resolve => (goOn = resolve));
    meet = () => {
      reach();
      return released;
    };
    const slow = tab.post('/slow-item');
    await reached;
    await browser.copy().post('/logout');
    expect(await dataOf(browser.copy())).toMatchObject({ user: null });
    goOn();
    await slow;
    return (await dataOf(browser)).user === null ? 'signed out' : 'signed in again';
  },

  async 'a redirect leaves before the store has answered'(running) {
    const browser = await signedIn(running);
    const { cookie } = browser;
    const { reached, release } = running.writes.hold();
    const redirect = fetch(`${running.url}/redirect`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie },
    });
    await reached;
    const first = await Promise.race([redirect.then(() => 'redirect'), fiftyAnswers(running.url)]);
    release();
    await (await redirect).text();
    return first === 'redirect' ? 'yes' : 'no';
  },

  async 'a new session cannot be saved: the answer'(running) {
    running.writes.fail();
    const browser = new Browser(running.url);
    const { status, setCookies } = await browser.post('/redirect');
    return `${status}, ${setCookies.length > 0 ? 'with a cookie' : 'no cookie'}`;
  },

  async 'a logout clears the cookie'(running) {
    const browser = await signedIn(running);
    await browser.post('/logout');
    return browser.cookies.size === 0 ? 'yes' : 'no';
  },
};

/** The README's table, by row and column. */
const [header, , ...rows] = read('README.md')
  .split('## Compared')[1]!
  .split('\n')
  .filter(line => line.startsWith('|'))
  .map(line =>
    line
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim().replaceAll('`', '')),
  );

describe('the README’s comparison', () => {
  it('has no row and no column that is not measured here', () => {
    expect(rows.map(([label]) => label)).toEqual(Object.keys(experiments));
    expect(header!.slice(1)).toEqual(['this library', 'express-session', '@fastify/session']);
  });

  describe.each([...ours, theirsOnExpress, theirsOnFastify])('$name', ({ column, start }) => {
    let app: INestApplication;
    let running: Running;
    beforeAll(async () => {
      const started = await start();
      ({ app } = started);
      await app.listen(0, '127.0.0.1');
      running = { url: await app.getUrl(), writes: started.writes };
    });
    afterAll(() => app.close());

    it.each(Object.keys(experiments))('%s', async label => {
      running.writes.mend();
      const cell = rows.find(row => row[0] === label)![header!.indexOf(column)];
      expect(await experiments[label]!(running)).toBe(cell);
    });
  });
});
