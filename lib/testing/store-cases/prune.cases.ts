import assert from 'node:assert/strict';
import { DAY, HOUR, loaded, prune, recordAt, type StoreCase } from './store-case.js';

export const pruneCases: readonly StoreCase[] = [
  {
    name: 'prune removes exactly the records that are expired at its now, and returns how many',
    needs: ['prune'],
    async run({ store, now, id }) {
      await prune(store, now);
      const at = async (label: string, expiresAt: number) =>
        store.create(id(label), recordAt(now, { expiresAt, meta: label }));
      for (let i = 0; i < 20; i++) await at(`early ${i}`, now + HOUR + i);
      for (let i = 0; i < 20; i++) await at(`late ${i}`, now + 2 * HOUR + i);
      await at('touched', now + HOUR);
      await store.touch(id('touched'), { expiresAt: now + 3 * HOUR, lastSeenAt: now }, now);
      await at('ended', now + HOUR);
      await store.destroy(id('ended'), now);
      assert.equal(await prune(store, now + HOUR - 1), 0);
      assert.equal(await prune(store, now + HOUR + 4), 5, 'five are expired, the fifth exactly now');
      assert.equal(await prune(store, now + 2 * HOUR - 1), 15);
      assert.equal(await prune(store, now + 2 * HOUR - 1), 0, 'repeated');
      for (let i = 0; i < 20; i++) assert.equal(await store.load(id(`early ${i}`)), undefined);
      for (let i = 0; i < 20; i++) assert.equal((await loaded(store, id(`late ${i}`))).meta, `late ${i}`);
      assert.equal((await loaded(store, id('touched'))).meta, 'touched');
      assert.equal(await prune(store, now + DAY), 21);
    },
  },
  {
    name: 'prune does not count the marks of rotations, and keeps recent marks',
    needs: ['prune'],
    async run({ store, now, id }) {
      await prune(store, now);
      await store.create(id('old'), recordAt(now));
      await store.create(id('new'), recordAt(now, { meta: 'new' }));
      await store.destroy(id('old'), now, { successor: id('new') });
      assert.equal(await prune(store, now + 1), 0);
      assert.equal((await store.destroy(id('old'), now + 2))?.meta, 'new');
      assert.equal(await prune(store, now + DAY), 0);
    },
  },
];
