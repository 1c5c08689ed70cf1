import assert from 'node:assert/strict';
import type { AnySessionStore } from '../../store/session-store-abilities.interface.js';
import type { SessionRecord, SessionUpdate } from '../../store/session-record.interface.js';
import {
  answerOf,
  assertAbsent,
  assertRecord,
  DAY,
  HOUR,
  loaded,
  race,
  recordAt,
  updateAt,
  type CaseContext,
  type StoreCase,
} from './store-case.js';

/** Starts all calls concurrently, every second one on the peer. `async` makes a promise of a synchronous result. */
function parallel<T>(
  { store, peer }: CaseContext,
  count: number,
  call: (store: AnySessionStore, i: number) => T | Promise<T>,
): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, async (_, i) => call(i % 2 === 0 ? store : peer, i)));
}

/** Adds one to a number by compare-and-set. After a mismatch it tries again with the text that `update` returned. */
async function increment(store: AnySessionStore, id: string, now: number): Promise<void> {
  let current: string | null = (await loaded(store, id)).data['d:count'] ?? null;
  for (;;) {
    const set = { 'd:count': String(Number(current ?? 0) + 1) };
    const result = await store.update(id, updateAt(now, { set, expect: { 'd:count': current } }), now);
    if (result === 'done') return;
    assert.ok(result !== 'gone');
    assert.notEqual(result.current['d:count'], current, 'a mismatch that matches');
    current = result.current['d:count'] ?? null;
  }
}

/** The same text for two fields, in either order of the fields. */
function sameText(text: string, isReversed: boolean): SessionUpdate['set'] {
  return isReversed ? { 'd:b': text, 'd:a': text } : { 'd:a': text, 'd:b': text };
}

const ROUNDS = 60;

