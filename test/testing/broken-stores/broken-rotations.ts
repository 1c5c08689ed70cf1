import { destroyThroughMarks } from '../../../lib/store/record-operations.js';
import { SUCCESSOR_MARK_MS } from '../../../lib/store/session-store.js';
import type { DestroyOptions, SessionMoments, SessionRecord } from '../../../lib/index.js';
import { HOUR } from '../../support/durations.js';
import type { BrokenStore } from './broken-store.js';
import { isMark, ReferenceStore, type Cells, type Mark } from './reference.store.js';

const FOLLOWED =
  'a destroy of a rotated-away id ends the successor and returns the record of the successor, once';
const CHAIN = 'a destroy follows a chain of rotations to its end';
const MIDDLE = 'a destroy that starts in the middle of a chain reaches the same end';
const MINUTE = 'a mark lasts exactly a minute: a destroy follows it 1 ms before the end and not at the end';
const OWN_MINUTE = 'in a chain each mark has a minute of its own';
const TWO_ROTATIONS = 'of two concurrent rotations exactly one succeeds, and the mark names its successor';
const NO_MARK = 'a rotation of an absent or expired id leaves no mark';
const NO_SUCCESSOR =
  'a destroy returns nothing if the mark names a successor that has expired or does not exist';
const NOT_AGAIN = 'a rotation does not follow marks: a rotated-away id cannot be rotated again';
const ABSENT = 'a rotated-away id is absent for load, update and touch, and they do not change its successor';

