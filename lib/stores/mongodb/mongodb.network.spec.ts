import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeWithMongo, freshDatabase, mongoClient } from '../../../test/support/mongodb-server.js';
import { errorOf, idOf, recordOf, untilItWorks } from '../../../test/support/redis-records.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { SessionEvents } from '../../events/session-events.js';
import { GuardedStore } from '../../store/guarded-store.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { MongoSessionStore } from './mongodb.store.js';

const DEADLINE = 1_000;
const guarded = (store: MongoSessionStore) => new GuardedStore(store, DEADLINE, new SessionEvents());

/** The code that a call failed with. */
async function codeOf(call: () => unknown): Promise<unknown> {
  const error: unknown = await errorOf((async () => call())());
  return (error as { code?: unknown }).code;
}

/** Sockets and timers that hold the process. */
function held(): number {
  return process.getActiveResourcesInfo().filter(name => /TCP|Timeout/.test(name)).length;
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
    proxy = await TcpProxy.start(target);
  });
  afterEach(async () => {
    proxy.thaw();
    await Promise.all(stores.splice(0).map(store => store.close()));
  });
  afterAll(() => proxy.close());

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

  it('a frozen server is answered for at the deadline, never as "not there", and is used within 2 s of its return (FLT-29)', async () => {
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

  it('connections that are reset are an error at most, never "not there", and are made again at once (FLT-24)', async () => {
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

  it('a store that is closed while it connects to a server that does not answer leaves nothing behind (CM#413)', async () => {
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

  it('a store that is closed in the moment it is opened leaves nothing behind (CM#413)', async () => {
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
});
