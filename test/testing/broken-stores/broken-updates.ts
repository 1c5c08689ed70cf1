import { applyUpdate, mismatchOf, textOf } from '../../../lib/store/record-operations.js';
import type { SessionRecord, SessionUpdate, UpdateResult } from '../../../lib/index.js';
import type { BrokenStore } from './broken-store.js';
import { ReferenceStore, type Cells } from './reference.store.js';

/** A store that stores each field name and each text in another form. */
function storing(field: (name: string) => string, text: (text: string) => string = one => one) {
  return class extends ReferenceStore {
    protected override write(cells: Cells, id: string, record: SessionRecord): void {
      const entries = Object.entries(record.data).map(([name, value]) => [field(name), text(value)]);
      super.write(cells, id, { ...record, data: Object.fromEntries(entries) as Record<string, string> });
    }
  };
}

const ANY_FIELD =
  'a field name may be any string in create, set, expect and delete, and is never confused with another one';
const ANY_TEXT = 'a value may be any text: with dollar signs, line breaks, NUL or emoji, or empty';
const MISMATCH =
  'if an expectation does not hold, the update writes nothing, moves no moment and returns the current texts';
const COUNT = 'concurrent increments by compare-and-set reach the exact count';
const ONE_OF_20 = 'of 20 concurrent updates that expect a field to be absent exactly one is done';
const ONE_TIME = 'a one-time text is taken exactly once by concurrent updates';

