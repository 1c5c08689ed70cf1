import assert from 'node:assert/strict';
import { assertRecord, DAY, HOUR, loaded, MINUTE, recordAt, updateAt, type StoreCase } from './store-case.js';

export const expiryCases: readonly StoreCase[] = [
  {
    name: 'load returns an expired record: the caller checks the expiry',
    needs: ['keepsExpired'],
    async run({ store, now, id }) {
      const record = recordAt(now, { expiresAt: now - 1, lastSeenAt: now - HOUR });
      await store.create(id('a'), record);
      assertRecord(await store.load(id('a')), record);
    },
  },
  {
    name: 'create returns false while an expired record is still stored, and leaves it unchanged',
    needs: ['keepsExpired'],
    async run({ store, now, id }) {
      const record = recordAt(now, { expiresAt: now - 1, lastSeenAt: now - HOUR });
      await store.create(id('a'), record);
      assert.equal(await store.create(id('a'), recordAt(now, { meta: 'other' })), false);
      assertRecord(await store.load(id('a')), record);
    },
  },
  {
    name: 'a record that is created with an expiry in the past is absent for update, touch and destroy',
    async run({ store, now, id }) {
      await store.create(id('a'), recordAt(now, { expiresAt: now - 1 }));
      assert.equal(await store.touch(id('a'), { expiresAt: now + DAY, lastSeenAt: now }, now), false);
      assert.equal(await store.update(id('a'), updateAt(now, { set: { 'd:late': '1' } }), now), 'gone');
      assert.equal(await store.destroy(id('a'), now), undefined);
    },
  },
  {
    name: 'for update, a record is present 1 ms before its expiry and absent exactly at it',
    async run({ store, now, id }) {
      const record = recordAt(now);
      await store.create(id('a'), record);
      const change = updateAt(now, { set: { 'd:late': '1' }, expiresAt: now + DAY });
      assert.equal(await store.update(id('a'), change, record.expiresAt), 'gone');
      assert.equal(await store.update(id('a'), change, record.expiresAt + MINUTE), 'gone');
      const expecting = { ...change, expect: { 'd:views': 'other' } };
      assert.equal(await store.update(id('a'), expecting, record.expiresAt), 'gone');
      assertRecord(await store.load(id('a')), record);
      assert.equal(await store.update(id('a'), change, record.expiresAt - 1), 'done');
      assert.equal((await loaded(store, id('a'))).expiresAt, now + DAY);
    },
  },
  {
    name: 'for touch, a record is present 1 ms before its expiry and absent exactly at it',
    async run({ store, now, id }) {
      const record = recordAt(now);
      await store.create(id('a'), record);
      const moments = { expiresAt: now + DAY, lastSeenAt: now + HOUR };
      assert.equal(await store.touch(id('a'), moments, record.expiresAt), false);
      assertRecord(await store.load(id('a')), record);
      assert.equal(await store.touch(id('a'), moments, record.expiresAt - 1), true);
      assertRecord(await store.load(id('a')), { ...record, ...moments });
    },
  },
  {
    name: 'for destroy, a record is present 1 ms before its expiry and absent exactly at it',
    async run({ store, now, id }) {
      const record = recordAt(now);
      await store.create(id('a'), record);
      assert.equal(await store.destroy(id('a'), record.expiresAt), undefined);
      assert.equal(await store.destroy(id('a'), record.expiresAt, { successor: id('b') }), undefined);
      assertRecord(await store.destroy(id('a'), record.expiresAt - 1), record);
    },
  },
  {
    name: 'update, touch and destroy check the current expiry, not the first one',
    async run({ store, now, id }) {
      await store.create(id('a'), recordAt(now));
      await store.touch(id('a'), { expiresAt: now + 2 * HOUR, lastSeenAt: now + 1 }, now + 1);
      assert.equal(
        await store.update(id('a'), updateAt(now, { expiresAt: now + 3 * HOUR }), now + HOUR),
        'done',
      );
      assert.equal(await store.touch(id('a'), { expiresAt: now, lastSeenAt: now }, now + 3 * HOUR - 1), true);
      assert.equal(await store.touch(id('a'), { expiresAt: now, lastSeenAt: now }, now + 3 * HOUR), false);
      assert.ok(await store.destroy(id('a'), now + 3 * HOUR - 1));
    },
  },
  {
    name: 'an update moves each moment forward only, independently of the other',
    async run({ store, now, id }) {
      const record = recordAt(now, { expiresAt: now + 2 * HOUR, lastSeenAt: now });
      // A store may write an update with expectations in another way.
      for (const [name, expecting] of [
        ['a', {}],
        ['b', { expect: { 'd:absent': null } }],
      ] as const) {
        await store.create(id(name), record);
        const move = async (expiresAt: number, lastSeenAt: number) => {
          const update = updateAt(now, { expiresAt, lastSeenAt, ...expecting });
          assert.equal(await store.update(id(name), update, now), 'done');
          const after = await loaded(store, id(name));
          return [after.expiresAt - now, after.lastSeenAt - now];
        };
        assert.deepEqual(await move(now + HOUR, now - MINUTE), [2 * HOUR, 0], 'both back');
        assert.deepEqual(await move(now + HOUR, now + 1), [2 * HOUR, 1], 'only the expiry back');
        assert.deepEqual(await move(now + 3 * HOUR, now), [3 * HOUR, 1], 'only the last use back');
        assert.deepEqual(await move(now + 3 * HOUR + 1, now + 2), [3 * HOUR + 1, 2], 'both forward');
        assert.deepEqual(await move(0, 0), [3 * HOUR + 1, 2], 'zeros');
        assertRecord(await store.load(id(name)), {
          ...record,
          expiresAt: now + 3 * HOUR + 1,
          lastSeenAt: now + 2,
        });
      }
    },
  },
  {
    name: 'a touch moves each moment forward only, independently of the other, and never rewrites data',
    async run({ store, now, id }) {
      const data = { 'd:a': '{"b":1}', 'd:\ud800': '"\\ud800"', 'd:nul\u0000': '\u0000', 'f:1': '🛒' };
      const record = recordAt(now, { expiresAt: now + 2 * HOUR, data });
      await store.create(id('a'), record);
      const move = async (expiresAt: number, lastSeenAt: number) => {
        assert.equal(await store.touch(id('a'), { expiresAt, lastSeenAt }, now), true);
        const after = await loaded(store, id('a'));
        return [after.expiresAt - now, after.lastSeenAt - now];
      };
      assert.deepEqual(await move(now + HOUR, now - MINUTE), [2 * HOUR, 0], 'both back');
      assert.deepEqual(await move(now + HOUR, now + 1), [2 * HOUR, 1], 'only the expiry back');
      assert.deepEqual(await move(now + 3 * HOUR, now), [3 * HOUR, 1], 'only the last use back');
      assert.deepEqual(await move(now + 3 * HOUR + 1, now + 2), [3 * HOUR + 1, 2], 'both forward');
      assert.deepEqual(await move(0, 0), [3 * HOUR + 1, 2], 'zeros');
      assertRecord(await store.load(id('a')), {
        ...record,
        expiresAt: now + 3 * HOUR + 1,
        lastSeenAt: now + 2,
      });
    },
  },
  {
    name: 'a touch between two updates keeps the data of both',
    async run({ store, peer, now, id }) {
      await store.create(id('a'), recordAt(now));
      await peer.update(id('a'), updateAt(now, { set: { 'd:x': '1' }, delete: ['d:views'] }), now);
      assert.equal(await store.touch(id('a'), { expiresAt: now + DAY, lastSeenAt: now + 1 }, now), true);
      await peer.update(id('a'), updateAt(now, { set: { 'd:y': '2' } }), now);
      assertRecord(
        await store.load(id('a')),
        recordAt(now, { expiresAt: now + DAY, lastSeenAt: now + 1, data: { 'd:x': '1', 'd:y': '2' } }),
      );
    },
  },
];