export const concurrencyCases: readonly StoreCase[] = [
  {
    name: '50 concurrent updates of 50 different fields leave all 50 fields',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('a'), recordAt(now, { data: {} }));
      const results = await parallel(context, 50, (one, i) =>
        one.update(id('a'), updateAt(now, { set: { [`d:${i}`]: String(i) } }), now),
      );
      assert.deepEqual(new Set(results), new Set(['done']));
      const data = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`d:${i}`, String(i)]));
      assertRecord(await store.load(id('a')), recordAt(now, { data }));
    },
  },
  {
    name: 'concurrent updates that set and delete different fields are all kept, with the latest moments',
    async run(context) {
      const { store, now, id } = context;
      const data = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`d:old${i}`, 'x']));
      await store.create(id('a'), recordAt(now, { data }));
      await parallel(context, 40, (one, i) =>
        one.update(
          id('a'),
          updateAt(now, {
            set: i % 2 === 0 ? { [`d:new${i}`]: '1' } : {},
            delete: i % 2 === 0 ? [] : [`d:old${(i - 1) / 2}`],
            expiresAt: now + HOUR + ((i * 7) % 40),
            lastSeenAt: now + ((i * 11) % 40),
          }),
          now,
        ),
      );
      const left = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`d:new${2 * i}`, '1']));
      assertRecord(
        await store.load(id('a')),
        recordAt(now, { expiresAt: now + HOUR + 39, lastSeenAt: now + 39, data: left }),
      );
    },
  },
  {
    name: 'after concurrent updates of the same two fields both fields hold the values of one update',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('a'), recordAt(now, { data: {} }));
      await parallel(context, 20, (one, i) =>
        one.update(id('a'), updateAt(now, { set: sameText(String(i), i % 3 === 0) }), now),
      );
      const { data } = await loaded(store, id('a'));
      assert.ok(data['d:a'] !== undefined);
      assert.equal(data['d:a'], data['d:b']);
    },
  },
  {
    name: 'concurrent increments by compare-and-set reach the exact count',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('a'), recordAt(now, { data: { 'd:other': '1' } }));
      await parallel(context, 8, async one => {
        for (let i = 0; i < 5; i++) await increment(one, id('a'), now);
      });
      assertRecord(await store.load(id('a')), recordAt(now, { data: { 'd:other': '1', 'd:count': '40' } }));
    },
  },
  {
    name: 'of 20 concurrent updates that expect a field to be absent exactly one is done',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('a'), recordAt(now, { data: {} }));
      const results = await parallel(context, 20, (one, i) =>
        one.update(id('a'), updateAt(now, { set: { 'd:a': String(i) }, expect: { 'd:a': null } }), now),
      );
      assert.equal(results.filter(result => result === 'done').length, 1);
      const winner = String(results.indexOf('done'));
      assert.equal((await loaded(store, id('a'))).data['d:a'], winner);
      for (const result of results)
        if (typeof result === 'object') assert.equal(result.current['d:a'], winner);
    },
  },
  {
    name: 'a one-time text is taken exactly once by concurrent updates',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('a'), recordAt(now, { data: { 'd:token': '"t"' } }));
      const take = updateAt(now, { delete: ['d:token'], expect: { 'd:token': '"t"' } });
      const results = await parallel(context, 20, one => one.update(id('a'), take, now));
      assert.equal(results.filter(result => result === 'done').length, 1);
      assertRecord(await store.load(id('a')), recordAt(now, { data: {} }));
    },
  },
  {
    name: 'of 20 concurrent creates exactly one succeeds, and its record is stored',
    async run(context) {
      const { store, now, id } = context;
      const record = (i: number) => recordAt(now, { meta: `m${i}`, data: { [`d:${i}`]: String(i) } });
      const results = await parallel(context, 20, (one, i) => one.create(id('a'), record(i)));
      assert.equal(results.filter(Boolean).length, 1);
      assertRecord(await store.load(id('a')), record(results.indexOf(true)));
    },
  },
  {
    name: 'of 20 concurrent destroys exactly one gets the record',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('a'), recordAt(now));
      const results = await parallel(context, 20, one => one.destroy(id('a'), now));
      const winners = results.filter((result): result is SessionRecord => result !== undefined);
      assert.equal(winners.length, 1);
      assertRecord(winners[0], recordAt(now));
      await assertAbsent(store, id('a'), now);
    },
  },
  {
    name: 'an update that races a destroy never revives the record; destroy returns its data only if it was done',
    async run(context) {
      const { store, peer, now, id } = context;
      for (let round = 0; round < ROUNDS; round++) {
        const one = id(`round ${round}`);
        await store.create(one, recordAt(now));
        const update = async (field: string) =>
          peer.update(one, updateAt(now, { set: { [field]: '1' }, expiresAt: now + DAY }), now);
        const destroy = async () => store.destroy(one, now);
        const [first, ended, second] = await Promise.all([update('d:first'), destroy(), update('d:second')]);
        assert.ok(ended, `round ${round}: nothing was ended`);
        assert.equal(
          ended.data['d:first'],
          first === 'done' ? '1' : undefined,
          `round ${round}: ${answerOf(first)}`,
        );
        assert.equal(
          ended.data['d:second'],
          second === 'done' ? '1' : undefined,
          `round ${round}: ${answerOf(second)}`,
        );
        assert.equal(await store.load(one), undefined, `round ${round}: brought back`);
        assert.equal(await peer.load(one), undefined, `round ${round}: brought back`);
      }
    },
  },
  {
    name: 'an update with expectations that races a destroy returns done, gone or a real mismatch',
    async run(context) {
      const { store, peer, now, id } = context;
      for (let round = 0; round < ROUNDS / 2; round++) {
        const one = id(`round ${round}`);
        await store.create(one, recordAt(now));
        const right = updateAt(now, { set: { 'd:a': '1' }, expect: { 'd:views': '1' } });
        const wrong = updateAt(now, { set: { 'd:b': '1' }, expect: { 'd:views': '2' } });
        const [done, mismatch, ended] = await Promise.all([
          (async () => peer.update(one, right, now))(),
          (async () => peer.update(one, wrong, now))(),
          (async () => store.destroy(one, now))(),
        ]);
        assert.ok(done === 'done' || done === 'gone', `round ${round}: a mismatch that matches`);
        if (mismatch !== 'gone') assert.ok(mismatch !== 'done' && mismatch.current['d:views'] === '1');
        assert.ok(ended);
        assert.equal(ended.data['d:a'], done === 'done' ? '1' : undefined);
        assert.equal(await store.load(one), undefined, `round ${round}: brought back`);
      }
    },
  },
  {
    name: 'a touch that races a destroy never revives the record',
    async run(context) {
      const { store, peer, now, id } = context;
      for (let round = 0; round < ROUNDS; round++) {
        const one = id(`round ${round}`);
        await store.create(one, recordAt(now));
        const moments = { expiresAt: now + DAY, lastSeenAt: now + 1 };
        const [touched, ended] = await race(
          round,
          () => peer.touch(one, moments, now),
          () => store.destroy(one, now),
        );
        assertRecord(ended, touched ? recordAt(now, moments) : recordAt(now));
        assert.equal(await store.load(one), undefined, `round ${round}: brought back`);
        assert.equal(await store.create(one, recordAt(now)), true, `round ${round}: something was left`);
      }
    },
  },
  {
    name: 'concurrent touches and updates are all kept: the latest moments and every field',
    async run(context) {
      const { store, now, id } = context;
      await store.create(id('a'), recordAt(now, { data: {} }));
      const results = await parallel<unknown>(context, 60, (one, i) =>
        i % 3 === 0
          ? one.touch(id('a'), { expiresAt: now + DAY - i, lastSeenAt: now + i }, now)
          : one.update(id('a'), updateAt(now, { set: { [`d:${i}`]: '1' } }), now),
      );
      assert.deepEqual(new Set(results), new Set([true, 'done']));
      const record = await loaded(store, id('a'));
      assert.equal(Object.keys(record.data).length, 40);
      assert.equal(record.expiresAt, now + DAY);
      assert.equal(record.lastSeenAt, now + 57);
    },
  },
  {
    name: 'a load during concurrent updates never returns half of an update',
    async run(context) {
      const { store, peer, now, id } = context;
      await store.create(id('a'), recordAt(now, { data: { 'd:a': '0', 'd:b': '0' } }));
      const big = 'x'.repeat(20_000);
      const write = async () => {
        for (let i = 1; i <= 30; i++) {
          const text = `${i}${big}`;
          await peer.update(id('a'), updateAt(now, { set: { 'd:a': text, 'd:b': text } }), now);
        }
      };
      const read = async () => {
        for (let i = 0; i < 60; i++) {
          const { data } = await loaded(store, id('a'));
          assert.equal(data['d:a'], data['d:b']);
        }
      };
      await Promise.all([write(), read(), read()]);
    },
  },
];
