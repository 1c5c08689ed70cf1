import { moveForward, presentAt, writeFields } from '../../../lib/store/record-operations.js';
import type {
  DestroyOptions,
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateResult,
} from '../../../lib/index.js';
import { DAY } from '../../support/durations.js';
import type { BrokenStore } from './broken-store.js';
import { isMark, ReferenceStore, type Cells } from './reference.store.js';

const rounded = (moment: number): number => Math.floor(moment / 1000) * 1000;

export const brokenRecords: readonly BrokenStore[] = [
  {
    defect: 'reports an unknown id as a fault',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        const record = await super.load(id);
        if (record === undefined) throw new Error('not found');
        return record;
      }
    },
    breaks: ['an unknown id is absent for every method, and no call creates it'],
  },
  {
    defect: 'update creates a record that has ended',
    Store: class extends ReferenceStore {
      override async update(id: string, update: SessionUpdate, now: number): Promise<UpdateResult> {
        const result = await super.update(id, update, now);
        if (result !== 'gone') return result;
        const { set: data, expiresAt, lastSeenAt } = update;
        await this.create(id, { data, expiresAt, lastSeenAt, meta: '' });
        return 'done';
      }
    },
    breaks: [
      'an unknown id is absent for every method, and no call creates it',
      'a destroy returns the record with its latest data and leaves nothing',
      'an update with expectations returns gone, not a mismatch, if the record is absent',
      'an update that races a destroy never revives the record; destroy returns its data only if it was done',
    ],
  },
  {
    defect: 'touch creates a record that has ended',
    Store: class extends ReferenceStore {
      override async touch(id: string, moments: SessionMoments, now: number): Promise<boolean> {
        if (await super.touch(id, moments, now)) return true;
        return this.create(id, { ...moments, meta: '', data: {} });
      }
    },
    breaks: [
      'an unknown id is absent for every method, and no call creates it',
      'a second store over the same place sees every change immediately',
      'a touch that races a destroy never revives the record',
    ],
  },
  {
    defect: 'rounds moments to seconds',
    Store: class extends ReferenceStore {
      protected override write(cells: Cells, id: string, record: SessionRecord): void {
        const { expiresAt, lastSeenAt } = record;
        super.write(cells, id, {
          ...record,
          expiresAt: rounded(expiresAt),
          lastSeenAt: rounded(lastSeenAt),
        });
      }
    },
    breaks: [
      'load returns a created record unchanged, with its moments exact to the millisecond',
      'for update, a record is present 1 ms before its expiry and absent exactly at it',
      'for touch, a record is present 1 ms before its expiry and absent exactly at it',
    ],
  },
  {
    defect: 'load counts as activity',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        const record = await super.load(id);
        if (typeof record === 'object') {
          const { expiresAt, lastSeenAt } = record;
          await this.touch(id, { expiresAt, lastSeenAt: lastSeenAt + 1 }, expiresAt - 1);
        }
        return record;
      }
    },
    breaks: ['load writes nothing and moves no moment, and an expired record stays as it is'],
  },
  {
    defect: 'hides expired records',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        const record = await super.load(id);
        return typeof record === 'object' ? presentAt(record, Date.now()) : record;
      }
    },
    breaks: [
      'load returns an expired record: the caller checks the expiry',
      'create returns false while an expired record is still stored, and leaves it unchanged',
      'load writes nothing and moves no moment, and an expired record stays as it is',
    ],
  },
  {
    defect: 'keeps only records that have fields',
    Store: class extends ReferenceStore {
      protected override write(cells: Cells, id: string, record: SessionRecord): void {
        if (Object.keys(record.data).length > 0) super.write(cells, id, record);
        else cells.delete(this.keyOf(id));
      }
    },
    breaks: [
      'a record without data and meta can be created, updated and destroyed',
      'a record still exists after its last field was deleted',
    ],
  },
  {
    defect: 'keeps a record for 30 days at most',
    Store: class extends ReferenceStore {
      protected override write(cells: Cells, id: string, record: SessionRecord): void {
        const last = record.lastSeenAt + 30 * DAY;
        super.write(cells, id, { ...record, expiresAt: Math.min(record.expiresAt, last) });
      }
    },
    breaks: ['a record that expires in 400 days is kept'],
  },
  {
    defect: 'create overwrites',
    Store: class extends ReferenceStore {
      override async create(id: string, record: SessionRecord) {
        return this.backend.step(cells => {
          this.write(cells, id, record);
          return true;
        });
      }
    },
    breaks: [
      'create never overwrites: if the id is taken, it returns false and the record stays unchanged',
      'of 20 concurrent creates exactly one succeeds, and its record is stored',
      'create returns false while an expired record is still stored, and leaves it unchanged',
      'create returns false for a rotated-away id, and its mark stays',
      'create returns false for the id of a broken record, and leaves it broken',
    ],
  },
  {
    defect: 'create looks first and writes later',
    Store: class extends ReferenceStore {
      override async create(id: string, record: SessionRecord) {
        if (await this.backend.step(cells => cells.has(this.keyOf(id)))) return false;
        await this.backend.step(cells => this.write(cells, id, record));
        return true;
      }
    },
    breaks: ['of 20 concurrent creates exactly one succeeds, and its record is stored'],
  },
  {
    defect: 'create overwrites an expired record',
    Store: class extends ReferenceStore {
      override async create(id: string, record: SessionRecord) {
        await this.backend.step(cells => {
          const old = this.recordIn(cells, id);
          if (old && !presentAt(old, Date.now())) cells.delete(this.keyOf(id));
        });
        return super.create(id, record);
      }
    },
    breaks: ['create returns false while an expired record is still stored, and leaves it unchanged'],
  },
  {
    defect: 'create overwrites a broken record',
    Store: class extends ReferenceStore {
      override async create(id: string, record: SessionRecord) {
        await this.backend.step(cells => {
          if (this.heldIn(cells, id) === 'broken') cells.delete(this.keyOf(id));
        });
        return super.create(id, record);
      }
    },
    breaks: ['create returns false for the id of a broken record, and leaves it broken'],
  },
  {
    defect: 'an id that has ended can never be used again',
    Store: class extends ReferenceStore {
      override async create(id: string, record: SessionRecord) {
        return !ended.has(id) && super.create(id, record);
      }
      override async destroy(id: string, now: number, options?: DestroyOptions) {
        const record = await super.destroy(id, now, options);
        if (record) ended.add(id);
        return record;
      }
    },
    breaks: ['after a destroy the same id can be created again, without the old data'],
  },
  {
    defect: 'destroy returns the record as it was created',
    Store: class extends ReferenceStore {
      readonly #created = new Map<string, SessionRecord>();
      override async create(id: string, record: SessionRecord) {
        const created = await super.create(id, record);
        if (created) this.#created.set(id, structuredClone(record));
        return created;
      }
      override async destroy(id: string, now: number, options?: DestroyOptions) {
        return (await super.destroy(id, now, options)) && this.#created.get(id);
      }
    },
    breaks: [
      'a destroy returns the record with its latest data and leaves nothing',
      'a record without data and meta can be created, updated and destroyed',
    ],
  },
  {
    defect: 'destroy returns the record to two callers',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options?: DestroyOptions) {
        const seen = await this.backend.step(cells => this.presentIn(cells, id, now));
        return (await super.destroy(id, now, options)) ?? seen;
      }
    },
    breaks: [
      'of 20 concurrent destroys exactly one gets the record',
      'of two concurrent rotations exactly one succeeds, and the mark names its successor',
    ],
  },
  {
    defect: 'destroy answers again and again',
    Store: class extends ReferenceStore {
      readonly #ended = new Map<string, SessionRecord>();
      override async destroy(id: string, now: number, options?: DestroyOptions) {
        const record = (await super.destroy(id, now, options)) ?? this.#ended.get(id);
        if (record) this.#ended.set(id, record);
        return record;
      }
    },
    breaks: ['a second destroy of the same id returns nothing'],
  },
  {
    defect: 'all ids lead to one record',
    Store: class extends ReferenceStore {
      protected override keyOf(): string {
        return `${this.prefix}${'0'.repeat(64)}`;
      }
    },
    breaks: ['calls for one id do not change the record of another id'],
  },
  {
    defect: 'shares its objects with the caller',
    Store: class extends ReferenceStore {
      readonly #records = new Map<string, SessionRecord>();
      protected override write(cells: Cells, id: string, record: SessionRecord): void {
        super.write(cells, id, record);
        this.#records.set(id, record);
      }
      protected override heldIn(cells: Cells, id: string) {
        const held = super.heldIn(cells, id);
        return typeof held === 'object' && !isMark(held) ? (this.#records.get(id) ?? held) : held;
      }
    },
    breaks: ['mutating an argument or a result does not change the store'],
    harness: { peer: undefined },
  },
  {
    defect: 'changes the records that it has returned',
    Store: class extends ReferenceStore {
      readonly #loaded = new Map<string, SessionRecord>();
      override async load(id: string) {
        const record = await super.load(id);
        if (typeof record === 'object') this.#loaded.set(id, record);
        return record;
      }
      override async update(id: string, update: SessionUpdate, now: number) {
        const result = await super.update(id, update, now);
        const record = this.#loaded.get(id);
        if (result === 'done' && record) writeFields(record.data, update);
        return result;
      }
    },
    breaks: ['a loaded record does not change when the stored one does'],
  },
  {
    defect: 'remembers the records that it has loaded',
    Store: class extends ReferenceStore {
      readonly #loaded = new Map<string, SessionRecord>();
      override async load(id: string) {
        const known = this.#loaded.get(id);
        if (known) return known;
        const record = await super.load(id);
        if (typeof record === 'object') this.#loaded.set(id, record);
        return record;
      }
    },
    breaks: ['a second store over the same place sees every change immediately'],
  },
  {
    defect: 'adopts every text as an id',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        return this.backend.step(cells => this.recordIn(cells, id));
      }
      override async create(id: string, record: SessionRecord) {
        return this.backend.step(cells => {
          this.write(cells, id, record);
          return true;
        });
      }
    },
    breaks: [
      'a string that is not an id is absent for every method, and create throws a TypeError',
      'a string that is not an id is answered without a call to the backend, so also if the backend cannot be reached',
    ],
  },
  {
    defect: 'does not distinguish upper and lower case',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        return super.load(id.toLowerCase());
      }
    },
    breaks: ['an id in upper case does not find the record of the same id in lower case'],
  },
  {
    defect: 'does not look at the expiry',
    Store: class extends ReferenceStore {
      protected override presentIn(cells: Cells, id: string) {
        return this.recordIn(cells, id);
      }
    },
    breaks: [
      'a record that is created with an expiry in the past is absent for update, touch and destroy',
      'for update, a record is present 1 ms before its expiry and absent exactly at it',
      'for touch, a record is present 1 ms before its expiry and absent exactly at it',
      'for destroy, a record is present 1 ms before its expiry and absent exactly at it',
      'update, touch and destroy check the current expiry, not the first one',
      'a rotation of an absent or expired id leaves no mark',
      'a destroy returns nothing if the mark names a successor that has expired or does not exist',
    ],
  },
  {
    defect: 'a record is present at the very moment of its expiry',
    Store: class extends ReferenceStore {
      protected override presentIn(cells: Cells, id: string, now: number) {
        return super.presentIn(cells, id, now - 1);
      }
    },
    breaks: [
      'for update, a record is present 1 ms before its expiry and absent exactly at it',
      'for touch, a record is present 1 ms before its expiry and absent exactly at it',
      'for destroy, a record is present 1 ms before its expiry and absent exactly at it',
    ],
  },
  {
    defect: 'looks at the expiry with which the record was created',
    Store: class extends ReferenceStore {
      readonly #first = new Map<string, number>();
      protected override write(cells: Cells, id: string, record: SessionRecord): void {
        if (!this.#first.has(id)) this.#first.set(id, record.expiresAt);
        super.write(cells, id, record);
      }
      protected override presentIn(cells: Cells, id: string, now: number) {
        return now < (this.#first.get(id) ?? Infinity) ? this.recordIn(cells, id) : undefined;
      }
    },
    breaks: ['update, touch and destroy check the current expiry, not the first one'],
  },
  {
    defect: 'touch moves moments back',
    Store: class extends ReferenceStore {
      override async touch(id: string, moments: SessionMoments, now: number) {
        return this.backend.step(cells => {
          const record = this.presentIn(cells, id, now);
          if (record) this.write(cells, id, { ...record, ...moments });
          return record !== undefined;
        });
      }
    },
    breaks: ['a touch moves each moment forward only, independently of the other, and never rewrites data'],
  },
  {
    defect: 'touch returns false if there was nothing to move',
    Store: class extends ReferenceStore {
      override async touch(id: string, moments: SessionMoments, now: number) {
        return this.backend.step(cells => {
          const record = this.presentIn(cells, id, now);
          if (!record || record.expiresAt >= moments.expiresAt) return false;
          this.write(cells, id, moveForward(record, moments));
          return true;
        });
      }
    },
    breaks: ['a touch moves each moment forward only, independently of the other, and never rewrites data'],
  },
  {
    defect: 'touch writes the whole record, which it has read before',
    Store: class extends ReferenceStore {
      override async touch(id: string, moments: SessionMoments, now: number) {
        const record = await this.backend.step(cells => this.presentIn(cells, id, now));
        if (!record) return false;
        await this.backend.step(cells => this.write(cells, id, moveForward(record, moments)));
        return true;
      }
    },
    breaks: [
      'concurrent touches and updates are all kept: the latest moments and every field',
      'a touch that races a destroy never revives the record',
    ],
  },
  {
    defect: 'touch writes the data that this process has written last',
    Store: class extends ReferenceStore {
      readonly #written = new Map<string, SessionRecord>();
      protected override write(cells: Cells, id: string, record: SessionRecord): void {
        this.#written.set(id, record);
        super.write(cells, id, record);
      }
      override async touch(id: string, moments: SessionMoments, now: number) {
        return this.backend.step(cells => {
          const record = this.presentIn(cells, id, now);
          if (record) this.write(cells, id, moveForward(this.#written.get(id) ?? record, moments));
          return record !== undefined;
        });
      }
    },
    breaks: ['a touch between two updates keeps the data of both'],
  },
];

const ended = new Set<string>();
