import {
  type Collection,
  type CommandStartedEvent,
  Decimal128,
  type Document,
  Double,
  Int32,
  Long,
  MongoClient,
} from 'mongodb';
import { MongoClient as MongoClient6 } from 'mongodb-6';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithMongo, freshDatabase, withParameters } from '../../../test/support/mongodb-server.js';
import { HOUR, idOf, NOW, recordOf, updateOf } from '../../../test/support/redis-records.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import type { MongoSessionStoreOptions } from './mongodb-session-store-options.interface.js';
import { MongoSessionStore } from './mongodb.store.js';
import { nameOf } from './session-document.js';

/** What the commands of one call were, with what they carried. */
function watch(client: MongoClient) {
  const commands: Document[] = [];
  client.on('commandStarted', ({ command }: CommandStartedEvent) => commands.push(command));
  return async (call: () => Promise<unknown>): Promise<Document[]> => {
    commands.length = 0;
    await call();
    return commands.slice();
  };
}

const nameOfCommand = (command: Document) => Object.keys(command)[0];

/** The write concerns of a create, an update, one that expects, a touch, a rotation, a destroy and an index.add. */
async function concerns(options: MongoSessionStoreOptions, client: MongoClient): Promise<unknown[]> {
  const other = new MongoSessionStore(options);
  await other.open();
  const id = idOf('concern');
  const sent = await watch(client)(async () => {
    await other.create(id, recordOf());
    await other.update(id, updateOf({ set: { 'd:x': '1' } }), NOW);
    await other.update(id, updateOf({ set: { 'd:x': '1' }, expect: {} }), NOW);
    await other.touch(id, { expiresAt: NOW, lastSeenAt: NOW }, NOW);
    await other.destroy(id, NOW, { successor: idOf('concern 2') });
    await other.create(idOf('concern 2'), recordOf());
    await other.destroy(idOf('concern 2'), NOW);
    await other.index.add('u', id, NOW + HOUR, NOW);
  });
  return sent.map(command => command['writeConcern'] as unknown);
}

