import assert from 'node:assert/strict';
import type { AnySessionStore } from '../../store/session-store-abilities.interface.js';
import { assertRecord, DAY, HOUR, indexOf, recordAt, type StoreCase } from './store-case.js';

async function listed(store: AnySessionStore, user: string, now: number): Promise<string[]> {
  return [...(await indexOf(store).list(user, now))].toSorted();
}

export const indexCases: readonly StoreCase[] = [
  {
    name: 'the list of a user without sessions is empty',
    needs: ['index'],
    async run({ store, now, id, user }) {
      assert.deepEqual(await listed(store, user('u'), now), []);
      assert.equal(await indexOf(store).confirm(user('u'), id('a')), false);
    },
  },
  {
    name: 'an added entry is listed and confirmed until it is removed',
    needs: ['index'],
    async run({ store, peer, now, id, user }) {
      await indexOf(store).add(user('u'), id('a'), now + DAY, now);
      await indexOf(store).add(user('u'), id('b'), now + DAY, now);
      await indexOf(store).add(user('u'), id('c'), now + DAY, now);
      assert.deepEqual(await listed(peer, user('u'), now), [id('a'), id('b'), id('c')].toSorted());
      assert.equal(await indexOf(peer).confirm(user('u'), id('a')), true);
      await indexOf(peer).remove(user('u'), [id('a'), id('c')]);
      assert.deepEqual(await listed(store, user('u'), now), [id('b')]);
      assert.equal(await indexOf(store).confirm(user('u'), id('a')), false);
      assert.equal(await indexOf(store).confirm(user('u'), id('b')), true);
    },
  },
  {
    name: 'removing absent entries, or an empty list of entries, succeeds and changes nothing',
    needs: ['index'],
    async run({ store, now, id, user }) {
      await indexOf(store).remove(user('unknown'), [id('a')]);
      await indexOf(store).remove(user('unknown'), []);
      await indexOf(store).add(user('u'), id('a'), now + DAY, now);
      await indexOf(store).remove(user('u'), []);
      await indexOf(store).remove(user('u'), [id('b')]);
      assert.deepEqual(await listed(store, user('u'), now), [id('a')]);
      await indexOf(store).remove(user('u'), [id('b'), id('a'), id('a')]);
      await indexOf(store).remove(user('u'), [id('a')]);
      assert.deepEqual(await listed(store, user('u'), now), []);
    },
  },
  {
    name: 'a removed entry can be added again',
    needs: ['index'],
    async run({ store, now, id, user }) {
      await indexOf(store).add(user('u'), id('a'), now + DAY, now);
      await indexOf(store).remove(user('u'), [id('a')]);
      await indexOf(store).add(user('u'), id('a'), now + HOUR, now);
      assert.equal(await indexOf(store).confirm(user('u'), id('a')), true);
      assert.deepEqual(
        await listed(store, user('u'), now + HOUR),
        [],
        'the limit of the removed entry was kept',
      );
    },
  },
  {
    name: 'an entry is listed 1 ms before its limit and not exactly at it',
    needs: ['index'],
    async run({ store, now, id, user }) {
      await indexOf(store).add(user('u'), id('a'), now + HOUR, now);
      await indexOf(store).add(user('u'), id('b'), now + DAY, now);
      assert.deepEqual(await listed(store, user('u'), now + HOUR - 1), [id('a'), id('b')].toSorted());
      assert.deepEqual(await listed(store, user('u'), now + HOUR), [id('b')]);
      assert.deepEqual(await listed(store, user('u'), now + DAY), []);
    },
  },
  {
    name: 'if an entry is added twice, the later of the two limits counts, in either order',
    needs: ['index'],
    async run({ store, now, id, user }) {
      for (const [label, first, second] of [
        ['a', now + HOUR, now + DAY],
        ['b', now + DAY, now + HOUR],
      ] as const) {
        await indexOf(store).add(user('u'), id(label), first, now);
        await indexOf(store).add(user('u'), id(label), second, now);
      }
      assert.deepEqual(await listed(store, user('u'), now), [id('a'), id('b')].toSorted(), 'each once');
      assert.deepEqual(await listed(store, user('u'), now + DAY - 1), [id('a'), id('b')].toSorted());
      assert.deepEqual(await listed(store, user('u'), now + DAY), []);
    },
  },
  {
    name: 'an add removes the entries of its user whose limit has passed, and no others',
    needs: ['index'],
    async run({ store, now, id, user }) {
      await indexOf(store).add(user('u'), id('past'), now + HOUR, now);
      await indexOf(store).add(user('u'), id('live'), now + HOUR + 1, now);
      await indexOf(store).add(user('other'), id('past'), now + HOUR + 1, now);
      await indexOf(store).add(user('u'), id('new'), now + DAY, now + HOUR);
      assert.equal(await indexOf(store).confirm(user('u'), id('past')), false);
      assert.equal(await indexOf(store).confirm(user('u'), id('live')), true);
      assert.equal(await indexOf(store).confirm(user('u'), id('new')), true);
      assert.equal(await indexOf(store).confirm(user('other'), id('past')), true);
    },
  },
  {
    name: 'after its limit has passed, an entry can be added again with a new limit',
    needs: ['index'],
    async run({ store, now, id, user }) {
      await indexOf(store).add(user('u'), id('a'), now + HOUR, now);
      await indexOf(store).add(user('u'), id('a'), now + DAY, now + HOUR);
      assert.deepEqual(await listed(store, user('u'), now + HOUR), [id('a')]);
    },
  },
  {
    name: 'an entry needs no record: it can be added first, and list does not remove it',
    needs: ['index'],
    async run({ store, now, id, user }) {
      await indexOf(store).add(user('u'), id('a'), now + DAY, now);
      assert.deepEqual(await listed(store, user('u'), now), [id('a')]);
      assert.equal(await store.create(id('a'), recordAt(now)), true);
      assert.equal(await indexOf(store).confirm(user('u'), id('a')), true);
      await indexOf(store).remove(user('u'), [id('a')]);
      assertRecord(await store.load(id('a')), recordAt(now));
    },
  },
  {
    name: 'the lists of users are separate, for user ids with any characters and of any length',
    needs: ['index'],
    async run({ store, now, id, user }) {
      const scope = user('');
      const names = [
        `${scope}a`,
        `${scope}A`,
        `${scope}a `,
        `${scope}a/b`,
        `${scope}../a`,
        `${scope}..\\a`,
        `${scope}a.b`,
        `${scope}$a`,
        `${scope}{a}`,
        `${scope}*`,
        `${scope}a\u0000b`,
        `${scope}a\nb`,
        `${scope}é`,
        `${scope}e\u0301`,
        `${scope}🛒`,
        `${scope}\ud800`,
        `${scope}\ufffd`,
        `${scope}${'u'.repeat(10_000)}`,
        `${scope}${'u'.repeat(10_001)}`,
        '',
        '..',
        '../../etc',
        '__proto__',
        'constructor',
        '0',
      ];
      for (const [i, name] of names.entries()) await indexOf(store).add(name, id(String(i)), now + DAY, now);
      for (const [i, name] of names.entries()) {
        assert.deepEqual(await listed(store, name, now), [id(String(i))], JSON.stringify(name.slice(-20)));
        assert.equal(await indexOf(store).confirm(name, id(String(i))), true);
        assert.equal(await indexOf(store).confirm(name, id('none')), false);
      }
      for (const [i, name] of names.entries()) {
        await indexOf(store).remove(name, [id(String(i))]);
        assert.deepEqual(await listed(store, name, now), [], JSON.stringify(name.slice(-20)));
      }
    },
  },
  {
    name: '50 concurrent adds are all kept, and so are adds that run concurrently with removes',
    needs: ['index'],
    async run({ store, peer, now, id, user }) {
      const labels = Array.from({ length: 50 }, (_, i) => String(i));
      const side = (i: number) => indexOf(i % 2 === 0 ? store : peer);
      await Promise.all(labels.map(async (label, i) => side(i).add(user('u'), id(label), now + DAY, now)));
      assert.deepEqual(await listed(store, user('u'), now), labels.map(id).toSorted());
      await Promise.all(
        labels.map(async (label, i) =>
          i < 25
            ? side(i).remove(user('u'), [id(label)])
            : side(i).add(user('u'), id(`more ${label}`), now + DAY, now),
        ),
      );
      const rest = labels.slice(25).flatMap(label => [id(label), id(`more ${label}`)]);
      assert.deepEqual(await listed(store, user('u'), now), rest.toSorted());
    },
  },
];
