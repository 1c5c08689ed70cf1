import { SUCCESSOR_MARK_MS } from '../../store/session-store.js';
import type { SessionDocuments } from './session-collection.js';
import { markOf, presentAt, type StoredDocument } from './session-document.js';

/** How many marks are followed. The store writes no circle of marks, but other writers of the collection could. */
const MAX_STEPS = 16;

/** Removes a record and returns it. If the id was rotated away, removes the record that its marks lead to. */
export async function endSession(
  { collection, bounds }: SessionDocuments,
  id: string,
  now: number,
): Promise<StoredDocument | null> {
  let next = id;
  let isThere = false;
  for (let step = 0; step < MAX_STEPS; step++) {
    const ended = await collection.findOneAndDelete(presentAt(next, now), bounds);
    if (ended !== null) return ended;
    // The mark is looked for second: if a rotation runs between the two commands, its mark is already there.
    const { _id, ...isPresent } = presentAt(next, now);
    const isMark = { r: { $type: 'string' as const }, u: { $gt: now } };
    const found = await collection.findOne(
      { _id, $or: [isMark, isPresent] },
      { ...bounds, projection: { r: 1 } },
    );
    if (found === null) return null;
    const { r: successor } = found;
    // It is a record: MongoDB repeats a delete that meets an update, but some servers with its protocol do not.
    isThere = typeof successor !== 'string';
    if (typeof successor === 'string') next = successor;
  }
  if (isThere)
    throw new Error(
      `[session:mongodb] the session was changed between ${MAX_STEPS} attempts to delete it and was not removed; call destroy() again`,
    );
  return null;
}

/** Replaces a record by a mark that leads to its successor, and returns the record. */
export function replaceSession(
  { collection, bounds }: SessionDocuments,
  id: string,
  now: number,
  successor: string,
): Promise<StoredDocument | null> {
  return collection.findOneAndReplace(presentAt(id, now), markOf(successor, now + SUCCESSOR_MARK_MS), {
    ...bounds,
    returnDocument: 'before',
  });
}
