import assert from 'node:assert/strict';
import {
  assertAbsent,
  assertRecord,
  DAY,
  indexOf,
  prune,
  recordAt,
  updateAt,
  type StoreCase,
} from './store-case.js';

export const prefixesCases: readonly StoreCase[] = [
  {
    name: 'two stores with different prefixes do not share records',
    needs: ['stranger'],
    async run({ store, stranger, now, id }) {
      await store.create(id('a'), recordAt(now));
      await assertAbsent(stranger, id('a'), now);
      assert.equal(await stranger.destroy(id('a'), now), undefined);
      assert.equal(await stranger.create(id('a'), recordAt(now, { meta: 'stranger' })), true);
      await stranger.update(id('a'), updateAt(now, { set: { 'd:a': '1' }, expiresAt: now + DAY }), now);
      assertRecord(await store.load(id('a')), recordAt(now));
      assert.equal((await stranger.destroy(id('a'), now))?.meta, 'stranger');
      assertRecord(await store.load(id('a')), recordAt(now));
    },
  },
  {
    name: 'two stores with different prefixes do not share the marks of rotations',
    needs: ['stranger'],
    async run({ store, stranger, now, id }) {
      for (const label of ['old', 'new']) {
        await store.create(id(label), recordAt(now));
        await stranger.create(id(label), recordAt(now));
      }
      assert.ok(await store.destroy(id('old'), now, { successor: id('new') }));
      assert.ok(await stranger.destroy(id('old'), now));
      assert.equal(await stranger.destroy(id('old'), now), undefined);
      assertRecord(await stranger.load(id('new')), recordAt(now));
    },
  },
  {
    name: 'two stores with different prefixes do not share index entries',
    needs: ['stranger', 'index'],
    async run({ store, stranger, now, id, user }) {
      await indexOf(store).add(user('u'), id('a'), now + DAY, now);
      assert.deepEqual([...(await indexOf(stranger).list(user('u'), now))], []);
      assert.equal(await indexOf(stranger).confirm(user('u'), id('a')), false);
      await indexOf(stranger).remove(user('u'), [id('a')]);
      assert.deepEqual([...(await indexOf(store).list(user('u'), now))], [id('a')]);
    },
  },
  {
    name: 'prune removes no record of a store with another prefix',
    needs: ['stranger', 'prune'],
    async run({ store, stranger, now, id }) {
      await store.create(id('a'), recordAt(now));
      await stranger.create(id('a'), recordAt(now, { meta: 'stranger' }));
      assert.equal(await prune(stranger, now + 2 * DAY), 1);
      assertRecord(await store.load(id('a')), recordAt(now));
    },
  },
];
