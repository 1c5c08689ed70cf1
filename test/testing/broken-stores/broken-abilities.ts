import { isRecord, presentAt } from '../../../lib/store/record-operations.js';
import {
  StoreRefusedError,
  type DestroyOptions,
  type SessionRecord,
  type SessionUpdate,
} from '../../../lib/index.js';
import { DAY, MINUTE } from '../../support/durations.js';
import type { BrokenStore } from './broken-store.js';
import { isMark, ReferenceStore, type Backend, type Cells } from './reference.store.js';

const DECLARED = 'the harness declares every ability that the store has, and no other';
const PRUNED = 'prune removes exactly the records that are expired at its now, and returns how many';
const MARKS = 'prune does not count the marks of rotations, and keeps recent marks';
const FIVE =
  'if the backend cannot be reached, each of the five methods rejects: a fault is never reported as an absent record';
const REFUSED = 'if the backend refuses, each of the five methods rejects with StoreRefusedError';
const PING = 'ping resolves if the backend can be used, and rejects with the cause if it cannot be reached';

/** The expired records in a backend. */
function expiredIn(cells: Cells, now: number): string[] {
  return [...cells].flatMap(([key, text]) => {
    const held: unknown = JSON.parse(text);
    return isRecord(held) && !presentAt(held, now) ? [key] : [];
  });
}

const timers: NodeJS.Timeout[] = [];