export const brokenRotations: readonly BrokenStore[] = [
  {
    defect: 'a rotation writes the old record over the new one',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options: DestroyOptions = {}) {
        const record = await super.destroy(id, now, options);
        const { successor } = options;
        if (record && successor !== undefined)
          await this.backend.step(cells => this.write(cells, successor, record));
        return record;
      }
    },
    breaks: ['a rotation returns the old record and keeps the new one', ABSENT],
  },
  {
    defect: 'a rotation leaves no mark',
    Store: class extends ReferenceStore {
      protected override mark(cells: Cells, id: string): void {
        cells.delete(this.keyOf(id));
      }
    },
    breaks: [
      FOLLOWED,
      CHAIN,
      MIDDLE,
      'a mark stays after the expiry of the rotated-away record',
      'create returns false for a rotated-away id, and its mark stays',
      'a destroy that races a rotation always ends a session: the old one or its successor',
    ],
  },
  {
    defect: 'load follows marks',
    Store: class extends ReferenceStore {
      override async load(id: string): Promise<SessionRecord | 'broken' | undefined> {
        const held = await this.backend.step(cells => this.heldIn(cells, id));
        return isMark(held) ? super.load(held.successor) : held;
      }
    },
    breaks: [ABSENT],
  },
  {
    defect: 'touch follows marks',
    Store: class extends ReferenceStore {
      override async touch(id: string, moments: SessionMoments, now: number) {
        const held = await this.backend.step(cells => this.heldIn(cells, id));
        return super.touch(isMark(held) ? held.successor : id, moments, now);
      }
    },
    breaks: [ABSENT],
  },
  {
    defect: 'load returns a mark as a broken record',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        const held = await this.backend.step(cells => this.heldIn(cells, id));
        return isMark(held) ? ('broken' as const) : held;
      }
    },
    breaks: [ABSENT],
  },
  {
    defect: 'a destroy follows one mark only',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options: DestroyOptions = {}) {
        if (options.successor !== undefined) return super.destroy(id, now, options);
        return this.backend.step(cells => {
          const first = this.endIn(cells, id, now);
          const last = isMark(first) ? this.endIn(cells, first.successor, now) : first;
          return last === 'gone' || isMark(last) ? undefined : (last as SessionRecord);
        });
      }
    },
    breaks: [CHAIN, MIDDLE],
  },
  {
    defect: 'a destroy that follows a mark returns nothing, although it ends the successor',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options?: DestroyOptions) {
        const isRotated = isMark(await this.backend.step(cells => this.heldIn(cells, id)));
        const record = await super.destroy(id, now, options);
        return isRotated ? undefined : record;
      }
    },
    breaks: [FOLLOWED, CHAIN],
  },
  {
    defect: 'a rotation follows marks',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options: DestroyOptions = {}) {
        const held = await this.backend.step(cells => this.heldIn(cells, id));
        const isRotation = options.successor !== undefined;
        return super.destroy(isRotation && isMark(held) ? held.successor : id, now, options);
      }
    },
    breaks: [NOT_AGAIN],
  },
  {
    defect: 'a second rotation overwrites the mark',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options: DestroyOptions = {}) {
        const record = await super.destroy(id, now, options);
        const { successor } = options;
        if (successor !== undefined)
          await this.backend.step(cells => {
            const until = now + SUCCESSOR_MARK_MS;
            if (isMark(this.heldIn(cells, id))) this.mark(cells, id, { successor, until });
          });
        return record;
      }
    },
    breaks: [NOT_AGAIN, TWO_ROTATIONS],
  },
  {
    defect: 'a mark never ends',
    Store: class extends ReferenceStore {
      protected override mark(cells: Cells, id: string, { successor }: Mark): void {
        super.mark(cells, id, { successor, until: Number.MAX_SAFE_INTEGER });
      }
    },
    breaks: [MINUTE, OWN_MINUTE],
  },
  {
    defect: 'a mark ends 1 ms early',
    Store: class extends ReferenceStore {
      protected override mark(cells: Cells, id: string, { successor, until }: Mark): void {
        super.mark(cells, id, { successor, until: until - 1 });
      }
    },
    breaks: [MINUTE],
  },
  {
    defect: 'a mark ends with the expiry of the record that was rotated away',
    Store: class extends ReferenceStore {
      protected override mark(cells: Cells, id: string, { successor, until }: Mark): void {
        const end = this.recordIn(cells, id)?.expiresAt ?? until;
        super.mark(cells, id, { successor, until: Math.min(end, until) });
      }
    },
    breaks: ['a mark stays after the expiry of the rotated-away record'],
  },
  {
    defect: 'a new rotation extends the marks before it',
    Store: class extends ReferenceStore {
      protected override mark(cells: Cells, id: string, mark: Mark): void {
        super.mark(cells, id, mark);
        for (const key of cells.keys()) {
          const other = key.slice(this.prefix.length);
          const held = this.heldIn(cells, other);
          if (isMark(held)) super.mark(cells, other, { ...held, until: mark.until });
        }
      }
    },
    breaks: [OWN_MINUTE],
  },
  {
    defect: 'a rotation of an absent id leaves a mark',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options: DestroyOptions = {}) {
        const { successor } = options;
        const record = await super.destroy(id, now, options);
        if (!record && successor !== undefined)
          await this.backend.step(cells => {
            const until = now + SUCCESSOR_MARK_MS;
            if (!cells.has(this.keyOf(id))) this.mark(cells, id, { successor, until });
          });
        return record;
      }
    },
    breaks: [NO_MARK],
  },
  {
    defect: 'a destroy through a mark ends an expired successor',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options: DestroyOptions = {}) {
        const held = await this.backend.step(cells => this.heldIn(cells, id));
        const isFollowed = options.successor === undefined && isMark(held) && now < held.until;
        return isFollowed
          ? super.destroy(held.successor, now - HOUR, options)
          : super.destroy(id, now, options);
      }
    },
    breaks: [NO_SUCCESSOR],
  },
  {
    defect: 'a destroy through a mark always returns a record',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options: DestroyOptions = {}) {
        const held = await this.backend.step(cells => this.heldIn(cells, id));
        const record = await super.destroy(id, now, options);
        const isFollowed = options.successor === undefined && isMark(held) && now < held.until;
        return record ?? (isFollowed ? { expiresAt: now, lastSeenAt: now, meta: '', data: {} } : undefined);
      }
    },
    breaks: [
      NO_SUCCESSOR,
      'after a destroy of the successor the rotated-away id is absent',
      'if marks form a circle, a destroy ends and returns nothing',
      'of 20 concurrent destroys of a rotated-away id and its successor exactly one gets the record',
    ],
  },
  {
    defect: 'a destroy follows marks in a circle until the stack is full',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options: DestroyOptions = {}) {
        if (options.successor !== undefined) return super.destroy(id, now, options);
        const follow = (cells: Cells, each: string): SessionRecord | undefined => {
          const step = this.endIn(cells, each, now);
          if (step === 'gone') return undefined;
          return 'successor' in step ? follow(cells, step.successor) : step;
        };
        return this.backend.step(cells => follow(cells, id));
      }
    },
    breaks: ['if marks form a circle, a destroy ends and returns nothing'],
  },
  {
    defect: 'a rotation reads the record in one step and removes it in another',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options: DestroyOptions = {}) {
        const { successor } = options;
        if (successor === undefined) return super.destroy(id, now);
        const record = await this.backend.step(cells => this.presentIn(cells, id, now));
        if (!record) return undefined;
        const mark = { successor, until: now + SUCCESSOR_MARK_MS };
        await this.backend.step(cells => this.mark(cells, id, mark));
        return record;
      }
    },
    breaks: [
      TWO_ROTATIONS,
      'an update that races a rotation is done and in the record that the rotation returns, or it is gone',
      'a destroy that races a rotation always ends a session: the old one or its successor',
    ],
  },
  {
    defect: 'a destroy looks for a mark first, and ends the record in a later step',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options: DestroyOptions = {}) {
        if (options.successor !== undefined) return super.destroy(id, now, options);
        const held = await this.backend.step(cells => this.heldIn(cells, id));
        if (isMark(held)) return super.destroy(id, now);
        return this.backend.step(cells => {
          const record = this.presentIn(cells, id, now);
          if (record) cells.delete(this.keyOf(id));
          return record;
        });
      }
    },
    breaks: ['a destroy that races a rotation always ends a session: the old one or its successor'],
  },
  {
    defect: 'the marks of all prefixes are in one place',
    Store: class extends ReferenceStore {
      protected override mark(cells: Cells, id: string, mark: Mark): void {
        super.mark(cells, id, mark);
        this.backend.cells.set(`mark:${id}`, JSON.stringify(mark));
      }
      override async destroy(id: string, now: number, options: DestroyOptions = {}) {
        const record = await super.destroy(id, now, options);
        const text = this.backend.cells.get(`mark:${id}`);
        if (record || options.successor !== undefined || text === undefined) return record;
        const { successor } = JSON.parse(text) as Mark;
        return this.backend.step(cells =>
          destroyThroughMarks(successor, each => this.endIn(cells, each, now)),
        );
      }
    },
    breaks: ['two stores with different prefixes do not share the marks of rotations'],
  },
];
