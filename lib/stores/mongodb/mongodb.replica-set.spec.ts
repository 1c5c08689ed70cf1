import { type Collection, type CommandStartedEvent, type Document, MongoClient } from 'mongodb';
import { MongoClient as MongoClient6 } from 'mongodb-6';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  describeWithFailPoints,
  describeWithMongo,
  describeWithMongod,
  failCommands,
  freshDatabase,
  Mongod,
  mongoClient,
  withParameters,
  type CommandFailure,
} from '../../../test/support/mongodb-server.js';
import {
  errorOf,
  HOUR,
  idOf,
  NOW,
  recordOf,
  untilItWorks,
  updateOf,
} from '../../../test/support/redis-records.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { SessionEvents } from '../../events/session-events.js';
import { GuardedStore } from '../../store/guarded-store.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { sessionStoreCases } from '../../testing/index.js';
import { MongoSessionStore } from './mongodb.store.js';

const DEADLINE = 1_000;
const guarded = (store: MongoSessionStore) => new GuardedStore(store, DEADLINE, new SessionEvents(console));

/** The answer to a call, or the code of its error. */
async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

// Stores of one place over different clients: its own, and two of the user's with all that changes where commands go,
// what is acknowledged and what comes back, one of them of the driver's version 6.
describeWithMongo('MongoSessionStore', ({ replicaSetUrl }) => {
  const settings = {
    readPreference: 'secondaryPreferred',
    readConcernLevel: 'majority',
    w: 1,
    retryWrites: false,
    raw: true,
    promoteValues: false,
    promoteLongs: false,
    ignoreUndefined: true,
  } as const;
  const clients: (MongoClient | MongoClient6)[] = [];
  let client: MongoClient;
  let database: string;
  const collections = new WeakMap<object, string>();
  let turn = 0;
  let places = 0;
  const open = async (collection = `sessions${places++}`): Promise<MongoSessionStore> => {
    const client = clients[turn++ % 3];
    const store = new MongoSessionStore({
      ...(client ? { client } : { url: replicaSetUrl }),
      database,
      collection,
    });
    await store.open();
    collections.set(store, collection);
    return store;
  };
  beforeAll(async () => {
    client = await mongoClient(replicaSetUrl);
    database = (await freshDatabase(replicaSetUrl)).databaseName;
    clients.push(new MongoClient6(replicaSetUrl, settings), new MongoClient(replicaSetUrl, settings));
  });
  afterAll(() => Promise.all(clients.map(client => client.close())));
  const cases = sessionStoreCases<MongoSessionStore>({
    create: () => open(),
    peer: store => open(collections.get(store)),
    stranger: () => open(),
    damage: async (store, id) => {
      const documents = client.db(database).collection<{ _id: string }>(collections.get(store) as string);
      await documents.updateOne({ _id: id }, { $set: { e: 'not a moment' } });
    },
    abilities: ['index', 'prune', 'ping', 'open', 'close'],
  });
  for (const test of cases) it(test.name, () => test.run());
});