export const brokenUpdates: readonly BrokenStore[] = [
  {
    defect: 'update writes the whole record, which it has read before: concurrent fields are lost',
    Store: class extends ReferenceStore {
      override async update(id: string, update: SessionUpdate, now: number): Promise<UpdateResult> {
        const record = await this.backend.step(cells => this.presentIn(cells, id, now));
        if (!record) return 'gone';
        const mismatch = mismatchOf(record.data, update.expect);
        if (mismatch) return mismatch;
        await this.backend.step(cells => this.write(cells, id, applyUpdate(record, update)));
        return 'done';
      }
    },
    breaks: [
      '50 concurrent updates of 50 different fields leave all 50 fields',
      'concurrent updates that set and delete different fields are all kept, with the latest moments',
      'an update that races a destroy never revives the record; destroy returns its data only if it was done',
      'an update with expectations that races a destroy returns done, gone or a real mismatch',
      'an update that races a rotation is done and in the record that the rotation returns, or it is gone',
      'concurrent touches and updates are all kept: the latest moments and every field',
      COUNT,
      ONE_OF_20,
      ONE_TIME,
    ],
  },
  {
    defect: 'update compares the expectations before the atomic step',
    Store: class extends ReferenceStore {
      override async update(id: string, update: SessionUpdate, now: number): Promise<UpdateResult> {
        const record = await this.backend.step(cells => this.presentIn(cells, id, now));
        const mismatch = record && mismatchOf(record.data, update.expect);
        return mismatch ?? super.update(id, { ...update, expect: undefined }, now);
      }
    },
    breaks: [COUNT, ONE_OF_20, ONE_TIME],
  },
  {
    defect: 'update writes each field in a step of its own',
    Store: class extends ReferenceStore {
      override async update(id: string, update: SessionUpdate, now: number): Promise<UpdateResult> {
        let result = await super.update(id, { ...update, set: {} }, now);
        for (const [field, text] of Object.entries(update.set)) {
          if (result !== 'done') break;
          result = await super.update(id, { ...update, set: { [field]: text }, expect: undefined }, now);
        }
        return result;
      }
    },
    breaks: [
      'after concurrent updates of the same two fields both fields hold the values of one update',
      'a load during concurrent updates never returns half of an update',
    ],
  },
  {
    defect: 'update replaces all data',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        const record = this.presentIn(cells, id, now);
        const removed = [...update.delete, ...Object.keys(record?.data ?? {})].filter(
          field => !Object.hasOwn(update.set, field),
        );
        return super.updateIn(cells, id, { ...update, delete: removed }, now);
      }
    },
    breaks: [
      'an update sets and deletes the fields it names, and leaves the other fields and meta unchanged',
      'an update that names no field returns done and changes no data',
    ],
  },
  {
    defect: 'update drops a text if its moments are older than the stored ones',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        const record = this.presentIn(cells, id, now);
        const isOld = record && update.lastSeenAt < record.lastSeenAt;
        return super.updateIn(cells, id, isOld ? { ...update, set: {}, delete: [] } : update, now);
      }
    },
    breaks: ['of two updates that set the same field, the later one is kept, whatever their moments are'],
  },
  {
    defect: 'an update without fields finds nothing to do and returns gone',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        const isEmpty = Object.keys(update.set).length + update.delete.length === 0;
        return isEmpty ? 'gone' : super.updateIn(cells, id, update, now);
      }
    },
    breaks: ['an update that names no field returns done and changes no data'],
  },
  {
    defect: 'update moves moments back',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        const result = super.updateIn(cells, id, update, now);
        const record = this.presentIn(cells, id, now);
        const { expiresAt, lastSeenAt } = update;
        if (result === 'done' && record) this.write(cells, id, { ...record, expiresAt, lastSeenAt });
        return result;
      }
    },
    breaks: [
      'an update moves each moment forward only, independently of the other',
      'concurrent updates that set and delete different fields are all kept, with the latest moments',
    ],
  },
  {
    defect: 'update ignores the expectations',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        return super.updateIn(cells, id, { ...update, expect: undefined }, now);
      }
    },
    breaks: [MISMATCH, ONE_OF_20, ONE_TIME],
  },
  {
    defect: 'an expectation of absence never holds',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        const { expect = {} } = update;
        const absent = Object.keys(expect).filter(field => expect[field] === null);
        if (absent.length > 0 && this.presentIn(cells, id, now))
          return { current: Object.fromEntries(absent.map(field => [field, null])) };
        return super.updateIn(cells, id, update, now);
      }
    },
    breaks: [
      'an update is applied if all its expectations hold: texts or absence, for fields it writes and for others',
    ],
  },
  {
    defect: 'a mismatch names only the expectations that failed',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        const result = super.updateIn(cells, id, update, now);
        if (typeof result === 'string') return result;
        const failed = Object.entries(result.current).filter(
          ([field, text]) => update.expect?.[field] !== text,
        );
        return { current: Object.fromEntries(failed) };
      }
    },
    breaks: [MISMATCH],
  },
  {
    defect: 'a mismatch returns stale texts',
    Store: class extends ReferenceStore {
      override async update(id: string, update: SessionUpdate, now: number): Promise<UpdateResult> {
        const before = await this.backend.step(cells => this.presentIn(cells, id, now));
        const result = await super.update(id, update, now);
        if (typeof result === 'string' || !before) return result;
        const fields = Object.keys(result.current);
        return { current: Object.fromEntries(fields.map(field => [field, textOf(before.data, field)])) };
      }
    },
    breaks: [COUNT, ONE_OF_20],
  },
  {
    defect: 'a mismatch moves the moments',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        const result = super.updateIn(cells, id, update, now);
        if (typeof result === 'object')
          super.updateIn(cells, id, { ...update, set: {}, delete: [], expect: undefined }, now);
        return result;
      }
    },
    breaks: [MISMATCH],
  },
  {
    defect: 'a mismatch still removes fields',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        const result = super.updateIn(cells, id, update, now);
        const record = this.presentIn(cells, id, now);
        if (typeof result === 'object' && record) {
          const { delete: removed } = update;
          this.write(cells, id, applyUpdate(record, { ...record, set: {}, delete: removed }));
        }
        return result;
      }
    },
    breaks: [MISMATCH],
  },
  {
    defect: 'an empty text counts as absent',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        const result = super.updateIn(cells, id, update, now);
        if (typeof result === 'string') return result;
        const texts = Object.entries(result.current).map(([field, text]) => [
          field,
          text === '' ? null : text,
        ]);
        return { current: Object.fromEntries(texts) as Record<string, string | null> };
      }
    },
    breaks: ['a field with an empty text is present, not absent'],
  },
  {
    defect: 'update compares the expectations although the record is absent',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        const { data } = this.recordIn(cells, id) ?? { data: {} };
        return mismatchOf(data, update.expect) ?? super.updateIn(cells, id, update, now);
      }
    },
    breaks: [
      'an update with expectations returns gone, not a mismatch, if the record is absent',
      'for update, a record is present 1 ms before its expiry and absent exactly at it',
    ],
  },
  {
    defect: 'loses the field __proto__',
    Store: class extends ReferenceStore {
      protected override write(cells: Cells, id: string, record: SessionRecord): void {
        const data: Record<string, string> = {};
        for (const [field, text] of Object.entries(record.data)) data[field.replace('d:__p', '__p')] = text;
        super.write(cells, id, { ...record, data });
      }
    },
    breaks: [ANY_FIELD],
  },
  {
    defect: 'a NUL ends a field name',
    Store: storing(field => field.split('\u0000')[0] ?? ''),
    breaks: [ANY_FIELD],
  },
  {
    defect: 'stores field names as UTF-8: lone surrogates become equal',
    Store: storing(field => Buffer.from(field).toString()),
    breaks: [ANY_FIELD],
  },
  {
    defect: 'takes dots in a field name for a path',
    Store: storing(field => field.replaceAll('.', '/')),
    breaks: [ANY_FIELD],
  },
  {
    defect: 'normalizes field names',
    Store: storing(field => field.normalize()),
    breaks: [ANY_FIELD],
  },
  {
    defect: 'takes texts for numbers',
    Store: storing(
      field => field,
      text => (/^-?\d+(?:e\d+)?$/.test(text) ? String(Number(text)) : text),
    ),
    breaks: [ANY_TEXT],
  },
  {
    defect: 'trims texts',
    Store: storing(
      field => field,
      text => text.trim(),
    ),
    breaks: [ANY_TEXT],
  },
  {
    defect: 'cuts texts after 64 KiB',
    Store: storing(
      field => field,
      text => text.slice(0, 65_536),
    ),
    breaks: ['a text of one megabyte is kept, and an expectation compares all of it'],
  },
  {
    defect: 'keeps 256 fields',
    Store: class extends ReferenceStore {
      protected override write(cells: Cells, id: string, record: SessionRecord): void {
        super.write(cells, id, {
          ...record,
          data: Object.fromEntries(Object.entries(record.data).slice(0, 256)),
        });
      }
    },
    breaks: ['a record with 500 fields is kept'],
  },
];
