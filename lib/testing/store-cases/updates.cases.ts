import assert from 'node:assert/strict';
import {
  assertMismatch,
  assertRecord,
  DAY,
  loaded,
  recordAt,
  updateAt,
  type StoreCase,
} from './store-case.js';

export const updatesCases: readonly StoreCase[] = [
  {
    name: 'an update sets and deletes the fields it names, and leaves the other fields and meta unchanged',
    async run({ store, now, id }) {
      const record = recordAt(now, { data: { 'd:a': '1', 'd:b': '2', 'd:c': '3', 'f:1': '4' } });
      await store.create(id('a'), record);
      const change = updateAt(now, { set: { 'd:a': '10', 'd:new': '5' }, delete: ['d:b', 'd:not-there'] });
      assert.equal(await store.update(id('a'), change, now), 'done');
      assertRecord(await store.load(id('a')), {
        ...record,
        data: { 'd:a': '10', 'd:c': '3', 'f:1': '4', 'd:new': '5' },
      });
    },
  },
  {
    name: 'of two updates that set the same field, the later one is kept, whatever their moments are',
    async run({ store, peer, now, id }) {
      await store.create(id('a'), recordAt(now));
      const first = updateAt(now, { set: { 'd:a': 'first' }, expiresAt: now + DAY, lastSeenAt: now + 5 });
      assert.equal(await store.update(id('a'), first, now + 5), 'done');
      assert.equal(await peer.update(id('a'), updateAt(now, { set: { 'd:a': 'later' } }), now), 'done');
      assert.equal((await loaded(store, id('a'))).data['d:a'], 'later');
      assert.equal(await store.update(id('a'), updateAt(now, { delete: ['d:a'] }), now), 'done');
      assert.equal((await loaded(peer, id('a'))).data['d:a'], undefined);
    },
  },
  {
    name: 'an update that names no field returns done and changes no data',
    async run({ store, now, id }) {
      await store.create(id('a'), recordAt(now));
      assert.equal(await store.update(id('a'), updateAt(now), now), 'done');
      assertRecord(await store.load(id('a')), recordAt(now));
    },
  },
  {
    name: 'a record still exists after its last field was deleted',
    async run({ store, now, id }) {
      const record = recordAt(now, { data: { 'd:a': '1', 'd:b': '2' } });
      await store.create(id('a'), record);
      assert.equal(await store.update(id('a'), updateAt(now, { delete: ['d:a', 'd:b'] }), now), 'done');
      assertRecord(await store.load(id('a')), { ...record, data: {} });
      assert.equal(await store.touch(id('a'), { expiresAt: now + DAY, lastSeenAt: now }, now), true);
    },
  },
  {
    name: 'an update is applied if all its expectations hold: texts or absence, for fields it writes and for others',
    async run({ store, now, id }) {
      const record = recordAt(now, { data: { 'd:a': '1', 'd:b': '2' } });
      await store.create(id('a'), record);
      const first = updateAt(now, { set: { 'd:c': '3' }, expect: { 'd:a': '1', 'd:c': null, 'd:z': null } });
      assert.equal(await store.update(id('a'), first, now), 'done');
      const second = updateAt(now, { delete: ['d:a'], expect: { 'd:a': '1', 'd:b': '2', 'd:c': '3' } });
      assert.equal(await store.update(id('a'), second, now), 'done');
      assert.equal(await store.update(id('a'), updateAt(now, { expect: {} }), now), 'done');
      assertRecord(await store.load(id('a')), { ...record, data: { 'd:b': '2', 'd:c': '3' } });
    },
  },
  {
    name: 'if an expectation does not hold, the update writes nothing, moves no moment and returns the current texts',
    async run({ store, now, id }) {
      const record = recordAt(now, { data: { 'd:a': '1', 'd:b': '2' } });
      await store.create(id('a'), record);
      const attempt = (expect: Record<string, string | null>) =>
        store.update(
          id('a'),
          {
            set: { 'd:a': '9', 'd:n': '9' },
            delete: ['d:b'],
            expect,
            expiresAt: now + DAY,
            lastSeenAt: now + 5,
          },
          now,
        );
      assertMismatch(await attempt({ 'd:a': '2' }), { 'd:a': '1' });
      assertMismatch(await attempt({ 'd:a': null }), { 'd:a': '1' });
      assertMismatch(await attempt({ 'd:z': '1' }), { 'd:z': null });
      assertMismatch(await attempt({ 'd:z': '' }), { 'd:z': null });
      assertMismatch(await attempt({ 'd:a': '' }), { 'd:a': '1' });
      assertMismatch(await attempt({ 'd:a': '1', 'd:b': '3', 'd:z': null, 'd:y': 'null' }), {
        'd:a': '1',
        'd:b': '2',
        'd:z': null,
        'd:y': null,
      });
      assertRecord(await store.load(id('a')), record);
    },
  },
  {
    name: 'a field with an empty text is present, not absent',
    async run({ store, now, id }) {
      await store.create(id('a'), recordAt(now, { data: { 'd:a': '' } }));
      assertMismatch(await store.update(id('a'), updateAt(now, { expect: { 'd:a': null } }), now), {
        'd:a': '',
      });
      const holds = updateAt(now, { set: { 'd:a': 'x' }, expect: { 'd:a': '' } });
      assert.equal(await store.update(id('a'), holds, now), 'done');
    },
  },
  {
    name: 'an update with expectations returns gone, not a mismatch, if the record is absent',
    async run({ store, now, id }) {
      assert.equal(await store.update(id('a'), updateAt(now, { expect: { 'd:a': '1' } }), now), 'gone');
      assert.equal(await store.update(id('a'), updateAt(now, { expect: { 'd:a': null } }), now), 'gone');
      assert.equal(await store.load(id('a')), undefined);
    },
  },
];
