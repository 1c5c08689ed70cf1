import type { Filter } from 'mongodb';
import type { SessionDocuments } from './session-collection.js';
import { dateOf, type StoredDocument } from './session-document.js';

/** How many documents one command removes at most: few enough to finish within the time limit of a command. */
const BATCH = 1_000;

/**
 * Removes what has expired at `now`: sessions first, then marks and lists of users.
 *
 * @returns how many sessions were removed
 */
export async function pruneDocuments(documents: SessionDocuments, now: number): Promise<number> {
  const x = { $lte: dateOf(now) }; // uses the index; the other conditions leave foreign documents alone
  const sessions = await removeAll(documents, { x, e: { $lte: now }, m: { $type: 'string' } });
  await removeAll(documents, { x, $or: [{ u: { $lte: now } }, { sessions: { $exists: true } }] });
  return sessions;
}

async function removeAll(
  { collection, bounds }: SessionDocuments,
  expired: Filter<StoredDocument>,
): Promise<number> {
  let removed = 0;
  for (let more = true; more;) {
    const found = await collection
      .find(expired, { ...bounds, projection: { _id: 1 }, limit: BATCH, batchSize: BATCH, singleBatch: true })
      .toArray();
    more = found.length === BATCH;
    // The condition is repeated, so a session that was touched in between stays.
    const batch = { ...expired, _id: { $in: found.map(({ _id }) => _id) } };
    if (found.length > 0) removed += (await collection.deleteMany(batch, bounds)).deletedCount;
  }
  return removed;
}
