import assert from 'node:assert/strict';
import {
  assertAbsent,
  assertMismatch,
  assertRecord,
  DAY,
  HOUR,
  loaded,
  MINUTE,
  recordAt,
  updateAt,
  type StoreCase,
} from './store-case.js';

/** Tries to change a record or an update. `Reflect.set` returns false for a frozen object, which is isolation too. */
function spoil(value: object): void {
  Reflect.set(value, 'expiresAt', 1);
  Reflect.set(value, 'meta', 'spoilt');
  for (const part of [value, Reflect.get(value, 'data') as object, Reflect.get(value, 'set') as object]) {
    if (part === undefined) continue;
    Reflect.set(part, 'd:views', 'spoilt');
    Reflect.set(part, 'd:extra', 'spoilt');
  }
}

export const recordsCases: readonly StoreCase[] = [
  {
    name: 'an unknown id is absent for every method, and no call creates it',
    async run({ store, now, id }) {
      await assertAbsent(store, id('a'), now);
      assert.equal(await store.destroy(id('a'), now), undefined);
      assert.equal(await store.load(id('a')), undefined);
      assert.equal(await store.create(id('a'), recordAt(now)), true, 'an earlier call created a record');
    },
  },
  {
    name: 'load returns a created record unchanged, with its moments exact to the millisecond',
    async run({ store, now, id }) {
      const record = recordAt(now, {
        expiresAt: now + 3_600_123,
        lastSeenAt: now - 4_567,
        meta: '{"user":"Zoë 🛒\\n","at":1}',
        data: { 'd:a': '1', 'd:b': '{"x":[1,2]}', 'f:1': '"hello"' },
      });
      assert.equal(await store.create(id('a'), record), true);
      assertRecord(await store.load(id('a')), record);
    },
  },
  {
    name: 'load writes nothing and moves no moment, and an expired record stays as it is',
    needs: ['keepsExpired'],
    async run({ store, now, id }) {
      const expired = recordAt(now, { expiresAt: now - 1, lastSeenAt: now - HOUR });
      await store.create(id('live'), recordAt(now, { lastSeenAt: now - HOUR }));
      await store.create(id('expired'), expired);
      for (let i = 0; i < 3; i++) {
        assertRecord(await store.load(id('live')), recordAt(now, { lastSeenAt: now - HOUR }));
        assertRecord(await store.load(id('expired')), expired);
      }
    },
  },
  {
    name: 'a record without data and meta can be created, updated and destroyed',
    async run({ store, now, id }) {
      const record = recordAt(now, { meta: '', data: {} });
      assert.equal(await store.create(id('a'), record), true);
      assertRecord(await store.load(id('a')), record);
      assert.equal(await store.update(id('a'), updateAt(now, { set: { 'd:a': '1' } }), now), 'done');
      assertRecord(await store.destroy(id('a'), now), { ...record, data: { 'd:a': '1' } });
    },
  },
  {
    name: 'a record that expires in 400 days is kept',
    async run({ store, now, id }) {
      const record = recordAt(now, { expiresAt: now + 400 * DAY });
      await store.create(id('a'), record);
      assertRecord(await store.load(id('a')), record);
      assert.equal(await store.update(id('a'), updateAt(now), now + 399 * DAY), 'done');
    },
  },
  {
    name: 'create never overwrites: if the id is taken, it returns false and the record stays unchanged',
    async run({ store, now, id }) {
      const record = recordAt(now);
      await store.create(id('a'), record);
      const other = recordAt(now, {
        expiresAt: now + DAY,
        lastSeenAt: now + 1,
        meta: 'other',
        data: { 'd:x': '9' },
      });
      assert.equal(await store.create(id('a'), other), false);
      assertRecord(await store.load(id('a')), record);
    },
  },
  {
    name: 'after a destroy the same id can be created again, without the old data',
    async run({ store, now, id }) {
      await store.create(id('a'), recordAt(now, { data: { 'd:old': '1' } }));
      await store.destroy(id('a'), now);
      const record = recordAt(now, { data: { 'd:new': '1' } });
      assert.equal(await store.create(id('a'), record), true);
      assertRecord(await store.load(id('a')), record);
    },
  },
  {
    name: 'a destroy returns the record with its latest data and leaves nothing',
    async run({ store, now, id }) {
      const record = recordAt(now, { data: { 'd:a': '1', 'd:b': '2' } });
      await store.create(id('a'), record);
      const change = updateAt(now, { set: { 'd:c': '3' }, delete: ['d:b'], lastSeenAt: now + 7 });
      await store.update(id('a'), change, now);
      assertRecord(await store.destroy(id('a'), now), {
        ...record,
        lastSeenAt: now + 7,
        data: { 'd:a': '1', 'd:c': '3' },
      });
      await assertAbsent(store, id('a'), now);
    },
  },
  {
    name: 'a second destroy of the same id returns nothing',
    async run({ store, now, id }) {
      await store.create(id('a'), recordAt(now));
      assertRecord(await store.destroy(id('a'), now), recordAt(now));
      assert.equal(await store.destroy(id('a'), now), undefined);
      assert.equal(await store.destroy(id('a'), now, { successor: id('b') }), undefined);
    },
  },
  {
    name: 'calls for one id do not change the record of another id',
    async run({ store, now, id }) {
      await store.create(id('a'), recordAt(now));
      await store.create(id('b'), recordAt(now, { meta: 'b' }));
      await store.update(id('a'), updateAt(now, { set: { 'd:views': '2' }, expiresAt: now + DAY }), now);
      assertRecord(await store.load(id('b')), recordAt(now, { meta: 'b' }));
      await store.destroy(id('a'), now);
      assertRecord(await store.load(id('b')), recordAt(now, { meta: 'b' }));
    },
  },
  {
    name: 'mutating an argument or a result does not change the store',
    async run({ store, now, id }) {
      const given = { ...recordAt(now), data: { ...recordAt(now).data } };
      await store.create(id('a'), given);
      spoil(given);
      assertRecord(await store.load(id('a')), recordAt(now));
      spoil(await loaded(store, id('a')));
      assertRecord(await store.load(id('a')), recordAt(now));
      const change = { ...updateAt(now), set: { 'd:n': '1' }, delete: ['d:none'] };
      await store.update(id('a'), change, now);
      change.delete.push('d:views');
      spoil(change);
      const expected = recordAt(now, { data: { 'd:views': '1', 'd:n': '1' } });
      assertRecord(await store.load(id('a')), expected);
      spoil(await loaded(store, id('a')));
      assertRecord(await store.load(id('a')), expected);
      await store.touch(id('a'), { expiresAt: now, lastSeenAt: now }, now);
      spoil(await loaded(store, id('a')));
      assertRecord(await store.load(id('a')), expected);
      const mismatch = await store.update(id('a'), updateAt(now, { expect: { 'd:n': '2' } }), now);
      assertMismatch(mismatch, { 'd:n': '1' });
      if (typeof mismatch === 'object') Reflect.set(mismatch.current, 'd:n', 'spoilt');
      assertRecord(await store.load(id('a')), expected);
    },
  },
  {
    name: 'a loaded record does not change when the stored one does',
    async run({ store, now, id }) {
      await store.create(id('a'), recordAt(now));
      const before = await loaded(store, id('a'));
      const change = updateAt(now, { set: { 'd:views': '2', 'd:n': '1' }, expiresAt: now + DAY });
      await store.update(id('a'), change, now);
      await store.touch(id('a'), { expiresAt: now + 2 * DAY, lastSeenAt: now + 9 }, now);
      assertRecord(before, recordAt(now));
    },
  },
  {
    name: 'a second store over the same place sees every change immediately',
    async run({ store, peer, now, id }) {
      await store.create(id('a'), recordAt(now));
      assert.equal(await peer.update(id('a'), updateAt(now, { set: { 'd:peer': '1' } }), now), 'done');
      assertRecord(await store.load(id('a')), recordAt(now, { data: { 'd:views': '1', 'd:peer': '1' } }));
      assert.equal(await peer.touch(id('a'), { expiresAt: now + DAY, lastSeenAt: now + MINUTE }, now), true);
      assert.equal((await loaded(store, id('a'))).expiresAt, now + DAY);
      assert.ok(await peer.destroy(id('a'), now));
      await assertAbsent(store, id('a'), now);
    },
  },
];