describeWithMongo('MongoSessionStore and its documents', ({ url }) => {
  let client: MongoClient;
  let documents: Collection<{ _id: string } & Document>;
  let store: MongoSessionStore;
  let during: ReturnType<typeof watch>;
  beforeAll(async () => {
    const database = await freshDatabase(url);
    documents = database.collection('sessions');
    client = new MongoClient(url, { monitorCommands: true });
    during = watch(client);
    store = new MongoSessionStore({ client, database: database.databaseName });
    await store.open();
  });
  afterAll(() => client.close());

  describe('what it costs', () => {
    it('each verb is one command, an update with expectations and a rotation included', async () => {
      const [a, b, gone] = [idOf('cost a'), idOf('cost b'), idOf('cost gone')];
      const calls: [verb: string, call: () => Promise<unknown>, commands: string[]][] = [
        ['create', () => store.create(a, recordOf()), ['insert']],
        ['create of a taken id', () => store.create(a, recordOf()), ['insert']],
        ['load', () => store.load(a), ['find']],
        ['load of nothing', () => store.load(gone), ['find']],
        [
          'update',
          () => store.update(a, updateOf({ set: { 'd:x': '1' }, delete: ['d:y'] }), NOW),
          ['update'],
        ],
        [
          'update that expects',
          () => store.update(a, updateOf({ expect: { 'd:x': '1' } }), NOW),
          ['findAndModify'],
        ],
        ['mismatch', () => store.update(a, updateOf({ expect: { 'd:x': '2' } }), NOW), ['findAndModify']],
        ['update of nothing', () => store.update(gone, updateOf({ expect: {} }), NOW), ['findAndModify']],
        ['touch', () => store.touch(a, { expiresAt: NOW, lastSeenAt: NOW }, NOW), ['update']],
        ['rotation', () => store.destroy(a, NOW, { successor: b }), ['findAndModify']],
        ['rotation of nothing', () => store.destroy(gone, NOW, { successor: b }), ['findAndModify']],
        ['destroy of nothing', () => store.destroy(gone, NOW), ['findAndModify', 'find']],
        ['an id that is none', () => store.load('$ne'), []],
        ['index.add', async () => store.index.add('u', b, NOW + HOUR, NOW), ['update']],
        ['index.confirm', async () => store.index.confirm('u', b), ['find']],
        ['index.list', async () => store.index.list('u', NOW), ['find']],
        ['index.remove', async () => store.index.remove('u', [b]), ['update']],
      ];
      for (const [verb, call, expected] of calls) {
        expect((await during(call)).map(nameOfCommand), verb).toEqual(expected);
      }
      await store.create(b, recordOf());
      expect((await during(() => store.destroy(b, NOW))).map(nameOfCommand)).toEqual(['findAndModify']);
    });

    it('only create can insert: nothing else upserts a session', async () => {
      const id = idOf('no upsert');
      const sent = await during(async () => {
        await store.update(id, updateOf({ set: { 'd:x': '1' } }), NOW);
        await store.update(id, updateOf({ set: { 'd:x': '1' }, expect: { 'd:x': null } }), NOW);
        await store.touch(id, { expiresAt: NOW + HOUR, lastSeenAt: NOW }, NOW);
        await store.destroy(id, NOW, { successor: idOf('other') });
      });
      expect(JSON.stringify(sent)).not.toContain('"upsert":true');
      expect(await documents.countDocuments({ _id: id })).toBe(0);
    });

    it('every command is bounded in time on the server', async () => {
      const id = idOf('bounded');
      const sent = await during(async () => {
        await store.create(id, recordOf());
        await store.load(id);
        await store.update(id, updateOf({ set: { 'd:x': '1' }, expect: {} }), NOW);
        await store.touch(id, { expiresAt: NOW, lastSeenAt: NOW }, NOW);
        await store.destroy(id, NOW);
        await store.index.add('u', id, NOW + HOUR, NOW);
        await store.index.list('u', NOW);
      });
      expect(sent).toHaveLength(7);
      for (const command of sent) expect(command['maxTimeMS'], nameOfCommand(command)).toBe(5_000);
    });
  });

  describe('what is stored', () => {
    it('one document: moments, meta, texts under safe names, and the date for collecting', async () => {
      const fields = ['d:views', 'd:a.b', 'd:$set', 'd:', '__proto__', 'd:\ud800', 'd:\ufffd', 'f:1:info'];
      const data = Object.fromEntries(fields.map(field => [field, `text of ${field.length}`]));
      await store.create(idOf('shape'), recordOf({ data }));
      const document = await documents.findOne({ _id: idOf('shape') });
      expect(document).toEqual({
        _id: idOf('shape'),
        e: NOW + HOUR,
        s: NOW,
        m: 'meta',
        x: new Date(NOW + HOUR),
        d: Object.fromEntries(Object.entries(data).map(([field, text]) => [nameOf(field), text])),
      });
      const names = Object.keys(document?.['d'] as object);
      expect(new Set(names).size).toBe(fields.length);
      for (const name of names) expect(name).toMatch(/^(?:[a-z]:[\w-]*|=[\w-]*)$/);
      expect(names).toContain('d:views'); // as it is, for people who look into their database
    });

    it('the date moves with the expiry, by update and by touch; a mark has its own', async () => {
      const id = idOf('date');
      const date = async () => (await documents.findOne({ _id: id }))?.['x'] as Date;
      await store.create(id, recordOf());
      await store.touch(id, { expiresAt: NOW + 2 * HOUR, lastSeenAt: NOW }, NOW);
      expect(await date()).toEqual(new Date(NOW + 2 * HOUR));
      await store.update(id, updateOf({ expiresAt: NOW + 3 * HOUR }), NOW);
      expect(await date()).toEqual(new Date(NOW + 3 * HOUR));
      await store.update(id, updateOf({ expiresAt: NOW + 4 * HOUR, expect: { 'd:no': null } }), NOW);
      expect(await date()).toEqual(new Date(NOW + 4 * HOUR));
      await store.destroy(id, NOW, { successor: idOf('date 2') });
      const mark = { _id: id, r: idOf('date 2'), u: NOW + 60_000, x: new Date(NOW + 60_000) };
      expect(await documents.findOne({ _id: id })).toEqual(mark);
    });

    it('a compare and set writes texts as they are, and leaves nothing else behind', async () => {
      const id = idOf('compare and set');
      await store.create(id, recordOf());
      const set = { 'd:a': '$e', 'd:b': '$$ROOT', 'd:c': '$$REMOVE', 'd:d': '{"$add":[1]}', 'd:.': '' };
      const change = updateOf({ set, delete: ['d:views'], lastSeenAt: NOW + 1, expect: { 'd:views': '1' } });
      expect(await store.update(id, change, NOW)).toBe('done');
      expect(await documents.findOne({ _id: id })).toEqual({
        _id: id,
        e: NOW + HOUR,
        s: NOW + 1,
        m: 'meta',
        x: new Date(NOW + HOUR),
        d: Object.fromEntries(Object.entries(set).map(([field, text]) => [nameOf(field), text])),
      });
      expect(await store.load(id)).toMatchObject({ data: set });
      const before = await documents.findOne({ _id: id });
      expect(await store.update(id, { ...change, expiresAt: NOW + 2 * HOUR }, NOW)).toEqual({
        current: { 'd:views': null },
      });
      expect(await documents.findOne({ _id: id })).toEqual(before);
    });

    it('an expiry beyond all dates is not collected at once', async () => {
      await store.create(idOf('for ever'), recordOf({ expiresAt: Number.MAX_SAFE_INTEGER }));
      expect((await documents.findOne({ _id: idOf('for ever') }))?.['x']).toEqual(new Date(8.64e15));
    });

    it('users are stored as a hash only, and their lists are not sessions', async () => {
      await store.index.add('zoë@example.org', idOf('listed'), NOW + HOUR, NOW);
      const lists = await documents.find({ _id: /^user:/ }).toArray();
      expect(lists.length).toBeGreaterThan(0);
      expect(JSON.stringify(lists)).not.toContain('example');
      for (const { _id } of lists) {
        expect(await store.load(_id)).toBeUndefined();
        expect(await store.load(_id.slice('user:'.length))).toBeUndefined();
      }
    });
  });

  describe('documents of others', () => {
    const shapes: [string, Document][] = [
      ['nothing of ours', { hello: 'world' }],
      ['connect-mongo', { expires: new Date(NOW + HOUR), session: '{"cookie":{}}' }],
      ['no meta', { e: NOW + HOUR, s: NOW, d: {} }],
      ['meta of another type', { e: NOW + HOUR, s: NOW, m: 5, d: {} }],
      ['an expiry in words', { e: 'soon', s: NOW, m: '', d: {} }],
      ['an expiry that is a date', { e: new Date(NOW + HOUR), s: NOW, m: '', d: {} }],
      ['an expiry that is never', { e: Infinity, s: NOW, m: '', d: {} }],
      ['an expiry beyond all dates', { e: Long.MAX_VALUE, s: NOW, m: '', d: {} }],
      [
        'an expiry of another kind of number',
        { e: Decimal128.fromString('9999999999999'), s: NOW, m: '', d: {} },
      ],
      ['a last use that is not a number', { e: NOW + HOUR, s: NaN, m: '', d: {} }],
      ['no last use', { e: NOW + HOUR, m: '', d: {} }],
      ['data as one text', { e: NOW + HOUR, s: NOW, m: '', d: '{}' }],
      ['data as a list', { e: NOW + HOUR, s: NOW, m: '', d: [] }],
      ['data that is null', { e: NOW + HOUR, s: NOW, m: '', d: null }],
      ['a successor of another type', { r: 5, u: NOW + HOUR }],
      ['half a mark', { r: idOf('x') }],
    ];

    it.each(shapes)('%s: broken for load, absent for the others, and left as it is', async (name, shape) => {
      const _id = idOf(`foreign ${name}`);
      await documents.insertOne({ _id, ...shape });
      expect(await store.load(_id)).toBe('broken');
      expect(await store.create(_id, recordOf())).toBe(false);
      expect(await store.update(_id, updateOf({ set: { 'd:x': '1' } }), NOW)).toBe('gone');
      expect(await store.update(_id, updateOf({ expect: { 'd:x': null } }), NOW)).toBe('gone');
      expect(await store.touch(_id, { expiresAt: NOW + HOUR, lastSeenAt: NOW }, NOW)).toBe(false);
      expect(await store.destroy(_id, NOW)).toBeUndefined();
      expect(await store.destroy(_id, NOW, { successor: idOf('y') })).toBeUndefined();
      await store.prune(NOW + 2 * HOUR);
      expect(await documents.findOne({ _id })).toEqual({ _id, ...shape });
    });

    it('a value that is not a text is one broken value: it reads as the empty text until it is assigned', async () => {
      const _id = idOf('not a text');
      const odd = { 'd:n': 5, 'd:list': ['x'], 'd:null': null, 'd:ok': '1', stranger: 'x', '=': 'y' };
      await documents.insertOne({ _id, e: NOW + HOUR, s: NOW, m: '', x: new Date(NOW + HOUR), d: odd });
      const data = { 'd:n': '', 'd:list': '', 'd:null': '', 'd:ok': '1', '': 'y' };
      expect(await store.load(_id)).toMatchObject({ data });
      const attempt = (expect: Record<string, string | null>) =>
        store.update(_id, updateOf({ set: { 'd:n': '6' }, expect }), NOW);
      expect(await attempt({ 'd:n': '5' })).toEqual({ current: { 'd:n': '' } });
      expect(await attempt({ 'd:n': null, 'd:ok': '1' })).toEqual({ current: { 'd:n': '', 'd:ok': '1' } });
      expect(await attempt({ 'd:n': '', 'd:list': '', 'd:null': '' })).toBe('done');
      expect(await store.destroy(_id, NOW)).toMatchObject({ data: { ...data, 'd:n': '6' } });
    });

    it('a number from another tool is a number, whichever BSON type it has', async () => {
      const _id = idOf('other numbers');
      const moments = { e: Long.fromNumber(NOW + HOUR), s: new Double(NOW) };
      await documents.insertOne({ _id, ...moments, m: '', x: new Date(NOW + HOUR), d: {} });
      expect(await store.load(_id)).toEqual({ expiresAt: NOW + HOUR, lastSeenAt: NOW, meta: '', data: {} });
      expect(await store.touch(_id, { expiresAt: NOW + 2 * HOUR, lastSeenAt: NOW }, NOW)).toBe(true);
      await documents.insertOne({ _id: idOf('small'), e: new Int32(5), s: new Int32(1), m: '', d: {} });
      expect(await store.load(idOf('small'))).toMatchObject({ expiresAt: 5, lastSeenAt: 1 });
    });

    it('a list of a user that is damaged is an error, not an empty list', async () => {
      await store.index.add('damaged', idOf('listed'), NOW + HOUR, NOW);
      const [list] = await documents
        .find({ [`sessions.${idOf('listed')}`]: NOW + HOUR, x: new Date(NOW + HOUR) })
        .toArray();
      const lists = await documents.find({ _id: /^user:/ }).toArray();
      expect(list).toBeDefined();
      await documents.updateMany(
        { _id: { $in: lists.map(({ _id }) => _id) } },
        { $set: { sessions: 'none' } },
      );
      await expect(store.index.list('damaged', NOW)).rejects.toThrow(/list of a user's sessions is damaged/);
    });
  });

  describe('expiry', () => {
    it('the list of a user may be removed when its last entry ends, in whichever order the entries are added', async () => {
      const [middle, short, long] = [idOf('middle'), idOf('short'), idOf('long')];
      await store.index.add('list', middle, NOW + 2 * HOUR, NOW);
      await store.index.add('list', short, NOW + HOUR, NOW);
      expect(await documents.findOne({ [`sessions.${short}`]: { $exists: true } })).toMatchObject({
        x: new Date(NOW + 2 * HOUR),
      });
      await store.index.add('list', long, NOW + 3 * HOUR, NOW);
      expect(await documents.findOne({ [`sessions.${middle}`]: { $exists: true } })).toMatchObject({
        x: new Date(NOW + 3 * HOUR),
      });
    });

    it('the index for collecting is there, a minute behind our clock, and making it again changes nothing', async () => {
      const others = Array.from(
        { length: 10 },
        () => new MongoSessionStore({ client, database: documents.dbName }),
      );
      for (const other of [store, ...others]) expect(await other.open()).toEqual([]);
      expect(await Promise.all(others.map(other => other.open()))).toEqual(others.map(() => []));
      const indexes = (await documents.indexes()).filter(({ key }) => 'x' in key);
      expect(indexes).toMatchObject([{ key: { x: 1 }, expireAfterSeconds: 60 }]);
    });

    it('ten applications that start at once on a collection that is not there all start', async () => {
      const collection = 'started-at-once';
      const stores = Array.from(
        { length: 10 },
        () => new MongoSessionStore({ client, database: documents.dbName, collection }),
      );
      expect(await Promise.all(stores.map(one => one.open()))).toEqual(stores.map(() => []));
    });

    it('a session ends by our clock while its document is still there, and load shows it', async () => {
      const id = idOf('expired');
      await store.create(id, recordOf({ expiresAt: NOW - 1 }));
      expect(await store.load(id)).toEqual(recordOf({ expiresAt: NOW - 1 }));
      expect(await store.touch(id, { expiresAt: NOW + HOUR, lastSeenAt: NOW }, NOW)).toBe(false);
      expect(await documents.countDocuments({ _id: id })).toBe(1);
    });

    it('an index that is dropped while we run changes nothing, and the next start makes it again', async () => {
      await documents.dropIndex('x_1');
      const id = idOf('without index');
      expect(await store.create(id, recordOf())).toBe(true);
      expect(await store.update(id, updateOf({ set: { 'd:x': '1' } }), NOW + HOUR)).toBe('gone');
      expect(await store.destroy(id, NOW)).toBeDefined();
      expect(await store.open()).toEqual([]);
      expect(await documents.indexExists('x_1')).toBe(true);
    });

    it.each([
      ['keeps documents for longer', { expireAfterSeconds: 86_400 }],
      ['collects nothing', {}],
      ['collects nothing, by another name', { name: 'mine' }],
    ])('another index on the date that %s stops the start, with the remedy', async (_, options) => {
      const taken = documents.db.collection(`conflict-${Object.values(options).join('')}`);
      await taken.createIndex({ x: 1 }, options, {});
      const late = new MongoSessionStore({
        client,
        database: documents.dbName,
        collection: taken.collectionName,
      });
      await expect(late.open()).rejects.toThrow(StoreRefusedError);
      await expect(late.open()).rejects.toThrow(/different index on "x".*\.dropIndex\(\{ x: 1 \}\)/);
    });

    it('the same index by another name is as good', async () => {
      const taken = documents.db.collection('same-index');
      await taken.createIndex({ x: 1 }, { expireAfterSeconds: 60, name: 'mine' }, {});
      const late = new MongoSessionStore({ client, database: documents.dbName, collection: 'same-index' });
      expect(await late.open()).toEqual([]);
    });

    it('prune works through more than one batch, and takes marks and lists of users along', async () => {
      const collection = 'pruned';
      const pruned = documents.db.collection<{ _id: string } & Document>(collection);
      const bulk = Array.from({ length: 2_300 }, (_, i) => ({
        _id: idOf(`bulk ${i}`),
        e: NOW - i,
        s: 0,
        m: '',
        x: new Date(NOW - i),
        d: {},
      }));
      await pruned.insertMany(bulk);
      const other = new MongoSessionStore({ client, database: documents.dbName, collection });
      await other.index.add('old', idOf('a'), NOW - 1, NOW - HOUR);
      await other.index.add('new', idOf('a'), NOW + 1, NOW - HOUR);
      await other.create(idOf('rotated'), recordOf());
      await other.destroy(idOf('rotated'), NOW - HOUR, { successor: idOf('next') });
      await pruned.insertOne({ _id: 'theirs', x: new Date(0) });
      expect(await other.prune(NOW)).toBe(2_300);
      expect(await pruned.countDocuments()).toBe(2); // the list of "new", and what is not ours
      expect(await other.index.list('new', NOW)).toEqual([idOf('a')]);
    });
  });

  describe('whose client it is', () => {
    it('a client of the user stays open when the store is closed, and the store goes on', async () => {
      const other = new MongoSessionStore({ client, database: documents.dbName });
      await other.close();
      await other.close();
      expect(await client.db('admin').command({ ping: 1 })).toMatchObject({ ok: 1 });
      expect(await other.load(idOf('nobody'))).toBeUndefined();
    });

    it('a client of the user that was never connected is connected', async () => {
      const fresh = new MongoClient(url);
      const other = new MongoSessionStore({ client: fresh, database: documents.dbName });
      await store.create(idOf('fresh'), recordOf());
      expect(await other.load(idOf('fresh'))).toEqual(recordOf());
      await fresh.close();
    });

    it.each([
      ['7', MongoClient],
      ['6', MongoClient6],
    ])('a Collection of the driver %s will do, with all it says about writes', async (_, Client) => {
      const theirs = new Client(url);
      const collection = theirs
        .db(documents.dbName)
        .collection('theirs', { writeConcern: { w: 1 }, readPreference: 'secondary' });
      const other = new MongoSessionStore({ collection });
      expect(await other.open()).toEqual([]);
      expect(await other.create(idOf('theirs'), recordOf())).toBe(true);
      expect(
        await documents.db.collection<{ _id: string }>('theirs').countDocuments({ _id: idOf('theirs') }),
      ).toBe(1);
      expect(await other.destroy(idOf('theirs'), NOW)).toEqual(recordOf());
      await other.close();
      expect(await theirs.db('admin').command({ ping: 1 })).toMatchObject({ ok: 1 });
      await theirs.close();
    });

    it('its own client is closed, and every call is then an error, never "absent"', async () => {
      const own = new MongoSessionStore({ url, database: documents.dbName });
      await store.create(idOf('closed'), recordOf());
      expect(await own.load(idOf('closed'))).toEqual(recordOf());
      await own.close();
      await own.close();
      await expect(own.load(idOf('closed'))).rejects.toThrow('[session:mongodb] the store is closed');
      await expect(own.destroy(idOf('closed'), NOW)).rejects.toThrow('[session:mongodb] the store is closed');
      await expect(own.open()).rejects.toThrow('[session:mongodb] the store is closed');
    });

    it('a store that was never used has nothing to close', async () => {
      await new MongoSessionStore({ url }).close();
    });

    it('a store that was not opened creates its index during the first call', async () => {
      const unopened = new MongoSessionStore({ client, database: documents.dbName, collection: 'unopened' });
      expect(await unopened.load(idOf('nobody'))).toBeUndefined();
      await expect.poll(() => documents.db.collection('unopened').indexes()).toHaveLength(2);
      await unopened.ping();
    });

    it('a conflict that is found after the start is a warning and a failed ping, while sessions work', async () => {
      const collection = 'late-conflict';
      await documents.db.collection(collection).createIndex({ x: 1 }, {}, {});
      const unopened = new MongoSessionStore({ client, database: documents.dbName, collection });
      const warned = new Promise<Error>(resolve => process.once('warning', resolve));
      expect(await unopened.create(idOf('late'), recordOf())).toBe(true);
      expect((await warned).message).toContain('different index on "x"');
      await expect(unopened.ping()).rejects.toThrow(StoreRefusedError);
      expect(await unopened.load(idOf('late'))).toEqual(recordOf());
    });
  });

  describe('what is acknowledged', () => {
    it.each([
      ['nothing said', {}, { w: 'majority', wtimeout: 800 }, { w: 'majority', wtimeout: 800 }],
      ['w: 1', { w: 1 }, { w: 'majority', wtimeout: 800 }, { w: 1, wtimeout: 800 }],
      ['no acknowledgement', { w: 0 }, { w: 'majority', wtimeout: 800 }, { w: 'majority', wtimeout: 800 }],
      [
        'a time limit of its own',
        { wtimeoutMS: 300 },
        { w: 'majority', wtimeout: 300 },
        { w: 'majority', wtimeout: 300 },
      ],
      [
        'the journal',
        { journal: true },
        { w: 'majority', wtimeout: 800, j: true },
        { w: 'majority', wtimeout: 800, j: true },
      ],
    ])('%s: what begins and ends sessions waits for the majority', async (_, asked, always, updates) => {
      const own = new MongoClient(withParameters(url, asked as Record<string, string>), {
        monitorCommands: true,
      });
      const sent = await concerns({ client: own, database: documents.dbName }, own);
      expect(sent).toEqual([always, updates, updates, updates, always, always, always, always]);
      await own.close();
    });
  });
});
