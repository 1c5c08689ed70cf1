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
  let isWritten = false;
  for (let step = 0; step < MAX_STEPS; step++) {
    const ended = await collection.findOneAndDelete(present(next, now), bounds);
    if (ended !== null) return ended;
    // Only now: a rotation that comes between the two commands has left its mark when we look for it.
    const { _id, ...isPresent } = present(next, now);
    const found = await collection.findOne(
      { _id, $or: [{ u: { $gt: now } }, isPresent] },
      { ...bounds, projection: { r: 1 } },
    );
    if (found === null) return null;
    // A record after all: MongoDB repeats a delete that meets an update, some that speak its protocol do not.
    isWritten = typeof found['r'] !== 'string';
    if (typeof found['r'] === 'string') next = found['r'];
  }
  if (isWritten)
    throw new Error('[session:mongodb] the session is being written so often that it cannot be removed');
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
