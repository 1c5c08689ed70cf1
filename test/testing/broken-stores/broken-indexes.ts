import type { SessionIndex } from '../../../lib/index.js';
import { DAY } from '../../support/durations.js';
import type { BrokenStore } from './broken-store.js';
import { ReferenceIndex, ReferenceStore, type Backend } from './reference.store.js';

/** A store with this index. */
function withIndex(Index: new (backend: Backend, prefix: string) => SessionIndex) {
  return class extends ReferenceStore {
    protected override makeIndex(): SessionIndex {
      return new Index(this.backend, this.prefix);
    }
  };
}

const SEPARATE = 'the lists of users are separate, for user ids with any characters and of any length';
const HEALED = 'an add removes the entries of its user whose limit has passed, and no others';
const LISTED = 'an added entry is listed and confirmed until it is removed';

export const brokenIndexes: readonly BrokenStore[] = [
  {
    defect: 'list rejects for an unknown user',
    Store: withIndex(
      class extends ReferenceIndex {
        override async list(user: string, now: number) {
          if (!this.backend.users.has(this.keyOf(user))) throw new Error('not found');
          return super.list(user, now);
        }
      },
    ),
    breaks: ['the list of a user without sessions is empty'],
  },
  {
    defect: 'the index forgets all but the last two entries of a user',
    Store: withIndex(
      class extends ReferenceIndex {
        override async add(user: string, id: string, until: number, now: number) {
          await super.add(user, id, until, now);
          const entries = this.entriesOf(user);
          for (const other of [...entries.keys()].slice(0, -2)) entries.delete(other);
        }
      },
    ),
    breaks: [LISTED, '50 concurrent adds are all kept, and so are adds that run concurrently with removes'],
  },
  {
    defect: 'confirm is always true',
    Store: withIndex(
      class extends ReferenceIndex {
        override async confirm() {
          return true;
        }
      },
    ),
    breaks: [LISTED, HEALED, 'the list of a user without sessions is empty'],
  },
  {
    defect: 'remove rejects if an entry does not exist',
    Store: withIndex(
      class extends ReferenceIndex {
        override async remove(user: string, ids: readonly string[]) {
          for (const id of ids) if (!this.entriesOf(user).delete(id)) throw new Error('not found');
        }
      },
    ),
    breaks: ['removing absent entries, or an empty list of entries, succeeds and changes nothing'],
  },
  {
    defect: 'the limit of a removed entry is kept',
    Store: withIndex(
      class extends ReferenceIndex {
        readonly #limits = new Map<string, number>();
        override async add(user: string, id: string, until: number, now: number) {
          const limit = Math.max(until, this.#limits.get(id) ?? 0);
          this.#limits.set(id, limit);
          await super.add(user, id, limit, now);
        }
      },
    ),
    breaks: ['a removed entry can be added again'],
  },
  {
    defect: 'list ignores the limits',
    Store: withIndex(
      class extends ReferenceIndex {
        override async list(user: string) {
          return [...this.entriesOf(user).keys()];
        }
      },
    ),
    breaks: [
      'an entry is listed 1 ms before its limit and not exactly at it',
      'if an entry is added twice, the later of the two limits counts, in either order',
    ],
  },
  {
    defect: 'an entry is listed at its limit',
    Store: withIndex(
      class extends ReferenceIndex {
        override async list(user: string, now: number) {
          return super.list(user, now - 1);
        }
      },
    ),
    breaks: ['an entry is listed 1 ms before its limit and not exactly at it'],
  },
  {
    defect: 'a second add replaces the limit',
    Store: withIndex(
      class extends ReferenceIndex {
        override async add(user: string, id: string, until: number, now: number) {
          this.entriesOf(user).delete(id);
          await super.add(user, id, until, now);
        }
      },
    ),
    breaks: ['if an entry is added twice, the later of the two limits counts, in either order'],
  },
  {
    defect: 'add removes no past entries',
    Store: withIndex(
      class extends ReferenceIndex {
        override async add(user: string, id: string, until: number) {
          await super.add(user, id, until, 0);
        }
      },
    ),
    breaks: [HEALED],
  },
  {
    defect: 'add removes entries that are not past',
    Store: withIndex(
      class extends ReferenceIndex {
        override async add(user: string, id: string, until: number, now: number) {
          await super.add(user, id, until, now + DAY / 2);
        }
      },
    ),
    breaks: [HEALED],
  },
  {
    defect: 'add removes the past entries after it has written its own: an old limit removes the new entry',
    Store: withIndex(
      class extends ReferenceIndex {
        override async add(user: string, id: string, until: number, now: number) {
          const isPast = (this.entriesOf(user).get(id) ?? Infinity) <= now;
          await super.add(user, id, until, now);
          if (isPast) this.entriesOf(user).delete(id);
        }
      },
    ),
    breaks: ['after its limit has passed, an entry can be added again with a new limit'],
  },
  {
    defect: 'list removes entries that have no record',
    Store: withIndex(
      class extends ReferenceIndex {
        override async list(user: string, now: number) {
          for (const id of this.entriesOf(user).keys())
            if (!this.backend.cells.has(this.prefix + id)) this.entriesOf(user).delete(id);
          return super.list(user, now);
        }
      },
    ),
    breaks: ['an entry needs no record: it can be added first, and list does not remove it', LISTED],
  },
  {
    defect: 'remove ends the sessions, too',
    Store: withIndex(
      class extends ReferenceIndex {
        override async remove(user: string, ids: readonly string[]) {
          await super.remove(user, ids);
          for (const id of ids) this.backend.cells.delete(this.prefix + id);
        }
      },
    ),
    breaks: ['an entry needs no record: it can be added first, and list does not remove it'],
  },
  {
    defect: 'user ids that differ in case are one user',
    Store: withIndex(
      class extends ReferenceIndex {
        protected override keyOf(user: string) {
          return super.keyOf(user.toLowerCase());
        }
      },
    ),
    breaks: [SEPARATE],
  },
  {
    defect: 'user ids are cut after 255 characters',
    Store: withIndex(
      class extends ReferenceIndex {
        protected override keyOf(user: string) {
          return super.keyOf(user.slice(0, 255));
        }
      },
    ),
    breaks: [SEPARATE],
  },
  {
    defect: 'add writes all entries of the user, which it has read before',
    Store: withIndex(
      class extends ReferenceIndex {
        override async add(user: string, id: string, until: number) {
          const before = await this.backend.step(() => new Map(this.entriesOf(user)));
          await this.backend.step(() => this.backend.users.set(this.keyOf(user), before.set(id, until)));
        }
      },
    ),
    breaks: ['50 concurrent adds are all kept, and so are adds that run concurrently with removes'],
  },
  {
    defect: 'the index of all prefixes is in one place',
    Store: withIndex(
      class extends ReferenceIndex {
        protected override keyOf(user: string) {
          return user;
        }
      },
    ),
    breaks: ['two stores with different prefixes do not share index entries'],
  },
  {
    defect: 'the index reports a fault as an absent entry',
    Store: withIndex(
      class extends ReferenceIndex {
        override async list(user: string, now: number) {
          return super.list(user, now).catch(() => []);
        }
      },
    ),
    breaks: [
      'if the backend cannot be reached, each method of the index rejects: a fault is never reported as an absent entry',
      'if the backend refuses, each method of the index rejects',
    ],
  },
];
