import assert from 'node:assert/strict';
import { SUCCESSOR_MARK_MS } from '../../store/session-store.js';
import {
  answerOf,
  assertAbsent,
  assertRecord,
  DAY,
  HOUR,
  race,
  recordAt,
  updateAt,
  type CaseContext,
  type StoreCase,
} from './store-case.js';

/** Creates the record of `to` and rotates `from` into it, in the order in which the library does it. */
async function rotate({ store, now, id }: CaseContext, from: string, to: string, at = now) {
  assert.equal(await store.create(id(to), recordAt(now, { meta: to })), true);
  return store.destroy(id(from), at, { successor: id(to) });
}

export const rotationCases: readonly StoreCase[] = [
  {
    name: 'a rotation returns the old record and keeps the new one',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('old'), recordAt(now, { meta: 'old', data: { 'd:a': '1' } }));
      assertRecord(await rotate(context, 'old', 'new'), recordAt(now, { meta: 'old', data: { 'd:a': '1' } }));
      assertRecord(await store.load(id('new')), recordAt(now, { meta: 'new' }));
    },
  },
  {
    name: 'a rotated-away id is absent for load, update and touch, and they do not change its successor',
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
    name: 'create returns false for a rotated-away id, and its mark stays',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('old'), recordAt(now));
      await rotate(context, 'old', 'new');
      assert.equal(await store.create(id('old'), recordAt(now, { meta: 'again' })), false);
      assert.equal(await store.load(id('old')), undefined);
      assert.equal((await store.destroy(id('old'), now))?.meta, 'new');
    },
  },
  {
    name: 'a destroy of a rotated-away id ends the successor and returns the record of the successor, once',
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
    name: 'a destroy that starts in the middle of a chain reaches the same end',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('0'), recordAt(now));
      for (let i = 0; i < 4; i++) await rotate(context, String(i), String(i + 1));
      assertRecord(await store.destroy(id('2'), now), recordAt(now, { meta: '4' }));
      assert.equal(await store.destroy(id('0'), now), undefined);
    },
  },
  {
    name: 'a rotation does not follow marks: a rotated-away id cannot be rotated again',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('old'), recordAt(now));
      await rotate(context, 'old', 'new');
      assert.equal(await rotate(context, 'old', 'other'), undefined);
      assertRecord(await store.load(id('new')), recordAt(now, { meta: 'new' }));
      assert.equal((await store.destroy(id('old'), now))?.meta, 'new', 'the first mark was replaced');
      assertRecord(await store.load(id('other')), recordAt(now, { meta: 'other' }));
    },
  },
  {
    name: 'a mark lasts exactly a minute: a destroy follows it 1 ms before the end and not at the end',
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
    name: 'in a chain each mark has a minute of its own',
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
    name: 'a mark stays after the expiry of the rotated-away record',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('old'), recordAt(now, { expiresAt: now + 20_000 }));
      await rotate(context, 'old', 'new');
      assert.equal((await store.destroy(id('old'), now + 30_000))?.meta, 'new');
    },
  },
  {
    name: 'a destroy returns nothing if the mark names a successor that has expired or does not exist',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('a'), recordAt(now));
      await store.create(id('a2'), recordAt(now, { expiresAt: now + 20_000 }));
      await store.destroy(id('a'), now, { successor: id('a2') });
      assert.equal(await store.destroy(id('a'), now + 20_000), undefined);
      await store.create(id('b'), recordAt(now));
      assert.ok(await store.destroy(id('b'), now, { successor: id('missing') }));
      assert.equal(await store.destroy(id('b'), now), undefined);
      await assertAbsent(store, id('b'), now);
      assert.equal(await store.load(id('missing')), undefined);
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
    name: 'after a destroy of the successor the rotated-away id is absent',
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
    name: 'if marks form a circle, a destroy ends and returns nothing',
    async run({ store, now, id }) {
      for (const label of ['a', 'b', 'self']) await store.create(id(label), recordAt(now));
      await store.destroy(id('a'), now, { successor: id('b') });
      await store.destroy(id('b'), now, { successor: id('a') });
      await store.destroy(id('self'), now, { successor: id('self') });
      for (const label of ['a', 'b', 'self']) assert.equal(await store.destroy(id(label), now), undefined);
    },
  },
  {
    name: 'of two concurrent rotations exactly one succeeds, and the mark names its successor',
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
    name: 'a destroy that races a rotation always ends a session: the old one or its successor',
    async run({ store, peer, now, id }) {
      for (let round = 0; round < 60; round++) {
        const at = (label: string) => id(`${label} ${round}`);
        await store.create(at('old'), recordAt(now, { meta: 'old' }));
        await store.create(at('new'), recordAt(now, { meta: 'new' }));
        const [rotated, ended] = await race(
          round,
          () => store.destroy(at('old'), now, { successor: at('new') }),
          () => peer.destroy(at('old'), now),
        );
        assert.ok(ended, `round ${round}: the destroy ended nothing`);
        assert.equal(ended.meta, rotated ? 'new' : 'old', `round ${round}`);
        assert.equal(await store.load(at('old')), undefined);
        assert.equal((await store.load(at('new'))) === undefined, rotated !== undefined, `round ${round}`);
      }
    },
  },
  {
    name: 'an update that races a rotation is done and in the record that the rotation returns, or it is gone',
    async run({ store, peer, now, id }) {
      for (let round = 0; round < 40; round++) {
        const at = (label: string) => id(`${label} ${round}`);
        await store.create(at('old'), recordAt(now));
        const change = updateAt(now, { set: { 'd:n': '1' }, expiresAt: now + DAY });
        const [updated, ended] = await race(
          round,
          () => peer.update(at('old'), change, now),
          () => store.destroy(at('old'), now, { successor: at('new') }),
        );
        assert.ok(ended);
        assert.equal(
          ended.data['d:n'],
          updated === 'done' ? '1' : undefined,
          `round ${round}: ${answerOf(updated)}`,
        );
        assert.equal(await store.load(at('old')), undefined);
      }
    },
  },
  {
    name: 'of 20 concurrent destroys of a rotated-away id and its successor exactly one gets the record',
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
