import { SUCCESSOR_MARK_MS } from '../../store/session-store.js';
import type { SessionDocuments } from './session-collection.js';
import { markOf, present, type StoredDocument } from './session-document.js';

/** A session cannot be rotated in a circle by us; somebody who writes documents could. */
const MAX_STEPS = 16;

/** Removes the record, or the one that the marks in its place lead to, and gives back what it was. */
export async function endSession(
  { collection, bounds }: SessionDocuments,
  id: string,
  now: number,
): Promise<StoredDocument | null> {
  let next = id;
  let isThere = false;
  for (let step = 0; step < MAX_STEPS; step++) {
    const ended = await collection.findOneAndDelete(present(next, now), bounds);
    if (ended !== null) return ended;
    // Only now: a rotation that comes between the two commands has left its mark when we look for it.
    const { _id, ...isPresent } = present(next, now);
    const isMark = { r: { $type: 'string' as const }, u: { $gt: now } };
    const found = await collection.findOne(
      { _id, $or: [isMark, isPresent] },
      { ...bounds, projection: { r: 1 } },
    );
    if (found === null) return null;
    const { r: successor } = found;
    // A record after all: MongoDB repeats a delete that meets an update, some that speak its protocol do not.
    isThere = typeof successor !== 'string';
    if (typeof successor === 'string') next = successor;
  }
  if (isThere)
    throw new Error('[session:mongodb] the session is written to so often that it cannot be removed');
  return null;
}

/** Puts a mark in the place of the record, and gives back what it was. */
export function replaceSession(
  { collection, bounds }: SessionDocuments,
  id: string,
  now: number,
  successor: string,
): Promise<StoredDocument | null> {
  return collection.findOneAndReplace(present(id, now), markOf(successor, now + SUCCESSOR_MARK_MS), {
    ...bounds,
    returnDocument: 'before',
  });
}
