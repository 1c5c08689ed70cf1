import assert from 'node:assert/strict';
import { SUCCESSOR_MARK_MS } from '../../../lib/store/session-store.js';
import {
  assertAbsent,
  assertRecord,
  DAY,
  HOUR,
  recordAt,
  updateAt,
  type CaseContext,
  type StoreCase,
} from './store-case.js';

/** Creates `label` beside an existing record and rotates to it, as the lifecycle does. */
async function rotate({ store, now, id }: CaseContext, from: string, to: string, at = now) {
  assert.equal(await store.create(id(to), recordAt(now, { meta: to })), true);
  return store.destroy(id(from), at, { successor: id(to) });
}

export const rotationCases: readonly StoreCase[] = [
  {
    name: 'a rotation gives back the old record and leaves the new one',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('old'), recordAt(now, { meta: 'old', data: { 'd:a': '1' } }));
      assertRecord(await rotate(context, 'old', 'new'), recordAt(now, { meta: 'old', data: { 'd:a': '1' } }));
      assertRecord(await store.load(id('new')), recordAt(now, { meta: 'new' }));
    },
  },
  {
    name: 'a rotated-away id is absent for load, update and touch, and they leave its successor alone',
    async run(context) {
      const { store, peer, now, id } = context;
      await store.create(id('old'), recordAt(now));
      await rotate(context, 'old', 'new');
      await assertAbsent(store, id('old'), now);
      await assertAbsent(peer, id('old'), now);
      const expecting = updateAt(now, { set: { 'd:a': '1' }, expect: { 'd:a': null } });
      assert.equal(await store.update(id('old'), expecting, now), 'gone');
      assertRecord(await store.load(id('new')), recordAt(now, { meta: 'new' }));
    },
  },
  {
    name: 'a destroy of a rotated-away id ends its successor and gives that record back, once',
    async run(context) {
      const { store, peer, now, id } = context;
      await store.create(id('old'), recordAt(now));
      await rotate(context, 'old', 'new');
      await store.update(id('new'), updateAt(now, { set: { 'd:n': '1' }, lastSeenAt: now + 3 }), now);
      const expected = recordAt(now, {
        meta: 'new',
        lastSeenAt: now + 3,
        data: { 'd:views': '1', 'd:n': '1' },
      });
      assertRecord(await peer.destroy(id('old'), now + 5), expected);
      await assertAbsent(store, id('new'), now + 5);
      assert.equal(await store.destroy(id('old'), now + 5), undefined);
      assert.equal(await store.destroy(id('new'), now + 5), undefined);
    },
  },
  {
    name: 'a destroy follows a chain of rotations to its end',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('0'), recordAt(now));
      for (let i = 0; i < 5; i++) assert.ok(await rotate(context, String(i), String(i + 1), now + i));
      assertRecord(await store.destroy(id('0'), now + 10), recordAt(now, { meta: '5' }));
      for (let i = 0; i <= 5; i++) await assertAbsent(store, id(String(i)), now + 10);
    },
  },
  {
    name: 'a destroy that enters a chain in its middle reaches the same end',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('0'), recordAt(now));
      for (let i = 0; i < 4; i++) await rotate(context, String(i), String(i + 1));
      assertRecord(await store.destroy(id('2'), now), recordAt(now, { meta: '4' }));
      assert.equal(await store.destroy(id('0'), now), undefined);
    },
  },
  {
    name: 'a rotation never follows a mark: a rotated-away id cannot be rotated again',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('old'), recordAt(now));
      await rotate(context, 'old', 'new');
      assert.equal(await rotate(context, 'old', 'other'), undefined);
      assertRecord(await store.load(id('new')), recordAt(now, { meta: 'new' }));
      assert.equal((await store.destroy(id('old'), now))?.meta, 'new', 'the first mark stands');
      assertRecord(await store.load(id('other')), recordAt(now, { meta: 'other' }));
    },
  },
  {
    name: 'a mark lasts a minute: 1 ms before it leads on, at the minute it leads nowhere',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('a'), recordAt(now));
      await rotate(context, 'a', 'a2', now + 5);
      await store.create(id('b'), recordAt(now));
      await rotate(context, 'b', 'b2', now + 5);
      assert.equal(await store.destroy(id('a'), now + 5 + SUCCESSOR_MARK_MS), undefined);
      assertRecord(await store.load(id('a2')), recordAt(now, { meta: 'a2' }));
      assertRecord(
        await store.destroy(id('b'), now + 5 + SUCCESSOR_MARK_MS - 1),
        recordAt(now, { meta: 'b2' }),
      );
    },
  },
  {
    name: 'in a chain each mark lasts its own minute',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('a'), recordAt(now));
      await rotate(context, 'a', 'b', now);
      await rotate(context, 'b', 'c', now + 50_000);
      const later = now + SUCCESSOR_MARK_MS;
      assert.equal(await store.destroy(id('a'), later), undefined);
      assertRecord(await store.destroy(id('b'), later), recordAt(now, { meta: 'c' }));
    },
  },
  {
    name: 'a mark outlives the expiry that the rotated-away record had',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('old'), recordAt(now, { expiresAt: now + 20_000 }));
      await rotate(context, 'old', 'new');
      assert.equal((await store.destroy(id('old'), now + 30_000))?.meta, 'new');
    },
  },
  {
    name: 'a mark whose successor expired or is missing leads to nothing',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('a'), recordAt(now));
      await store.create(id('a2'), recordAt(now, { expiresAt: now + 20_000 }));
      await store.destroy(id('a'), now, { successor: id('a2') });
      assert.equal(await store.destroy(id('a'), now + 20_000), undefined);
      await store.create(id('b'), recordAt(now));
      assert.ok(await store.destroy(id('b'), now, { successor: id('nobody') }));
      assert.equal(await store.destroy(id('b'), now), undefined);
      await assertAbsent(store, id('b'), now);
      assert.equal(await store.load(id('nobody')), undefined);
    },
  },
  {
    name: 'a rotation of an absent or expired id leaves no mark',
    async run(context) {
      const { store, now, id } = context;
      assert.equal(await rotate(context, 'missing', 'new1'), undefined);
      assert.equal(await store.destroy(id('missing'), now), undefined);
      assertRecord(await store.load(id('new1')), recordAt(now, { meta: 'new1' }));
      await store.create(id('expired'), recordAt(now));
      assert.equal(await rotate(context, 'expired', 'new2', now + HOUR), undefined);
      assert.equal(await store.destroy(id('expired'), now + HOUR), undefined);
      assertRecord(await store.load(id('new2')), recordAt(now, { meta: 'new2' }));
    },
  },
  {
    name: 'a destroy of the successor leaves the rotated-away id absent',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('old'), recordAt(now));
      await rotate(context, 'old', 'new');
      assert.equal((await store.destroy(id('new'), now))?.meta, 'new');
      assert.equal(await store.destroy(id('old'), now), undefined);
      await assertAbsent(store, id('old'), now);
    },
  },
  {
    name: 'marks that lead in a circle end: nothing hangs and nothing is given back',
    async run({ store, now, id }) {
      for (const label of ['a', 'b', 'self']) await store.create(id(label), recordAt(now));
      await store.destroy(id('a'), now, { successor: id('b') });
      await store.destroy(id('b'), now, { successor: id('a') });
      await store.destroy(id('self'), now, { successor: id('self') });
      for (const label of ['a', 'b', 'self']) assert.equal(await store.destroy(id(label), now), undefined);
    },
  },
  {
    name: 'of two rotations at once one wins, and the mark leads to its successor',
    async run({ store, peer, now, id }) {
      for (let round = 0; round < 30; round++) {
        const at = (label: string) => id(`${label} ${round}`);
        await store.create(at('old'), recordAt(now, { meta: 'old' }));
        for (const label of ['x', 'y']) await store.create(at(label), recordAt(now, { meta: label }));
        const [x, y] = await Promise.all([
          (async () => store.destroy(at('old'), now, { successor: at('x') }))(),
          (async () => peer.destroy(at('old'), now, { successor: at('y') }))(),
        ]);
        assert.equal([x, y].filter(Boolean).length, 1, `round ${round}`);
        assertRecord(x ?? y, recordAt(now, { meta: 'old' }));
        assert.equal((await store.destroy(at('old'), now))?.meta, x ? 'x' : 'y', `round ${round}`);
        assertRecord(await store.load(at(x ? 'y' : 'x')), recordAt(now, { meta: x ? 'y' : 'x' }));
      }
    },
  },
  {
    name: 'a logout that races a rotation always ends a session, the old one or its successor',
    async run({ store, peer, now, id }) {
      for (let round = 0; round < 60; round++) {
        const at = (label: string) => id(`${label} ${round}`);
        await store.create(at('old'), recordAt(now, { meta: 'old' }));
        await store.create(at('new'), recordAt(now, { meta: 'new' }));
        const rotation = async () => store.destroy(at('old'), now, { successor: at('new') });
        const logout = async () => peer.destroy(at('old'), now);
        const [rotated, ended] =
          round % 2 === 0
            ? await Promise.all([rotation(), logout()])
            : (await Promise.all([logout(), rotation()])).reverse();
        assert.ok(ended, `round ${round}: the logout ended nothing`);
        assert.equal(ended.meta, rotated ? 'new' : 'old', `round ${round}`);
        assert.equal(await store.load(at('old')), undefined);
        assert.equal((await store.load(at('new'))) === undefined, rotated !== undefined, `round ${round}`);
      }
    },
  },
  {
    name: 'an update that races a rotation is in what the rotation gave back, or it is gone',
    async run({ store, peer, now, id }) {
      for (let round = 0; round < 40; round++) {
        const at = (label: string) => id(`${label} ${round}`);
        await store.create(at('old'), recordAt(now));
        const [updated, ended] = await Promise.all([
          (async () =>
            peer.update(at('old'), updateAt(now, { set: { 'd:n': '1' }, expiresAt: now + DAY }), now))(),
          (async () => store.destroy(at('old'), now, { successor: at('new') }))(),
        ]);
        assert.ok(ended);
        assert.equal(
          ended.data['d:n'],
          updated === 'done' ? '1' : undefined,
          `round ${round}: ${String(updated)}`,
        );
        assert.equal(await store.load(at('old')), undefined);
      }
    },
  },
  {
    name: 'of many destroys at once through a mark exactly one gets the successor',
    async run(context) {
      const { store, peer, now, id } = context;
      await store.create(id('old'), recordAt(now));
      await rotate(context, 'old', 'new');
      const ended = await Promise.all(
        Array.from({ length: 20 }, async (_, i) =>
          (i % 2 === 0 ? store : peer).destroy(id(i % 4 < 2 ? 'old' : 'new'), now),
        ),
      );
      assert.equal(ended.filter(Boolean).length, 1);
      assert.equal(ended.find(Boolean)?.meta, 'new');
    },
  },
];
