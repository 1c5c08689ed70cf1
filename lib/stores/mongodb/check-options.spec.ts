import { MongoClient } from 'mongodb';
import { MongoClient as MongoClient6 } from 'mongodb-6';
import { describe, expect, it } from 'vitest';
import type { MongoSessionStoreOptions } from './mongo-session-store-options.interface.js';
import { MongoSessionStore } from './mongodb.store.js';

const client = new MongoClient('mongodb://localhost');
const collection = client.db('shop').collection('sessions');

describe('the options of MongoSessionStore', () => {
  it.each<[string, MongoSessionStoreOptions | undefined]>([
    ['nothing', undefined],
    ['options that are undefined', { url: undefined, client: undefined, collection: undefined }],
    ['a url', { url: 'mongodb://localhost/shop' }],
    ['a url of a cluster by name', { url: 'mongodb+srv://user:pw@cluster.example.org/shop' }],
    ['names', { url: 'mongodb://a,b,c/?replicaSet=rs0', database: 'shop', collection: 'my.sessions' }],
    ['a client', { client, database: 'shop' }],
    ['a client of the driver 6', { client: new MongoClient6('mongodb://localhost') }],
    ['a Collection', { collection }],
    ['what the module adds for all stores', { clock: { now: () => 0 } } as MongoSessionStoreOptions],
  ])('%s will do', (_, options) => {
    expect(new MongoSessionStore(options)).toBeInstanceOf(MongoSessionStore);
  });

  it.each<[string, object, string]>([
    ['a url of another database', { url: 'redis://localhost' }, '"url" must be a connection string'],
    ['a url without a host', { url: 'mongodb://' }, '"url" must be a connection string'],
    ['a url that is an object', { url: new URL('mongodb://localhost') }, '"url" must be'],
    ['a client that is none', { client: {} }, '"client" must be a MongoClient'],
    ['a url as client', { client: 'mongodb://localhost' }, '"client" must be a MongoClient'],
    ['a class as client', { client: MongoClient }, '"client" must be a MongoClient'],
    ['url and client', { url: 'mongodb://localhost', client }, '"url" is given together with "client"'],
    ['a database without a name', { database: '' }, '"database" must be the name'],
    ['a database that is an object', { database: client.db() }, '"database" must be the name'],
    ['a collection without a name', { collection: '' }, '"collection" must be the name'],
    ['a collection with a dollar', { collection: 'a$b' }, '"collection" must be the name'],
    ['a collection that is none', { collection: { find: () => 1 } }, '"collection" must be the name'],
    ['a client beside a Collection', { client, collection }, '"client" has no effect beside a Collection'],
    [
      'a url beside a Collection',
      { url: 'mongodb://a', collection },
      '"url" has no effect beside a Collection',
    ],
    ['a database beside a Collection', { database: 'x', collection }, '"database" has no effect beside'],
  ])('%s is refused at once', (_, options, message) => {
    expect(() => new MongoSessionStore(options)).toThrow(TypeError);
    expect(() => new MongoSessionStore(options)).toThrow(`[session:mongodb] ${message}`);
  });
});
