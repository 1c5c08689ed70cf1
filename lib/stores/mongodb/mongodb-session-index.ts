import { hashOf } from '../../crypto/hash.js';
import type { SessionIndex } from '../../store/session-store-abilities.interface.js';
import { assertSessionId, isSessionId } from '../../store/session-store.js';
import { isDuplicate } from './mongodb-errors.js';
import type { SessionDocuments } from './session-collection.js';
import { dateOf, type StoredDocument } from './session-document.js';

/** Runs commands and rejects with the errors of the store. */
export type Run = <T>(commands: (documents: SessionDocuments) => Promise<T>) => Promise<T>;

/**
 * The sessions of each user: one document per user, in the collection of the records, on the shard of its own `_id`.
 * `sessions` maps each id to its limit.
 */
export class MongoSessionIndex implements SessionIndex {
  constructor(readonly run: Run) {}

  async add(user: string, id: string, until: number, now: number): Promise<void> {
    assertSessionId(id);
    await this.run(async ({ collection, bounds }) => {
      const upsert = () =>
        collection.updateOne({ _id: nameOf(user) }, addEntry(id, until, now), { ...bounds, upsert: true });
      // Of two first logins in parallel one creates the document. The other may fail because it exists now.
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
      liveIds(now, await collection.findOne({ _id: nameOf(user) }, bounds)),
    );
  }
}

/** The `_id` of a user's document. It differs from every session id, which is hex. A user id may be any text. */
function nameOf(user: string): string {
  return `user:${hashOf(user)}`;
}

/** An update that adds an entry, with the later of its two limits, and removes entries whose limit has passed. */
function addEntry(id: string, until: number, now: number) {
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
        // MongoDB must not remove the document before its last entry ends.
        x: { $max: ['$x', dateOf(until)] },
      },
    },
  ];
}

function liveIds(now: number, found: StoredDocument | null): readonly string[] {
  if (found === null) return [];
  const { sessions } = found;
  // Do not answer "no sessions": a revoke would then end nothing.
  if (typeof sessions !== 'object' || sessions === null) throw damagedListError(found._id);
  return Object.entries(sessions).flatMap(([id, until]) =>
    typeof until === 'number' && now < until ? [id] : [],
  );
}

function damagedListError(name: string): Error {
  return new Error(
    `[session:mongodb] the list of a user's sessions is damaged; remove the document "${name}"`,
  );
}
