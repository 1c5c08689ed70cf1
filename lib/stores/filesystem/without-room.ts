import { fdatasyncSync, fstatSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { moveForward, type DestroyStep } from '../../store/record-operations.js';
import type { SessionMoments } from '../../store/session-record.interface.js';
import { closing, FOR_WRITING, isStillAt, openExisting, removeFile } from './file-access.js';
import { outOfRoom } from './faults.js';
import { writeSlot } from './journal-head.js';
import { AGAIN, type OpenJournal } from './journal.js';
import { removeSealed } from './journal-rewriter.js';
import { markOrGone, presentRecord, type JournaledSession } from './session-journal.js';

// On a full disk nothing can be appended. Sessions still have to be kept alive, and ended.

const MAX_ATTEMPTS = 8;

/**
 * Moves the moments by overwriting a slot at the head of the journal, which takes no room. Two processes that do so at
 * once may take the same slot; each looks again, and writes anew what it does not find.
 */
export function touchWithoutRoom(
  { fd, path, seed, reader }: OpenJournal<JournaledSession>,
  moments: SessionMoments,
  now: number,
  isDurable: boolean,
): boolean | typeof AGAIN {
  const target = openExisting(path, FOR_WRITING);
  if (typeof target !== 'number') return AGAIN;
  return closing(target, () => {
    if (fstatSync(target).ino !== fstatSync(fd).ino) return AGAIN;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const reading = reader.read(fd, seed);
      if (reading === 'broken' || !isStillAt(path, fd)) return AGAIN;
      const record = presentRecord(reading.state, now);
      if (!record) return false;
      // Whoever rewrites the journal may have read the slots already, and cannot finish on this disk.
      if (reading.seals.length > 0) throw outOfRoom();
      const moved = moveForward(record, moments);
      if (moved.expiresAt === record.expiresAt && moved.lastSeenAt === record.lastSeenAt) return true;
      writeSlot(target, now + attempt, moved, seed);
      if (isDurable) fdatasyncSync(target);
    }
    throw outOfRoom();
  });
}

/**
 * Ends a session by removing its file, which only one can do. Should somebody else have appended an END meanwhile, that
 * one counts. There is no room for a mark, so a rotation leaves none.
 */
export function destroyWithoutRoom(
  { fd, path, seed, reader }: OpenJournal<JournaledSession>,
  now: number,
): DestroyStep | typeof AGAIN {
  if (!isStillAt(path, fd) || !removeFile(path)) return AGAIN;
  const reading = reader.read(fd, seed);
  if (reading === 'broken') return AGAIN;
  // Somebody who rewrites it now must not bring it back.
  removeSealed(dirname(path), reading.seals);
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return AGAIN;
  return presentRecord(reading.state, now) ?? markOrGone(reading.state, now);
}
