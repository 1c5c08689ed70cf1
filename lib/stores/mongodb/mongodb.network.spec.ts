import { once } from 'node:events';
import { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { MongoClient as MongoClient6 } from 'mongodb-6';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeWithMongo, freshDatabase, mongoClient } from '../../../test/support/mongodb-server.js';
import { errorOf, idOf, recordOf, untilItWorks } from '../../../test/support/redis-records.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { SessionEvents } from '../../events/session-events.js';
import { GuardedStore } from '../../store/guarded-store.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { withDeadline } from '../../time/with-deadline.js';
import { MongoSessionStore } from './mongodb.store.js';

const DEADLINE = 1_000;
const guarded = (store: MongoSessionStore) => new GuardedStore(store, DEADLINE, new SessionEvents(console));

/** The code that a call failed with. */
async function codeOf(call: () => unknown): Promise<unknown> {
  const error: unknown = await errorOf((async () => call())());
  return (error as { code?: unknown }).code;
}

/** Rejects when the answer takes longer: a caller of a stuck driver would wait for ever. */
function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return withDeadline(promise, ms, () => new Error(`no answer within ${ms} ms`));
}

/** Sockets and timers that hold the process. */
function held(): number {
  return process.getActiveResourcesInfo().filter(name => /TCP|Timeout/.test(name)).length;
}

/** The parts of the driver, 6 and 7, that a check of a server consists of. */
interface DriverInternals {
  readonly topology: { readonly s: { readonly servers: ReadonlyMap<string, CheckedServer> } };
}
interface CheckedServer {
  readonly monitor: { readonly connection: { readonly socket: Socket } };
  requestCheck(): void;
}

/**
 * Gets the driver stuck. The server closes a connection in the moment in which a check is written to it: the write is
 * refused, and the driver waits for a `drain` that never comes. Then all other connections are closed.
 */
async function getStuck(client: MongoClient, proxy: TcpProxy): Promise<void> {
  const { servers } = (client as unknown as DriverInternals).topology.s;
  const begun = once(client, 'serverHeartbeatStarted');
  for (const server of servers.values()) {
    const { socket } = server.monitor.connection;
    socket.write = (...chunk: unknown[]) => {
      socket.destroy();
      return Socket.prototype.write.apply(socket, chunk as Parameters<Socket['write']>);
    };
    server.requestCheck();
  }
  await begun;
  proxy.cut('fin');
}

/** Ten callers ask without end; replies are lost for a while, then all connections are closed. */
async function closeUnderLoad(proxy: TcpProxy, ask: () => PromiseLike<unknown>): Promise<void> {
  const end = new AbortController();
  const callers = Array.from({ length: 10 }, async () => {
    while (!end.signal.aborted) {
      // A caller has a deadline, as a request has.
      await Promise.race([Promise.resolve(ask()).catch(() => undefined), wait(200)]);
      await wait(5);
    }
  });
  await wait(100);
  proxy.silence();
  await wait(300);
  proxy.thaw();
  proxy.cut('fin');
  await wait(20);
  end.abort();
  await Promise.all(callers);
}

