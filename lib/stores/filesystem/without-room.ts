import { fdatasyncSync, fstatSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { moveForward, type DestroyStep } from '../../store/record-operations.js';
import type { SessionMoments } from '../../store/session-record.interface.js';
import { useAndClose, FOR_WRITING, isStillAt, openExisting, removeFile } from './file-access.js';
import { outOfRoomError } from './faults.js';
import { writeSlot } from './journal-reader.js';
import { AGAIN, type OpenJournal } from './journal.js';
import { removeSealed } from './journal-rewriter.js';
import { markOrGone, presentRecord, type JournaledSession } from './session-journal.js';

// On a full disk no entry can be appended. It must still be possible to touch and to end a session.

const MAX_ATTEMPTS = 8;

/**
 * Moves the moments by overwriting a slot in the head of the journal, which needs no room. Two processes may write
 * the same slot at the same time. So each of them reads the journal again, and repeats the write if its moments are
 * missing.
 */
export function touchWithoutRoom(
  { fd, path, seed, reader }: OpenJournal<JournaledSession>,
  moments: SessionMoments,
  now: number,
  isDurable: boolean,
): boolean | typeof AGAIN {
  const target = openExisting(path, FOR_WRITING);
  if (typeof target !== 'number') return AGAIN;
  return useAndClose(target, () => {
    if (fstatSync(target).ino !== fstatSync(fd).ino) return AGAIN;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const reading = reader.read(fd, seed);
      if (reading === 'broken' || !isStillAt(path, fd)) return AGAIN;
      const record = presentRecord(reading.state, now);
      if (!record) return false;
      // The process that rewrites the journal may have read the slots already, so this touch could be lost.
      if (reading.seals.length > 0) throw outOfRoomError();
      const moved = moveForward(record, moments);
      if (moved.expiresAt === record.expiresAt && moved.lastSeenAt === record.lastSeenAt) return true;
      writeSlot(target, now + attempt, moved, seed);
      if (isDurable) fdatasyncSync(target);
    }
    throw outOfRoomError();
  });
}

/**
 * Ends a session by removing its file, which only one process can do. If another process has appended an entry that
 * ends the session, that entry counts. A rotation leaves no mark, because there is no room for it.
 */
export function destroyWithoutRoom(
  { fd, path, seed, reader }: OpenJournal<JournaledSession>,
  now: number,
): DestroyStep | typeof AGAIN {
  if (!isStillAt(path, fd) || !removeFile(path)) return AGAIN;
  const reading = reader.read(fd, seed);
  if (reading === 'broken') return AGAIN;
  // A process that is rewriting the journal must not bring the session back.
  removeSealed(dirname(path), reading.seals);
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return AGAIN;
  return presentRecord(reading.state, now) ?? markOrGone(reading.state, now);
}