export const brokenAbilities: readonly BrokenStore[] = [
  {
    defect: 'has a prune that its harness does not declare',
    Store: ReferenceStore,
    harness: { abilities: ['index', 'ping', 'open', 'close'] },
    breaks: [DECLARED],
  },
  {
    defect: 'has no index, although its harness declares one',
    Store: class extends ReferenceStore {
      declare index: never;
      constructor(backend: Backend, prefix?: string) {
        super(backend, prefix);
        Reflect.deleteProperty(this, 'index');
      }
    },
    breaks: [DECLARED, 'the list of a user without sessions is empty'],
  },
  {
    defect: 'open returns one text instead of a list',
    Store: class extends ReferenceStore {
      override async open() {
        return 'this server is old' as unknown as readonly string[];
      }
    },
    breaks: ['open returns warnings for the log: a list of texts'],
  },
  {
    defect: 'close rejects the second time',
    Store: class extends ReferenceStore {
      #isClosed = false;
      override async close() {
        if (this.#isClosed) throw new Error('already closed');
        this.#isClosed = true;
      }
    },
    breaks: ['close may be called repeatedly, also before open'],
  },
  {
    defect: 'close closes what it was given',
    Store: class extends ReferenceStore {
      override async close() {
        this.backend.state = 'down';
      }
    },
    breaks: ['close ends nothing that another store over the same place uses'],
  },
  {
    defect: 'close leaves its timer running',
    Store: class extends ReferenceStore {
      override async open() {
        timers.push(setInterval(() => undefined, MINUTE));
        return [];
      }
    },
    harness: { dispose: () => timers.splice(0).forEach(clearInterval) },
    breaks: ['close releases the timers and connections that the store opened, so that the process can end'],
  },
  {
    defect: 'prune removes records that are not expired yet',
    Store: class extends ReferenceStore {
      override async prune(now: number) {
        return super.prune(now + MINUTE);
      }
    },
    breaks: [PRUNED],
  },
  {
    defect: 'prune returns the number of all records',
    Store: class extends ReferenceStore {
      override async prune(now: number) {
        const { size } = this.backend.cells;
        await super.prune(now);
        return size;
      }
    },
    breaks: [PRUNED, MARKS],
  },
  {
    defect: 'prune removes marks that have not ended',
    Store: class extends ReferenceStore {
      override async prune(now: number) {
        const count = await super.prune(now);
        for (const [key, text] of this.backend.cells)
          if (isMark(JSON.parse(text))) this.backend.cells.delete(key);
        return count;
      }
    },
    breaks: [MARKS],
  },
  {
    defect: 'prune looks for expired records first, and removes them later',
    Store: class extends ReferenceStore {
      override async prune(now: number) {
        const keys = await this.backend.step(cells => expiredIn(cells, now));
        await this.backend.step(cells => keys.forEach(key => cells.delete(key)));
        return keys.length;
      }
    },
    breaks: [
      'two calls of prune at the same time remove each expired record once, and return together how many',
      'prune never removes a record that a touch or an update extends at the same time',
      'prune removes no record of a store with another prefix',
    ],
  },
  {
    defect: 'prune removes broken records',
    Store: class extends ReferenceStore {
      override async prune(now: number) {
        const count = await super.prune(now);
        for (const key of this.backend.cells.keys())
          if (this.heldIn(this.backend.cells, key.slice(this.prefix.length)) === 'broken')
            this.backend.cells.delete(key);
        return count;
      }
    },
    breaks: ['prune removes no broken record and does not count it'],
  },
  {
    defect: 'prune swallows a fault',
    Store: class extends ReferenceStore {
      override async prune(now: number) {
        return super.prune(now).catch(() => 0);
      }
    },
    breaks: ['if the backend cannot be reached, prune rejects'],
  },
  {
    defect: 'stores with different prefixes share one place',
    Store: class extends ReferenceStore {
      constructor(backend: Backend) {
        super(backend, 'the only prefix:');
      }
    },
    breaks: [
      'two stores with different prefixes do not share records',
      'two stores with different prefixes do not share the marks of rotations',
      'two stores with different prefixes do not share index entries',
      'prune removes no record of a store with another prefix',
    ],
  },
  {
    defect: 'load returns nothing for a broken record',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        const record = await super.load(id);
        return record === 'broken' ? undefined : record;
      }
    },
    breaks: ['load returns broken for a record that cannot be read, each time'],
  },
  {
    defect: 'load removes a broken record',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        const record = await super.load(id);
        if (record === 'broken') this.backend.cells.delete(this.keyOf(id));
        return record;
      }
    },
    breaks: ['load returns broken for a record that cannot be read, each time'],
  },
  {
    defect: 'update writes over a broken record',
    Store: class extends ReferenceStore {
      protected override updateIn(cells: Cells, id: string, update: SessionUpdate, now: number) {
        if (this.heldIn(cells, id) === 'broken') {
          const { set: data, expiresAt, lastSeenAt } = update;
          this.write(cells, id, { data, expiresAt, lastSeenAt, meta: '' });
        }
        return super.updateIn(cells, id, update, now);
      }
    },
    breaks: ['for update and touch a broken record is absent, and they do not repair it'],
  },
  {
    defect: 'destroy removes a broken record',
    Store: class extends ReferenceStore {
      protected override endIn(cells: Cells, id: string, now: number) {
        const isBroken = this.heldIn(cells, id) === 'broken';
        const step = super.endIn(cells, id, now);
        if (isBroken) cells.delete(this.keyOf(id));
        return step;
      }
    },
    breaks: [
      'for destroy a broken record is absent: destroy does not remove it and leaves no mark',
      'a destroy that follows a mark to a broken record returns nothing and leaves the record',
    ],
  },
  {
    defect: 'load reports a fault as an absent record',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        return super.load(id).catch(() => undefined);
      }
    },
    breaks: [FIVE, REFUSED],
  },
  {
    defect: 'destroy reports a fault as an absent record',
    Store: class extends ReferenceStore {
      override async destroy(id: string, now: number, options?: DestroyOptions) {
        return super.destroy(id, now, options).catch(() => undefined);
      }
    },
    breaks: [FIVE, REFUSED],
  },
  {
    defect: 'rejects with a text instead of an Error',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        return super.load(id).catch(() => Promise.reject('connection refused' as unknown as Error));
      }
    },
    breaks: [FIVE],
  },
  {
    defect: 'has lost its records after an outage',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        if (this.backend.state === 'down') this.backend.cells.clear();
        return super.load(id);
      }
    },
    breaks: ['after an outage the store works again without a new start, and its records are unchanged'],
  },
  {
    defect: 'reports a refusal as any other error',
    Store: class extends ReferenceStore {
      override async load(id: string) {
        return super.load(id).catch(() => Promise.reject(new Error('wrong password')));
      }
    },
    breaks: [REFUSED],
  },
  {
    defect: 'touch writes the data again, and so fails on a full backend',
    Store: class extends ReferenceStore {
      protected override move(cells: Cells, id: string, record: SessionRecord): void {
        if (this.backend.state === 'full') throw new StoreRefusedError('no space left');
        super.move(cells, id, record);
      }
    },
    breaks: ['on a full backend create rejects, and load, touch and destroy work: touch never writes data'],
  },
  {
    defect: 'ping always resolves',
    Store: class extends ReferenceStore {
      override async ping() {}
    },
    breaks: [PING, 'if the backend refuses, ping rejects with the cause'],
  },
  {
    defect: 'ping always rejects',
    Store: class extends ReferenceStore {
      override async ping() {
        throw new Error('unknown command');
      }
    },
    breaks: ['ping resolves if the backend can be used', PING],
  },
  {
    defect: 'open reports a backend that cannot be reached as a refusal',
    Store: class extends ReferenceStore {
      override async open() {
        return super.open().catch(() => Promise.reject(new StoreRefusedError('cannot be reached')));
      }
    },
    breaks: [
      'if the backend cannot be reached at the start, open rejects, but not with StoreRefusedError, and the store connects later',
    ],
  },
  {
    defect: 'open does not ask the backend',
    Store: class extends ReferenceStore {
      override async open() {
        return [];
      }
    },
    breaks: [
      'if the backend cannot be reached at the start, open rejects, but not with StoreRefusedError, and the store connects later',
      'if the backend refuses, open rejects with StoreRefusedError',
    ],
  },
  {
    defect: 'keeps a record that is expired for a day',
    Store: class extends ReferenceStore {
      override async prune(now: number) {
        return super.prune(now - DAY);
      }
    },
    breaks: [PRUNED],
  },
];