describeWithMongo('MongoSessionStore behind a network that fails', ({ url }) => {
  let database: string;
  let target: number;
  let proxy: TcpProxy;
  const stores: MongoSessionStore[] = [];
  /** Through the proxy only: a replica set would tell its own address. */
  const newStore = (port: number) => {
    const store = new MongoSessionStore({
      url: `mongodb://127.0.0.1:${port}/?directConnection=true`,
      database,
    });
    stores.push(store);
    return store;
  };
  beforeAll(async () => {
    database = (await freshDatabase(url)).databaseName;
    target = Number(/:(\d+)/.exec(url)?.[1]);
  });
  beforeEach(async () => {
    proxy = await TcpProxy.start(target);
  });
  afterEach(async () => {
    proxy.thaw();
    await Promise.all(stores.splice(0).map(store => store.close()));
    await proxy.close();
  });

  it('a server that is down at the start and comes later is used then, and gets its index', async () => {
    const { port } = proxy;
    await proxy.close();
    const store = newStore(port);
    const guard = guarded(store);
    const error = await errorOf(store.open());
    expect(error).not.toBeInstanceOf(StoreRefusedError);
    expect(await codeOf(() => guard.load(idOf('later')))).toBe('SESSION_STORE_TIMEOUT');
    proxy = await TcpProxy.start(target, port);
    expect(await untilItWorks(async () => guard.create(idOf('later'), recordOf()), 5_000)).toBeLessThan(
      2_000,
    );
    expect(await guard.load(idOf('later'))).toEqual(recordOf());
    const collection = (await mongoClient(url)).db(database).collection('sessions');
    await expect.poll(() => collection.indexExists('x_1')).toBe(true);
    await store.ping();
  });

  it('a frozen server is answered for at the deadline, never as "not there", and is used within 2 s of its return', async () => {
    const store = newStore(proxy.port);
    const guard = guarded(store);
    await store.open();
    await store.create(idOf('frozen'), recordOf());
    proxy.freeze();
    const start = performance.now();
    const codes = await Promise.all(
      Array.from({ length: 50 }, () => codeOf(() => guard.load(idOf('frozen')))),
    );
    expect(new Set(codes)).toEqual(new Set(['SESSION_STORE_TIMEOUT']));
    expect(performance.now() - start).toBeLessThan(DEADLINE + 500);
    const during = performance.now();
    expect(await codeOf(() => guard.load(idOf('frozen')))).toBe('SESSION_STORE_UNAVAILABLE');
    expect(performance.now() - during).toBeLessThan(100);
    proxy.thaw();
    expect(await untilItWorks(async () => guard.load(idOf('frozen')), 5_000)).toBeLessThan(2_000);
    expect(await guard.load(idOf('frozen'))).toEqual(recordOf());
  });

  it.each([
    ['is down', () => proxy.close()],
    ['is frozen', () => proxy.freeze()],
  ])(
    "a start with a client of the user's, whose limits are the driver's, does not wait for a server that %s",
    async (_, stop) => {
      const { port } = proxy;
      const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`);
      const store = new MongoSessionStore({ client, database });
      await stop();
      const start = performance.now();
      const error = await errorOf(store.open());
      expect(performance.now() - start).toBeLessThan(5_000);
      expect(error).not.toBeInstanceOf(StoreRefusedError);
      expect(error.message).toBe('[session:mongodb] MongoDB did not answer within 3000 ms');
      proxy.thaw();
      await proxy.close();
      proxy = await TcpProxy.start(target, port);
      expect(await untilItWorks(async () => guarded(store).load(idOf('a')), 15_000)).toBeLessThan(11_000);
      await client.close();
    },
  );

  it('down: calls fail at once, or at the deadline and then at once; what waits in the driver is given up, and not done later', async () => {
    const store = newStore(proxy.port);
    const guard = guarded(store);
    await store.open();
    const waiting: Promise<boolean>[] = [];
    const create = store.create.bind(store);
    store.create = (...call) => {
      waiting.push(create(...call));
      return waiting.at(-1)!;
    };
    const { port } = proxy;
    await proxy.close();
    const memory = process.memoryUsage().rss;
    const begin = performance.now();
    for (let batch = 0; batch < 10; batch++) {
      const start = performance.now();
      const calls = Array.from({ length: 1_000 }, (_, i) =>
        codeOf(() => guard.create(idOf(`down ${batch} ${i}`), recordOf())),
      );
      for (const code of await Promise.all(calls)) expect(code).toMatch(/^SESSION_STORE_/);
      expect(performance.now() - start).toBeLessThan(batch === 0 ? 5_000 : 2_000);
    }
    const outcomes = await Promise.allSettled(waiting);
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
    expect(process.memoryUsage().rss - memory).toBeLessThan(150 * 1024 ** 2);
    proxy = await TcpProxy.start(target, port);
    await untilItWorks(() => create(idOf('up'), recordOf()), 5_000);
    const documents = (await mongoClient(url)).db(database).collection<{ _id: string }>('sessions');
    const ids = Array.from({ length: 1_000 }, (_, i) => idOf(`down 0 ${i}`));
    expect(await documents.countDocuments({ _id: { $in: ids } })).toBe(0);
  });

  it('up and down, ten times: no socket more, no warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on('warning', onWarning);
    const store = newStore(proxy.port);
    await store.open();
    const { port } = proxy;
    const before = held();
    for (let flap = 0; flap < 10; flap++) {
      await proxy.close();
      const calls = Promise.allSettled(Array.from({ length: 20 }, () => store.load(idOf('flap'))));
      proxy = await TcpProxy.start(target, port);
      await calls;
      await untilItWorks(() => store.load(idOf('flap')), 5_000);
    }
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    await store.close();
    await expect.poll(held).toBeLessThan(before);
  });

  it.each([0, 1, 15, 16, 40, 100])(
    'a reply that breaks off after %i bytes is asked for again or an error, never half a record or none',
    async bytes => {
      const store = newStore(proxy.port);
      await store.open();
      const id = idOf(`cut ${bytes}`);
      await store.create(id, recordOf());
      for (let i = 0; i < 2; i++) {
        proxy.cutAfter(bytes);
        const found = await store.load(id).catch((error: unknown) => error);
        if (!(found instanceof Error)) expect(found).toEqual(recordOf());
      }
      expect(await untilItWorks(() => store.load(id), 5_000)).toBeLessThan(2_000);
      expect(await store.load(id)).toEqual(recordOf());
    },
  );

  it('connections that are reset are an error at most, never "not there", and are made again at once', async () => {
    const store = newStore(proxy.port);
    await store.open();
    await store.create(idOf('reset'), recordOf());
    for (let round = 0; round < 5; round++) {
      proxy.reset();
      const load = store.load(idOf('reset'));
      const outcome = await load.catch((error: unknown) => error);
      if (!(outcome instanceof Error)) expect(outcome).toEqual(recordOf());
      expect(await untilItWorks(() => store.load(idOf('reset')), 2_000)).toBeLessThan(1_000);
      expect(await store.load(idOf('reset'))).toEqual(recordOf());
    }
  });

  it('a store that is closed while it connects to a server that does not answer leaves nothing behind', async () => {
    proxy.freeze();
    const before = held();
    const store = newStore(proxy.port);
    const opening = errorOf(store.open());
    await expect.poll(held).toBeGreaterThan(before);
    const start = performance.now();
    await store.close();
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(await opening).toBeInstanceOf(Error);
    await expect.poll(held).toBeLessThanOrEqual(before);
  });

  it('a store that is closed while it opens leaves nothing behind', async () => {
    const before = held();
    const store = newStore(proxy.port);
    const opening = errorOf(store.open());
    await store.close();
    expect((await opening).message).toBe('[session:mongodb] the store is closed');
    await expect.poll(held).toBeLessThanOrEqual(before);
  });

  it('a frozen server does not hold up closing', async () => {
    const store = newStore(proxy.port);
    await store.open();
    proxy.freeze();
    const pending = errorOf(store.load(idOf('pending')));
    const start = performance.now();
    await store.close();
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(await pending).toBeInstanceOf(Error);
  });

  describe('when the server closes connections that wait for an answer, which may leave the driver stuck', () => {
    it('a client of our own is replaced: the store is used again within 2 s, ten times in a row', async () => {
      const store = newStore(proxy.port);
      await store.open();
      await store.create(idOf('stuck'), recordOf());
      const before = held();
      for (let round = 0; round < 10; round++) {
        await closeUnderLoad(proxy, () => store.load(idOf('stuck')));
        expect(await untilItWorks(() => within(1_000, store.load(idOf('stuck'))), 10_000)).toBeLessThan(
          2_000,
        );
        expect(await store.load(idOf('stuck'))).toEqual(recordOf());
      }
      await expect.poll(held).toBeLessThan(before + 60); // one client with its pool, not ten
      await store.close();
      await expect.poll(held, { timeout: 5_000 }).toBeLessThan(before);
    }, 60_000);

    it.each([
      ['7', MongoClient],
      ['6', MongoClient6 as unknown as typeof MongoClient],
    ])(
      'a client of the driver %s that was given stays as it is: a copy of it takes over, and a warning says what to do',
      async (_, Client) => {
        const warnings: string[] = [];
        const onWarning = ({ message }: Error): void => void warnings.push(message);
        process.on('warning', onWarning);
        const client = await new Client(`mongodb://127.0.0.1:${proxy.port}/${database}`, {
          directConnection: true,
          serverSelectionTimeoutMS: 1_000,
        }).connect();
        const before = held();
        const store = new MongoSessionStore({ client });
        try {
          await store.open();
          await store.create(idOf('given'), recordOf());
          await getStuck(client, proxy);
          expect(await untilItWorks(() => within(1_000, store.load(idOf('given'))), 10_000)).toBeLessThan(
            2_000,
          );
          expect(warnings).toEqual([
            expect.stringMatching(
              /^\[session:mongodb\] the "client" no longer reaches MongoDB.* Close the old one/,
            ),
          ]);
          await expect(client.db().command({ ping: 1 })).rejects.toMatchObject({
            name: 'MongoServerSelectionError',
          });
          // The copy stays in use, also when the given client is closed.
          await client.close();
          expect(await store.load(idOf('given'))).toEqual(recordOf());
          await client.connect();
          expect(await client.db().collection('sessions').countDocuments()).toBeGreaterThan(0);
          await store.close();
          await client.close();
          await expect.poll(held, { timeout: 5_000 }).toBeLessThan(before);
        } finally {
          process.off('warning', onWarning);
          await store.close();
          await client.close();
        }
      },
      30_000,
    );

    it('a given client that cannot be copied: a warning says what to do, and it does', async () => {
      const warnings: string[] = [];
      const onWarning = ({ message }: Error): void => void warnings.push(message);
      process.on('warning', onWarning);
      let made = 0;
      class OnlyClient extends MongoClient {
        constructor(...args: ConstructorParameters<typeof MongoClient>) {
          if (made++ > 0) throw new Error('there can only be one');
          super(...args);
        }
      }
      const url = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`;
      const client = new OnlyClient(url, { serverSelectionTimeoutMS: 1_000 });
      const store = new MongoSessionStore({ client, database });
      try {
        await store.open();
        await store.create(idOf('only'), recordOf());
        await getStuck(client, proxy);
        await expect(within(2_000, store.load(idOf('only')))).rejects.toMatchObject({
          name: 'MongoServerSelectionError',
        });
        await expect.poll(() => warnings, { timeout: 10_000 }).toHaveLength(1);
        expect(warnings[0]).toMatch(
          /^\[session:mongodb\] the "client" does not .*close the client and connect it/,
        );
        await client.close();
        await client.connect();
        expect(await store.load(idOf('only'))).toEqual(recordOf());
      } finally {
        process.off('warning', onWarning);
        await store.close();
        await client.close();
      }
    }, 30_000);

    it('when its owner closes a given client, the store connects no other one', async () => {
      const url = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`;
      const client = await new MongoClient(url).connect();
      const store = new MongoSessionStore({ client, database });
      await store.open();
      await client.close();
      const { accepted } = proxy;
      await wait(1_000); // longer than a spare waits before it is made
      expect(proxy.accepted).toBe(accepted);
    });
  });
});
