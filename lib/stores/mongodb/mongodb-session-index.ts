import { hashOf } from '../../crypto/hash.js';
import type { SessionIndex } from '../../store/session-store-abilities.interface.js';
import { isSessionId } from '../../store/session-store.js';
import { isDuplicate } from './mongodb-errors.js';
import type { SessionDocuments } from './session-collection.js';
import { dateOf, type StoredDocument } from './session-document.js';

/** Runs commands of the store, with its errors. */
export type Run = <T>(commands: (documents: SessionDocuments) => Promise<T>) => Promise<T>;

/**
 * Which sessions a user has: one document per user, beside the records and on whichever shard its `_id` belongs to.
 * `sessions` holds the ids, each with its limit.
 */
export class MongoSessionIndex implements SessionIndex {
  constructor(readonly run: Run) {}

  async add(user: string, id: string, until: number, now: number): Promise<void> {
    if (!isSessionId(id))
      throw new TypeError('[session:mongodb] an id is 64 lower-case hex digits; this one is not.');
    await this.run(async ({ collection, bounds }) => {
      const upsert = () =>
        collection.updateOne({ _id: nameOf(user) }, added(id, until, now), { ...bounds, upsert: true });
      // Of two first logins at once one makes the document, and the other may be told that it is there.
      await upsert().catch((error: unknown) => {
        if (!isDuplicate(error)) throw error;
        return upsert();
      });
    });
  }

  confirm(user: string, id: string): Promise<boolean> {
    return this.run(async ({ collection, bounds }) => {
      if (!isSessionId(id)) return false;
      const entry = { _id: nameOf(user), [`sessions.${id}`]: { $exists: true } };
      return (await collection.findOne(entry, { ...bounds, projection: { _id: 1 } })) !== null;
    });
  }

  async remove(user: string, ids: readonly string[]): Promise<void> {
    const paths = ids.filter(isSessionId).map(id => [`sessions.${id}`, true] as const);
    if (paths.length === 0) return;
    const $unset = Object.fromEntries(paths);
    await this.run(({ collection, bounds }) =>
      collection.updateOne({ _id: nameOf(user) }, { $unset }, bounds),
    );
  }

  list(user: string, now: number): Promise<readonly string[]> {
    return this.run(async ({ collection, bounds }) =>
      idsUntil(now, await collection.findOne({ _id: nameOf(user) }, bounds)),
    );
  }
}

/** No id: those are hex. Users' names may be of any length and hold anything. */
function nameOf(user: string): string {
  return `user:${hashOf(user)}`;
}

/** Keeps the entries whose limit has not passed, and this one with the later of its limits. */
function added(id: string, until: number, now: number) {
  const others = {
    $filter: {
      input: { $objectToArray: { $ifNull: ['$sessions', {}] } },
      as: 'entry',
      cond: { $and: [{ $gt: ['$$entry.v', now] }, { $ne: ['$$entry.k', id] }] },
    },
  };
  const entry = { k: id, v: { $max: [until, `$sessions.${id}`] } };
  return [
    {
      $set: {
        sessions: { $arrayToObject: { $concatArrays: [others, [entry]] } },
        // When the document may be collected: not before the last of its entries.
        x: { $max: ['$x', dateOf(until)] },
      },
    },
  ];
}

function idsUntil(now: number, found: StoredDocument | null): readonly string[] {
  if (found === null) return [];
  const { sessions } = found;
  // Not "no sessions": a revoke that believed that would end nothing.
  if (typeof sessions !== 'object' || sessions === null) throw damaged(found._id);
  return Object.entries(sessions).flatMap(([id, until]) =>
    typeof until === 'number' && now < until ? [id] : [],
  );
}

function damaged(name: string): Error {
  return new Error(
    `[session:mongodb] the list of a user's sessions is damaged; remove the document "${name}" to begin a new one`,
  );
}
