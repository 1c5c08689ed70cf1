import { isStillAt, removeFile } from './file-access.js';
import { codeOf } from './faults.js';
import { AGAIN, type Journals, type Nonces } from './journal.js';
import type { Kind } from './session-directory.js';
import { expireEntry, type JournaledSession } from './session-journal.js';
import { endEntry, type UserOutcome, type UserState } from './user-journal.js';

/** The difference of clocks that is allowed for, where no entry can decide which call was first. */
const GRACE_MS = 60_000;

/**
 * Removes the journals that are no longer needed. It appends an entry, as all other writers do, and lets the journal
 * decide. So a session that is touched at the same moment is kept.
 */
export class SweptJournals {
  constructor(
    readonly sessions: Journals<JournaledSession>,
    readonly users: Journals<UserState>,
    readonly nonces: Nonces,
  ) {}

  /** Returns `true` if this call removed an expired session, or the list of a user who has no session left. */
  remove(kind: Kind, path: string, now: number): boolean {
    try {
      return kind === 'sessions' ? this.#removeSession(path, now) : this.#removeUser(path, now);
    } catch (error) {
      if (codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM') return false; // a file of another user must not stop the sweep
      throw error;
    }
  }

  #removeSession(path: string, now: number): boolean {
    const reading = this.sessions.read(path);
    if (reading === undefined || reading === 'broken') return false;
    const { record, isEnded, markUntil } = reading.state;
    if (isEnded) {
      // The process that ended it died before it removed the file, or the file is the mark of a rotation.
      if (now >= markUntil) this.sessions.removeIf(path, state => state.isEnded);
      return false;
    }
    if (record === undefined || now < record.expiresAt) return false;
    const hasEnded = this.sessions.append<boolean>(path, {
      entry: expireEntry(this.nonces.next(), now),
      decide: state => (state.isEnded ? false : undefined),
      withoutRoom: ({ fd }) => {
        if (now - GRACE_MS < record.expiresAt) return false;
        return isStillAt(path, fd) ? removeFile(path) : AGAIN;
      },
    });
    if (hasEnded !== true) return false;
    removeFile(path);
    return true;
  }

  #removeUser(path: string, now: number): boolean {
    const reading = this.users.read(path);
    if (reading === undefined || reading === 'broken') return false;
    const { entries, hasEnded } = reading.state;
    if (!hasEnded) {
      if (entries === undefined || [...entries.values()].some(until => until > now)) return false;
      const change = { entry: endEntry(this.nonces.next(), now), decide: () => undefined };
      if (this.users.append<UserOutcome>(path, change) !== 'done') return false;
    }
    return this.users.removeIf(path, state => state.hasEnded);
  }
}
