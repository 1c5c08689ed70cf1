import { MongoClient } from 'mongodb';
import { MongoClient as MongoClient6 } from 'mongodb-6';
import { describe, expect, it } from 'vitest';
import type { MongoSessionStoreOptions } from './mongodb-session-store-options.interface.js';
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
  ])('%s is accepted', (_, options) => {
    expect(new MongoSessionStore(options)).toBeInstanceOf(MongoSessionStore);
  });

  it.each<[string, object, string]>([
    ['a url of another database', { url: 'redis://localhost' }, '"url" is not a connection string'],
    ['a url without a host', { url: 'mongodb://' }, '"url" is not a connection string'],
    ['a url that is an object', { url: new URL('mongodb://localhost') }, '"url" is not'],
    ['a client that is not a client', { client: {} }, '"client" is not a client of mongodb'],
    ['a url as client', { client: 'mongodb://localhost' }, '"client" is not a client of mongodb'],
    ['a class as client', { client: MongoClient }, '"client" is not a client of mongodb'],
    ['url and client', { url: 'mongodb://localhost', client }, '"url" is given together with "client"'],
    ['a database without a name', { database: '' }, '"database" is not the name'],
    ['a database that is an object', { database: client.db() }, '"database" is not the name'],
    ['a collection without a name', { collection: '' }, '"collection" is not a collection'],
    ['a collection with a dollar', { collection: 'a$b' }, '"collection" is not a collection'],
    [
      'a collection that is not a collection',
      { collection: { find: () => 1 } },
      '"collection" is not a collection',
    ],
    [
      'a client together with a Collection',
      { client, collection },
      '"client" has no effect with a Collection',
    ],
    [
      'a url together with a Collection',
      { url: 'mongodb://a', collection },
      '"url" has no effect with a Collection',
    ],
    ['a database together with a Collection', { database: 'x', collection }, '"database" has no effect with'],
  ])('%s is refused at once', (_, options, message) => {
    expect(() => new MongoSessionStore(options)).toThrow(TypeError);
    expect(() => new MongoSessionStore(options)).toThrow(`[session:mongodb] ${message}`);
  });
});
