import assert from 'node:assert/strict';
import {
  assertAbsent,
  assertMismatch,
  assertRecord,
  DAY,
  loaded,
  MINUTE,
  recordAt,
  updateAt,
  type StoreCase,
} from './store-case.js';

/** Field names that have a special meaning in some backend. */
const AWKWARD_FIELDS = [
  'd:',
  'f:',
  'd:__proto__',
  'd:constructor',
  'd:toString',
  'd:a.b.c',
  'd:.',
  'd:$set',
  'd:a.$.b',
  'd:$',
  'd:d:views',
  'd:with space',
  'd:line\nbreak\r\n',
  'd:nul\u0000nul',
  'd:"quoted"\\',
  'd:{tag}',
  'd:*?[a]',
  'd:%00%2e',
  'd:0',
  'd:é',
  'd:e\u0301',
  'd:🛒',
  'd:👩‍👩‍👧',
  'd:\ud800',
  'd:\udfff',
  'd:\ufffd',
  'd:\u2028',
  'f:20260101-1:info.$',
  `d:${'k'.repeat(10_000)}`,
];

/** Texts that have a special meaning in some backend. Lone surrogates are left out, because the codec escapes them. */
const AWKWARD_TEXTS = [
  '',
  '$views',
  '$$ROOT',
  '{"$set":{"a":1}}',
  'null',
  '0',
  '-0',
  '1e400',
  'line\nbreak\r\n',
  'nul\u0000nul',
  '"quoted"\\',
  '🛒 und äöü',
  ' padded ',
  '\ufeffmarked',
  '\u2028',
];

const NON_IDS = [
  '',
  ' ',
  'x',
  'a'.repeat(63),
  'a'.repeat(65),
  'A'.repeat(64),
  'g'.repeat(64),
  `${'a'.repeat(64)}\n`,
  `\n${'a'.repeat(63)}`,
  'a'.repeat(10_000),
  '../x',
  `..\\${'a'.repeat(61)}`,
  `../${'a'.repeat(61)}`,
  `${'a'.repeat(63)}\u0000`,
  '\u0000',
  '*',
  '🛒'.repeat(32),
  'ａ'.repeat(64),
  '\ud800',
  '__proto__',
  'constructor',
];

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