describeWithMongo('MongoSessionStore that cannot reach its server', ({ replicaSetUrl }) => {
  let proxy: TcpProxy;
  let database: string;
  let places = 0;
  const collections = new WeakMap<object, string>();
  const open = (collection = `sessions${places++}`): MongoSessionStore => {
    const url = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`;
    const store = new MongoSessionStore({ url, database, collection });
    collections.set(store, collection);
    return store;
  };
  beforeAll(async () => {
    proxy = await TcpProxy.start(Number(/:(\d+)/.exec(replicaSetUrl)?.[1]));
    database = (await freshDatabase(replicaSetUrl)).databaseName;
  });
  afterAll(() => proxy.close());

  const cases = sessionStoreCases<MongoSessionStore>({
    create: () => open(),
    peer: store => open(collections.get(store)),
    async outage() {
      await proxy.refuse();
      return () => proxy.accept();
    },
    abilities: ['index', 'prune', 'ping', 'open', 'close'],
  });
  for (const { name, run } of cases) if (/be reached|outage/.test(name)) it(name, run);
});

describeWithMongo('MongoSessionStore over a client that prefers secondaries', ({ replicaSetUrl }) => {
  it('reads from the primary, what the primary has now', async () => {
    const theirs = new MongoClient(replicaSetUrl, {
      readPreference: 'secondaryPreferred',
      readConcernLevel: 'available',
      monitorCommands: true,
    });
    const sent: Document[] = [];
    theirs.on('commandStarted', ({ command }: CommandStartedEvent) => sent.push(command));
    const database = (await freshDatabase(replicaSetUrl)).databaseName;
    const collection = theirs.db(database).collection('sessions', { readPreference: 'secondary' });
    for (const options of [{ client: theirs, database }, { collection }]) {
      const store = new MongoSessionStore(options);
      await store.load(idOf('a'));
      await store.destroy(idOf('a'), NOW);
      await store.index.list('u', NOW);
      await store.index.confirm('u', idOf('a'));
    }
    const reads = sent.filter(command => 'find' in command);
    expect(reads).toHaveLength(8);
    for (const { $readPreference, readConcern } of reads) {
      expect($readPreference ?? { mode: 'primary' }).toEqual({ mode: 'primary' });
      expect(readConcern).toEqual({ level: 'local' });
    }
    await theirs.close();
  });
});

await describeWithFailPoints('MongoSessionStore when commands fail', ({ replicaSetUrl }) => {
  const appName = `faults-${process.pid}`;
  let control: MongoClient;
  let documents: Collection<{ _id: string } & Document>;
  let store: MongoSessionStore;
  const fail = (failure: Omit<CommandFailure, 'appName'>, times: number | 'always' = 1) =>
    failCommands(control, { ...failure, appName }, times);
  /** The next write is done, but the majority does not say so in time. */
  const doubt = (command: string) =>
    fail({
      failCommands: [command],
      writeConcernError: {
        code: 64,
        codeName: 'WriteConcernTimeout',
        errmsg: 'waiting for replication timed out',
      },
    });
  const newStore = (parameters: Record<string, string | number> = {}, collection = 'sessions') =>
    new MongoSessionStore({
      url: withParameters(replicaSetUrl, { appName, ...parameters }),
      database: documents.dbName,
      collection,
    });
  beforeAll(async () => {
    control = await mongoClient(replicaSetUrl);
    documents = (await freshDatabase(replicaSetUrl)).collection('sessions');
    store = newStore();
    await store.open();
  });
  afterEach(() => failCommands(control));
  afterAll(() => store.close());

  const COMMANDS = ['find', 'insert', 'update', 'findAndModify'] as const;

  describe.each([
    ['ShutdownInProgress', { errorCode: 91, errorLabels: ['RetryableWriteError'] }],
    ['NotWritablePrimary', { errorCode: 10_107, errorLabels: ['RetryableWriteError'] }],
    ['InterruptedAtShutdown', { errorCode: 11_600, errorLabels: ['RetryableWriteError'] }],
    ['PrimarySteppedDown', { errorCode: 189, errorLabels: ['RetryableWriteError'] }],
    ['a connection that closes', { closeConnection: true }],
  ] as const)('%s', (name, failure) => {
    it('once: the call is answered as if nothing had been, within the deadline', async () => {
      const guard = guarded(store);
      const id = idOf(`once ${name}`);
      const take = updateOf({ delete: ['d:views'], expect: { 'd:views': '1' } });
      await fail({ failCommands: ['insert'], ...failure });
      expect(await guard.create(id, recordOf()), 'its own record is not in its way').toBe(true);
      await fail({ failCommands: ['findAndModify'], ...failure });
      expect(await guard.update(id, take, NOW), 'its own change is not a mismatch').toBe('done');
      await fail({ failCommands: ['find'], ...failure });
      expect(await guard.load(id)).toEqual(recordOf({ data: {} }));
    });

    it('three times in a row: the right answer or an error in time, and never "absent"', async () => {
      const guard = guarded(store);
      const id = idOf(`three times ${name}`);
      await store.create(id, recordOf());
      for (const call of [() => guard.load(id), () => guard.destroy(id, NOW)]) {
        await fail({ failCommands: COMMANDS, ...failure }, 3);
        const outcome = await outcomeOf(call);
        if (typeof outcome === 'string') expect(outcome).toMatch(/^SESSION_STORE_/);
        else expect(outcome).toEqual(recordOf());
        await failCommands(control);
      }
    });

    it('and when asking again fails too: an error, never "not there"', async () => {
      const [loaded, ended] = [idOf(`load ${name}`), idOf(`end ${name}`)];
      for (const id of [loaded, ended]) await store.create(id, recordOf());
      await fail({ failCommands: COMMANDS, ...failure }, 'always');
      const errors = await Promise.all([errorOf(store.load(loaded)), errorOf(store.destroy(ended, NOW))]);
      for (const error of errors) expect(error).not.toBeInstanceOf(StoreRefusedError);
      await failCommands(control);
      expect(await store.load(loaded)).toEqual(recordOf());
      expect(await store.load(ended)).toEqual(recordOf());
    });
  });

  it('a connection that closes once, at any call: it is answered as if nothing had been', async () => {
    const guard = guarded(store);
    const [id, next] = [idOf('closes'), idOf('closes, next')];
    const take = updateOf({ delete: ['d:views'], expect: { 'd:views': '1' } });
    const calls: [command: string, call: () => unknown, answer: unknown][] = [
      ['insert', () => guard.create(id, recordOf()), true],
      ['findAndModify', () => guard.update(id, take, NOW), 'done'],
      ['update', () => guard.update(id, updateOf({ set: { 'd:x': '1' } }), NOW), 'done'],
      ['update', () => guard.touch(id, { expiresAt: NOW, lastSeenAt: NOW }, NOW), true],
      ['update', () => guard.index?.add('closes', id, NOW + HOUR, NOW), undefined],
      ['find', () => guard.index?.confirm('closes', id), true],
      ['find', () => guard.index?.list('closes', NOW), [id]],
      ['update', () => guard.index?.remove('closes', [id]), undefined],
      ['find', () => guard.index?.list('closes', NOW), []],
      [
        'findAndModify',
        () => guard.destroy(id, NOW, { successor: next }),
        recordOf({ data: { 'd:x': '1' } }),
      ],
      ['insert', () => guard.create(next, recordOf()), true],
      ['findAndModify', () => guard.destroy(id, NOW), recordOf()], // by way of the mark
      ['find', () => guard.load(next), undefined],
    ];
    for (const [command, call, answer] of calls) {
      await fail({ failCommands: [command], closeConnection: true });
      expect(await call(), command).toEqual(answer);
    }
  });

  it('a write that was done and not acknowledged by the majority is an error; a read shows whether it was done', async () => {
    const id = idOf('unknown');
    await doubt('insert');
    await expect(store.create(id, recordOf())).rejects.toThrow(/replication timed out/);
    expect(await store.load(id)).toEqual(recordOf());
    await doubt('update');
    await expect(store.update(id, updateOf({ set: { 'd:x': '1' } }), NOW)).rejects.toThrow(
      /replication timed out/,
    );
    await doubt('update');
    await expect(store.touch(id, { expiresAt: NOW, lastSeenAt: NOW }, NOW)).rejects.toThrow(/timed out/);
    expect(await store.load(id)).toMatchObject({ data: { 'd:x': '1' } });
    await doubt('findAndModify');
    await expect(store.destroy(id, NOW)).rejects.toThrow(/replication timed out/);
    expect(await store.load(id)).toBeUndefined();
    expect(await store.update(id, updateOf({ set: { 'd:x': '1' } }), NOW)).toBe('gone');
    expect(await store.load(id)).toBeUndefined();
  });

  it('a document that is deleted behind our back is a session that is gone, not an error', async () => {
    const id = idOf('behind our back');
    await store.create(id, recordOf());
    await documents.deleteOne({ _id: id });
    expect(await store.touch(id, { expiresAt: NOW + HOUR, lastSeenAt: NOW }, NOW)).toBe(false);
    expect(await store.update(id, updateOf({ set: { 'd:x': '1' } }), NOW)).toBe('gone');
    expect(await store.destroy(id, NOW)).toBeUndefined();
    expect(await documents.countDocuments({ _id: id })).toBe(0);
  });

  it('300 calls to a server that takes 5 s are all answered at the deadline, and none of them comes late to a session that ended', async () => {
    const slow = newStore();
    await slow.open();
    const guard = guarded(slow);
    const id = idOf('slow');
    await store.create(id, recordOf());
    await fail({ failCommands: ['update'], blockConnection: true, blockTimeMS: 5_000 }, 'always');
    const start = performance.now();
    const codes = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        outcomeOf(() => guard.update(id, updateOf({ set: { [`d:${i}`]: '1' } }), NOW)),
      ),
    );
    const tookMs = performance.now() - start;
    expect(new Set(codes)).toEqual(new Set(['SESSION_STORE_TIMEOUT']));
    expect(tookMs).toBeGreaterThan(DEADLINE - 50);
    expect(tookMs).toBeLessThan(DEADLINE + 700);
    expect(await store.destroy(id, NOW)).toBeDefined();
    await failCommands(control);
    await untilItWorks(async () => guard.touch(id, { expiresAt: NOW, lastSeenAt: NOW }, NOW), 6_000);
    expect(await store.load(id)).toBeUndefined();
    await slow.close();
  });

  it('waits for a free connection no longer than 2 s, not for ever', async () => {
    const narrow = newStore({ maxPoolSize: 1 });
    await narrow.open();
    await fail({ failCommands: ['find'], blockConnection: true, blockTimeMS: 3_000 });
    const first = narrow.load(idOf('first'));
    const start = performance.now();
    const error = await errorOf(narrow.load(idOf('second')));
    expect(error.name).toBe('MongoWaitQueueTimeoutError');
    expect(performance.now() - start).toBeLessThan(2_500);
    await first;
    await narrow.close();
  });

  describe('when the server refuses us', () => {
    it('a user who may not create the index gets a warning, and sessions work', async () => {
      const limited = newStore({}, 'limited');
      await fail({ failCommands: ['createIndexes'], errorCode: 13 });
      const [warning, ...others] = await limited.open();
      expect(others).toEqual([]);
      expect(warning).toMatch(
        /may not create an index on ".*limited".*createIndex\(\{ x: 1 \}, \{ expireAfterSeconds: 60 \}\)/,
      );
      expect(await limited.create(idOf('limited'), recordOf())).toBe(true);
      await limited.close();
    });

    it.each([
      ['no privilege', 13, 'privileges'],
      ['a full disk', 14_031, 'disk'],
      ['a validator', 121, 'validator'],
    ])('%s is a refusal, with the remedy', async (_, errorCode, remedy) => {
      await fail({ failCommands: COMMANDS, errorCode }, 'always');
      const error = await errorOf(store.create(idOf('refused'), recordOf()));
      expect(error).toBeInstanceOf(StoreRefusedError);
      expect(error.message).toContain('[session:mongodb]');
      expect(error.message).toContain(remedy);
      expect(await outcomeOf(() => guarded(store).load(idOf('refused')))).toBe('SESSION_STORE_REFUSED');
    });

    it('a wrong password stops the start, and is not repeated in the message', async () => {
      await fail({ failCommands: ['saslStart'], errorCode: 18 }, 'always');
      const stranger = new MongoSessionStore({
        url: withParameters(replicaSetUrl.replace('://', '://zoe:open-sesame@'), { appName }),
      });
      const error = await errorOf(stranger.open());
      expect(error).toBeInstanceOf(StoreRefusedError);
      expect(error.message).toContain('check the user name, the password');
      expect(error.message).not.toContain('open-sesame');
      await stranger.close();
    });
  });
});

describeWithMongo('MongoSessionStore when a reply of a replica set is lost', ({ replicaSetUrl }) => {
  it('the driver asks once more, and is told what its write did', async () => {
    const { databaseName } = await freshDatabase(replicaSetUrl);
    const documents = (await mongoClient(replicaSetUrl))
      .db(databaseName)
      .collection<{ _id: string } & Document>('sessions');
    const proxy = await TcpProxy.start(Number(/:(\d+)/.exec(replicaSetUrl)?.[1]));
    const store = new MongoSessionStore({
      url: `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`,
      database: databaseName,
    });
    await store.open();
    const id = idOf('lost');
    /** The write is done, its reply is held back, and the connection breaks: the client never sees the reply. */
    const lost = async <T>(call: () => Promise<T>, done: Document, count: number): Promise<T> => {
      proxy.latencyMs = () => 60_000;
      const outcome = call();
      await expect.poll(() => documents.countDocuments(done)).toBe(count);
      proxy.latencyMs = () => 0;
      proxy.reset();
      return outcome;
    };
    const created = await lost(() => store.create(id, recordOf()), { _id: id }, 1);
    expect(created, 'its own record is not in its way').toBe(true);
    const change = updateOf({ set: { 'd:n': '1' }, expect: { 'd:n': null } });
    const updated = await lost(() => store.update(id, change, NOW), { _id: id, 'd.d:n': '1' }, 1);
    expect(updated, 'its own change is not a mismatch').toBe('done');
    const ended = await lost(() => store.destroy(id, NOW), { _id: id }, 0);
    expect(ended, 'it ended this very record').toEqual(recordOf({ data: { 'd:views': '1', 'd:n': '1' } }));
    await store.close();
    await proxy.close();
  });
});

// These start their own servers: nothing else can step down, ask for a password, or lose its majority.
describeWithMongod('MongoSessionStore on three members', () => {
  let url: string;
  let members: readonly Mongod[];
  let store: MongoSessionStore;
  beforeAll(async () => {
    ({ url, members } = await Mongod.startReplicaSet(3));
    store = new MongoSessionStore({ url });
    await store.open();
  });
  afterAll(() => store.close());

  it('a primary that steps down under load ends no session and loses nothing that was acknowledged', async () => {
    const guard = guarded(store);
    const id = idOf('step-down');
    await store.create(id, recordOf());
    const acknowledged: string[] = [];
    const outcomes = new Set<unknown>();
    const until = performance.now() + 10_000;
    const admin = (await mongoClient(url)).db('admin');
    const stepDown = admin.command({ replSetStepDown: 5, force: true });
    for (let i = 0; performance.now() < until; i++) {
      const outcome = await outcomeOf(async () =>
        guard.update(id, updateOf({ set: { [`d:${i}`]: '1' } }), NOW),
      );
      if (outcome === 'done') acknowledged.push(`d:${i}`);
      outcomes.add(outcome);
    }
    await stepDown;
    for (const outcome of outcomes)
      expect(['done', 'SESSION_STORE_TIMEOUT', 'SESSION_STORE_UNAVAILABLE']).toContain(outcome);
    await untilItWorks(async () => guard.load(id), 10_000);
    const record = await guard.load(id);
    expect(record).toMatchObject({ data: Object.fromEntries(acknowledged.map(field => [field, '1'])) });
    expect(acknowledged.length).toBeGreaterThan(0);
  }, 60_000);

  it('without a majority a write is an error in time, and a session that ended stays ended after it', async () => {
    const guard = guarded(store);
    const id = idOf('no majority');
    await store.create(id, recordOf());
    const { primary } = await (await mongoClient(url)).db('admin').command({ hello: 1 });
    const others = members.filter(({ port }) => !String(primary).endsWith(`:${port}`));
    for (const { child } of others) child.kill('SIGSTOP');
    const start = performance.now();
    expect(await outcomeOf(async () => guard.destroy(id, NOW))).toMatch(/^SESSION_STORE_/);
    expect(performance.now() - start).toBeLessThan(DEADLINE + 500);
    for (const { child } of others) child.kill('SIGCONT');
    await untilItWorks(async () => guard.destroy(id, NOW), 20_000);
    expect(await guard.load(id)).toBeUndefined();
  }, 60_000);
});

describeWithMongod('MongoSessionStore on a server that asks for a password', () => {
  it('refuses a wrong one at the start, and works with the privileges that the README lists', async () => {
    const server = await Mongod.start(['--auth']);
    const admin = { createUser: 'admin', pwd: 'admin', roles: ['root'] };
    await (await mongoClient(server.url)).db('admin').command(admin); // the first user needs none
    const database = (await mongoClient(server.url.replace('://', '://admin:admin@'))).db('shop');
    const actions = ['find', 'insert', 'update', 'remove', 'createIndex', 'listIndexes'];
    const privileges = [{ resource: { db: 'shop', collection: 'sessions' }, actions }];
    await database.command({ createRole: 'sessions', privileges, roles: [] });
    await database.command({ createUser: 'zoe', pwd: 'open-sesame', roles: ['sessions'] });

    const wrong = new MongoSessionStore({ url: `${server.url.replace('://', '://zoe:wrong@')}shop` });
    expect(await errorOf(wrong.open())).toBeInstanceOf(StoreRefusedError);
    await wrong.close();

    const store = new MongoSessionStore({ url: `${server.url.replace('://', '://zoe:open-sesame@')}shop` });
    expect(await store.open()).toEqual([]);
    expect(await store.create(idOf('a'), recordOf())).toBe(true);
    expect(await store.update(idOf('a'), updateOf({ set: { 'd:x': '1' }, expect: {} }), NOW)).toBe('done');
    await store.index.add('u', idOf('a'), NOW + HOUR, NOW);
    expect(await store.index.list('u', NOW)).toEqual([idOf('a')]);
    expect(await store.destroy(idOf('a'), NOW)).toBeDefined();
    expect(await store.prune(NOW)).toBe(0);
    await store.ping();
    await store.close();
  }, 60_000);
});
