import fastifySession from '@fastify/session';
import type { INestApplication } from '@nestjs/common';
import expressSession, { type SessionData } from 'express-session';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemorySessionStore } from '../../lib/stores/memory/index.js';
import { Browser } from '../support/browser.js';
import { Deferred } from '../support/deferred.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms } from '../support/platforms.js';
import {
  newAppOfOurs,
  newAppWithExpressSession,
  newAppWithFastifySession,
} from './comparison/common-shop.js';
import {
  fiftyAnswers,
  logoutClearsCookie,
  logoutOvertakes,
  signedIn,
  tableOf,
  twentyCounts,
  twentyKeys,
  type Experiment,
  type Running,
} from './comparison/experiments.js';

// The first table of docs/comparison.md, cell by cell: each library with its own memory store.

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
    const reached = new Deferred();
    const released = new Deferred();
    this.#pass = () => {
      reached.resolve();
      return released.promise;
    };
    return { reached: reached.promise, release: () => released.resolve() };
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
  /** Of the table. */
  readonly column: string;
  start(): Promise<{ app: INestApplication; writes: Writes }>;
}

const ours = platforms.map((platform): Contestant => ({
  name: `ours on ${platform.name}`,
  column: 'this library',
  async start() {
    const store = new FaultyStore(new MemorySessionStore());
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
      mend: () => store.restore(),
    };
    return { app: await newAppOfOurs(platform, { store, storeTimeout: 10_000 }), writes };
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
    return { app: await newAppWithExpressSession(new GatedStore()), writes: gate };
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
    return { app: await newAppWithFastifySession(new GatedStore()), writes: gate };
  },
};

interface RunningWithWrites extends Running {
  readonly writes: Writes;
}

/** The table's rows: what is measured, as the cell says it. */
const experiments: Readonly<Record<string, Experiment<RunningWithWrites>>> = {
  '20 requests at the same time set 20 different keys: how many stay': twentyKeys,
  '20 requests at the same time add 1 to a counter: the counter': twentyCounts,
  'a logout overtakes a request that writes: the user afterwards': logoutOvertakes,

  async 'a redirect leaves before the store has answered'({ urls: [url], writes }) {
    const { cookie } = await signedIn({ urls: [url] });
    const { reached, release } = writes.hold();
    const redirect = fetch(`${url}/redirect`, { method: 'POST', redirect: 'manual', headers: { cookie } });
    await reached;
    const first = await Promise.race([redirect.then(() => 'redirect'), fiftyAnswers(url)]);
    release();
    await (await redirect).text();
    return first === 'redirect' ? 'yes' : 'no';
  },

  async 'a new session cannot be saved: the answer'({ urls: [url], writes }) {
    writes.fail();
    const { status, setCookies } = await new Browser(url).post('/redirect');
    return `${status}, ${setCookies.length > 0 ? 'with a cookie' : 'no cookie'}`;
  },

  'a logout clears the cookie': logoutClearsCookie,
};

const table = tableOf('docs/comparison.md', 'In memory');

describe('the README’s comparison', () => {
  it('repeats cells of docs/comparison.md', () => {
    const readme = tableOf('README.md', 'Why');
    const all = tableOf('docs/comparison.md', 'Over real servers');
    expect(readme.rows.length).toBe(6);
    for (const row of readme.rows) {
      for (const column of readme.columns) {
        expect(readme.cell(row, column), `${row}, ${column}`).toBe(all.cell(row, column) ?? 'missing');
      }
    }
  });
});

describe('the comparison with memory stores', () => {
  it('has no row and no column that is not measured here', () => {
    expect(table.rows).toEqual(Object.keys(experiments));
    expect(table.columns).toEqual(['this library', 'express-session', '@fastify/session']);
  });

  describe.each([...ours, theirsOnExpress, theirsOnFastify])('$name', ({ column, start }) => {
    let app: INestApplication;
    let running: RunningWithWrites;
    beforeAll(async () => {
      const started = await start();
      ({ app } = started);
      await app.listen(0, '127.0.0.1');
      running = { urls: [await app.getUrl()], writes: started.writes };
    });
    afterAll(() => app.close());

    it.each(Object.keys(experiments))('%s', async label => {
      running.writes.mend();
      expect(await experiments[label]!(running)).toBe(table.cell(label, column));
    });
  });
});
