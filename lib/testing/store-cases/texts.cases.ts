import assert from 'node:assert/strict';
import {
  assertAbsent,
  assertMismatch,
  assertRecord,
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

export const textsCases: readonly StoreCase[] = [
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
];
