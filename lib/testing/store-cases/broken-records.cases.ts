import assert from 'node:assert/strict';
import type { SessionStore } from '../../store/session-store.js';
import { DAY, prune, recordAt, updateAt, type CaseContext, type StoreCase } from './store-case.js';

/** Creates a record and makes it unreadable. */
async function createBroken({ store, stores, now, id }: CaseContext, label: string): Promise<string> {
  await store.create(id(label), recordAt(now));
  await stores.damage(id(label));
  return id(label);
}

async function assertBroken(store: SessionStore, id: string, what: string): Promise<void> {
  assert.equal(await store.load(id), 'broken', what);
}

export const brokenRecordsCases: readonly StoreCase[] = [
  {
    name: 'load returns broken for a record that cannot be read, each time',
    needs: ['damage'],
    async run(context) {
      const { store, peer } = context;
      const id = await createBroken(context, 'a');
      await assertBroken(store, id, 'first');
      await assertBroken(store, id, 'second');
      await assertBroken(peer, id, 'peer');
    },
  },
  {
    name: 'create returns false for the id of a broken record, and leaves it broken',
    needs: ['damage'],
    async run(context) {
      const { store, now } = context;
      const id = await createBroken(context, 'a');
      assert.equal(await store.create(id, recordAt(now)), false);
      await assertBroken(store, id, 'after create');
    },
  },
  {
    name: 'for update and touch a broken record is absent, and they do not repair it',
    needs: ['damage'],
    async run(context) {
      const { store, now } = context;
      const id = await createBroken(context, 'a');
      assert.equal(await store.update(id, updateAt(now, { set: { 'd:a': '1' } }), now), 'gone');
      await assertBroken(store, id, 'after update');
      assert.equal(await store.update(id, updateAt(now, { expect: { 'd:a': null } }), now), 'gone');
      await assertBroken(store, id, 'after an update with expectations');
      assert.equal(await store.touch(id, { expiresAt: now + DAY, lastSeenAt: now + 1 }, now), false);
      await assertBroken(store, id, 'after touch');
    },
  },
  {
    name: 'for destroy a broken record is absent: destroy does not remove it and leaves no mark',
    needs: ['damage'],
    async run(context) {
      const { store, now, id: idOf } = context;
      const id = await createBroken(context, 'a');
      await store.create(idOf('new'), recordAt(now));
      assert.equal(await store.destroy(id, now, { successor: idOf('new') }), undefined);
      await assertBroken(store, id, 'after a rotation');
      assert.equal(await store.destroy(id, now), undefined);
      await assertBroken(store, id, 'after destroy');
      assert.ok(await store.destroy(idOf('new'), now), 'a mark led to the successor');
    },
  },
  {
    name: 'a destroy that follows a mark to a broken record returns nothing and leaves the record',
    needs: ['damage'],
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('old'), recordAt(now));
      await store.create(id('new'), recordAt(now));
      assert.ok(await store.destroy(id('old'), now, { successor: id('new') }));
      await context.stores.damage(id('new'));
      assert.equal(await store.destroy(id('old'), now), undefined);
      await assertBroken(store, id('new'), 'the successor');
    },
  },
  {
    name: 'prune removes no broken record and does not count it',
    needs: ['damage', 'prune'],
    async run(context) {
      const { store, now, id: idOf } = context;
      const id = await createBroken(context, 'a');
      await store.create(idOf('b'), recordAt(now));
      assert.equal(await prune(store, now + DAY), 1);
      await assertBroken(store, id, 'after prune');
    },
  },
];