export const basicsCases: readonly StoreCase[] = [
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
    name: 'an update sets and deletes the fields it names, and leaves the other fields and meta unchanged',
    async run({ store, now, id }) {
      const record = recordAt(now, { data: { 'd:a': '1', 'd:b': '2', 'd:c': '3', 'f:1': '4' } });
      await store.create(id('a'), record);
      const change = updateAt(now, { set: { 'd:a': '10', 'd:new': '5' }, delete: ['d:b', 'd:not-there'] });
      assert.equal(await store.update(id('a'), change, now), 'done');
      assertRecord(await store.load(id('a')), {
        ...record,
        data: { 'd:a': '10', 'd:c': '3', 'f:1': '4', 'd:new': '5' },
      });
    },
  },
  {
    name: 'an update that names no field returns done and changes no data',
    async run({ store, now, id }) {
      await store.create(id('a'), recordAt(now));
      assert.equal(await store.update(id('a'), updateAt(now), now), 'done');
      assertRecord(await store.load(id('a')), recordAt(now));
    },
  },
  {
    name: 'a record still exists after its last field was deleted',
    async run({ store, now, id }) {
      const record = recordAt(now, { data: { 'd:a': '1', 'd:b': '2' } });
      await store.create(id('a'), record);
      assert.equal(await store.update(id('a'), updateAt(now, { delete: ['d:a', 'd:b'] }), now), 'done');
      assertRecord(await store.load(id('a')), { ...record, data: {} });
      assert.equal(await store.touch(id('a'), { expiresAt: now + DAY, lastSeenAt: now }, now), true);
    },
  },
  {
    name: 'an update is applied if all its expectations hold: texts or absence, for fields it writes and for others',
    async run({ store, now, id }) {
      const record = recordAt(now, { data: { 'd:a': '1', 'd:b': '2' } });
      await store.create(id('a'), record);
      const first = updateAt(now, { set: { 'd:c': '3' }, expect: { 'd:a': '1', 'd:c': null, 'd:z': null } });
      assert.equal(await store.update(id('a'), first, now), 'done');
      const second = updateAt(now, { delete: ['d:a'], expect: { 'd:a': '1', 'd:b': '2', 'd:c': '3' } });
      assert.equal(await store.update(id('a'), second, now), 'done');
      assert.equal(await store.update(id('a'), updateAt(now, { expect: {} }), now), 'done');
      assertRecord(await store.load(id('a')), { ...record, data: { 'd:b': '2', 'd:c': '3' } });
    },
  },
  {
    name: 'if an expectation does not hold, the update writes nothing, moves no moment and returns the current texts',
    async run({ store, now, id }) {
      const record = recordAt(now, { data: { 'd:a': '1', 'd:b': '2' } });
      await store.create(id('a'), record);
      const attempt = (expect: Record<string, string | null>) =>
        store.update(
          id('a'),
          {
            set: { 'd:a': '9', 'd:n': '9' },
            delete: ['d:b'],
            expect,
            expiresAt: now + DAY,
            lastSeenAt: now + 5,
          },
          now,
        );
      assertMismatch(await attempt({ 'd:a': '2' }), { 'd:a': '1' });
      assertMismatch(await attempt({ 'd:a': null }), { 'd:a': '1' });
      assertMismatch(await attempt({ 'd:z': '1' }), { 'd:z': null });
      assertMismatch(await attempt({ 'd:z': '' }), { 'd:z': null });
      assertMismatch(await attempt({ 'd:a': '' }), { 'd:a': '1' });
      assertMismatch(await attempt({ 'd:a': '1', 'd:b': '3', 'd:z': null, 'd:y': 'null' }), {
        'd:a': '1',
        'd:b': '2',
        'd:z': null,
        'd:y': null,
      });
      assertRecord(await store.load(id('a')), record);
    },
  },
  {
    name: 'a field with an empty text is present, not absent',
    async run({ store, now, id }) {
      await store.create(id('a'), recordAt(now, { data: { 'd:a': '' } }));
      assertMismatch(await store.update(id('a'), updateAt(now, { expect: { 'd:a': null } }), now), {
        'd:a': '',
      });
      const holds = updateAt(now, { set: { 'd:a': 'x' }, expect: { 'd:a': '' } });
      assert.equal(await store.update(id('a'), holds, now), 'done');
    },
  },
  {
    name: 'an update with expectations returns gone, not a mismatch, if the record is absent',
    async run({ store, now, id }) {
      assert.equal(await store.update(id('a'), updateAt(now, { expect: { 'd:a': '1' } }), now), 'gone');
      assert.equal(await store.update(id('a'), updateAt(now, { expect: { 'd:a': null } }), now), 'gone');
      assert.equal(await store.load(id('a')), undefined);
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
    name: 'a field name may be any string in create, set, expect and delete, and is never confused with another one',
    async run({ store, now, id }) {
      const data = Object.fromEntries(AWKWARD_FIELDS.map((field, i) => [field, `"${i}"`]));
      await store.create(id('created'), recordAt(now, { data }));
      assertRecord(await store.load(id('created')), recordAt(now, { data }));
      await store.create(id('set'), recordAt(now, { data: {} }));
      const absent = Object.fromEntries(AWKWARD_FIELDS.map(field => [field, null]));
      assert.equal(await store.update(id('set'), updateAt(now, { set: data, expect: absent }), now), 'done');
      assertRecord(await store.load(id('set')), recordAt(now, { data }));
      assertMismatch(await store.update(id('set'), updateAt(now, { expect: absent }), now), data);
      const rest = { ...data };
      for (const field of AWKWARD_FIELDS) {
        const expect = { [field]: rest[field] ?? null };
        assert.equal(
          await store.update(id('set'), updateAt(now, { delete: [field], expect }), now),
          'done',
          field,
        );
        delete rest[field];
        assertRecord(await store.load(id('set')), recordAt(now, { data: rest }));
      }
      assertRecord(await store.destroy(id('created'), now), recordAt(now, { data }));
      assert.equal(Reflect.get({}, 'd:views'), undefined, 'the prototype of all objects was changed');
    },
  },
  {
    name: 'a value may be any text: with dollar signs, line breaks, NUL or emoji, or empty',
    async run({ store, now, id }) {
      const data = Object.fromEntries(AWKWARD_TEXTS.map((text, i) => [`d:${i}`, text]));
      await store.create(id('created'), recordAt(now, { data }));
      assertRecord(await store.load(id('created')), recordAt(now, { data }));
      await store.create(id('set'), recordAt(now, { data: {} }));
      assert.equal(await store.update(id('set'), updateAt(now, { set: data }), now), 'done');
      assertRecord(await store.load(id('set')), recordAt(now, { data }));
      assert.equal(await store.update(id('set'), updateAt(now, { expect: data }), now), 'done');
      const wrong = Object.fromEntries(Object.entries(data).map(([field, text]) => [field, `${text}!`]));
      assertMismatch(await store.update(id('set'), updateAt(now, { expect: wrong }), now), data);
      for (const meta of AWKWARD_TEXTS) {
        await store.create(id(`meta ${meta}`), recordAt(now, { meta }));
        assertRecord(await store.destroy(id(`meta ${meta}`), now), recordAt(now, { meta }));
      }
    },
  },
  {
    name: 'a text of one megabyte is kept, and an expectation compares all of it',
    async run({ store, now, id }) {
      const text = '0123456789abcdef'.repeat(65_536);
      await store.create(id('a'), recordAt(now, { data: { 'd:big': text } }));
      assertRecord(await store.load(id('a')), recordAt(now, { data: { 'd:big': text } }));
      const next = `${text.slice(0, -1)}!`;
      const wrong = updateAt(now, { set: { 'd:big': '1' }, expect: { 'd:big': next } });
      assertMismatch(await store.update(id('a'), wrong, now), { 'd:big': text });
      const right = updateAt(now, { set: { 'd:big': next }, expect: { 'd:big': text } });
      assert.equal(await store.update(id('a'), right, now), 'done');
      assertRecord(await store.destroy(id('a'), now), recordAt(now, { data: { 'd:big': next } }));
    },
  },
  {
    name: 'a record with 500 fields is kept',
    async run({ store, now, id }) {
      const data = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`d:${i}`, String(i)]));
      await store.create(id('a'), recordAt(now, { data }));
      const all = updateAt(now, { set: data, delete: ['d:none'], expect: data });
      assert.equal(await store.update(id('a'), all, now), 'done');
      assertRecord(await store.load(id('a')), recordAt(now, { data }));
    },
  },
  {
    name: 'a string that is not an id is absent for every method, and create throws a TypeError',
    async run({ store, now, id }) {
      for (const nonId of NON_IDS) {
        await assertAbsent(store, nonId, now);
        assert.equal(await store.destroy(nonId, now), undefined);
        assert.equal(await store.destroy(nonId, now, { successor: id('a') }), undefined);
        await assert.rejects(async () => store.create(nonId, recordAt(now)), TypeError);
        await assertAbsent(store, nonId, now);
      }
    },
  },
  {
    name: 'an id in upper case does not find the record of the same id in lower case',
    async run({ store, now, id }) {
      await store.create(id('a'), recordAt(now));
      await assertAbsent(store, id('a').toUpperCase(), now);
      assert.equal(await store.destroy(id('a').toUpperCase(), now), undefined);
      assertRecord(await store.load(id('a')), recordAt(now));
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
  {
    name: 'two stores with different prefixes share neither records nor index entries',
    needs: 'stranger',
    async run({ store, stranger, now, id, user }) {
      assert.ok(stranger);
      await store.create(id('a'), recordAt(now));
      await store.index.add(user('u'), id('a'), now + DAY, now);
      await assertAbsent(stranger, id('a'), now);
      assert.equal(await stranger.destroy(id('a'), now), undefined);
      assert.deepEqual([...(await stranger.index.list(user('u'), now))], []);
      assert.equal(await stranger.create(id('a'), recordAt(now, { meta: 'stranger' })), true);
      await stranger.index.remove(user('u'), [id('a')]);
      await stranger.destroy(id('a'), now);
      await stranger.prune?.(now + 2 * DAY);
      assertRecord(await store.load(id('a')), recordAt(now));
      assert.deepEqual([...(await store.index.list(user('u'), now))], [id('a')]);
    },
  },
];
