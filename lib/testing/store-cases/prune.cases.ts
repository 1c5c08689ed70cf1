import assert from 'node:assert/strict';
import { DAY, HOUR, loaded, prune, race, recordAt, updateAt, type StoreCase } from './store-case.js';

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
  {
    name: 'two calls of prune at the same time remove each expired record once, and return together how many',
    needs: ['prune'],
    async run({ store, peer, now, id }) {
      await prune(store, now);
      for (let i = 0; i < 40; i++) await store.create(id(String(i)), recordAt(now, { expiresAt: now + i }));
      const counts = await Promise.all([prune(store, now + 19), prune(peer, now + 19)]);
      assert.equal(counts[0] + counts[1], 20);
      for (let i = 0; i < 40; i++) assert.equal((await store.load(id(String(i)))) === undefined, i < 20);
    },
  },
  {
    name: 'prune never removes a record that a touch or an update extends at the same time',
    needs: ['prune'],
    async run({ store, peer, now, id }) {
      for (let round = 0; round < 20; round++) {
        const one = id(String(round));
        await store.create(one, recordAt(now, { expiresAt: now + 10 }));
        const moments = { expiresAt: now + DAY, lastSeenAt: now };
        const extend = () =>
          round < 10 ? peer.touch(one, moments, now) : peer.update(one, updateAt(now, moments), now);
        const [extended] = await race<unknown, number>(round, extend, () => prune(store, now + 10));
        const isThere = (await store.load(one)) !== undefined;
        assert.equal(extended === true || extended === 'done', isThere, `round ${round}`);
        await store.destroy(one, now);
      }
    },
  },
];
