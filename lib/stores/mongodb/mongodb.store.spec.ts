import { MongoClient as MongoClient6 } from 'mongodb-6';
import { MongoClient } from 'mongodb';
import { afterAll, it } from 'vitest';
import { describeWithMongo } from '../../../test/support/mongodb-server.js';
import { sessionStoreCases } from '../../../test/support/session-store.cases.js';
import type { MongoSessionStoreOptions } from './mongodb-store-options.interface.js';
import { MongoSessionStore } from './mongodb.store.js';

const database = `nestjs-http-session-${process.pid}`;
let places = 0;

/** The shared cases over stores made with these options, each case in a collection of its own. */
function conformance(options: () => MongoSessionStoreOptions): void {
  const collections = new WeakMap<object, string>();
  const open = async (collection = `sessions${places++}`): Promise<MongoSessionStore> => {
    const store = new MongoSessionStore({ database, ...options(), collection });
    await store.open();
    collections.set(store, collection);
    return store;
  };
  const cases = sessionStoreCases<MongoSessionStore>({
    create: () => open(),
    peer: store => open(collections.get(store)),
    stranger: () => open(),
    dispose: store => store.close(),
    features: { prune: true },
  });
  for (const test of cases) it(test.name, () => test.run());
}

describeWithMongo('MongoSessionStore', ({ replicaSetUrl }) => {
  conformance(() => ({ url: replicaSetUrl }));
});

describeWithMongo('MongoSessionStore over clients that are set up in their own way', ({ url }) => {
  // All that changes where commands go, what is acknowledged and what comes back; and the driver's version 6.
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
  const clients = [new MongoClient6(url, settings), new MongoClient(url, settings)];
  let turn = 0;
  afterAll(() => Promise.all(clients.map(client => client.close())));
  conformance(() => ({ client: clients[turn++ % 2]! }));
});
