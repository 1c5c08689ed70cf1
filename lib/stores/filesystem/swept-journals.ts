import { isStillAt, removeFile } from './file-access.js';
import { codeOf } from './faults.js';
import { AGAIN, type Journals } from './journal.js';
import type { Nonces } from './nonces.js';
import type { Kind } from './session-directory.js';
import { expireEntry, type JournaledSession } from './session-journal.js';
import { endEntry, type UserOutcome, type UserState } from './user-journal.js';

/** How far the clocks of two calls may be apart where no entry can decide between them. */
const GRACE_MS = 60_000;

/**
 * Which journals nobody needs any more. It decides by an entry in the journal, as everybody else does: a session that is
 * touched while it is looked at stays.
 */
export class SweptJournals {
  constructor(
    readonly sessions: Journals<JournaledSession>,
    readonly users: Journals<UserState>,
    readonly nonces: Nonces,
  ) {}

  /** `true`: this very call removed a session that had expired, or the list of a user who has none left. */
  remove(kind: Kind, path: string, now: number): boolean {
    try {
      return kind === 'sessions' ? this.#removeSession(path, now) : this.#removeUser(path, now);
    } catch (error) {
      if (codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM') return false; // not ours, and no reason to stop
      throw error;
    }
  }

  #removeSession(path: string, now: number): boolean {
    const reading = this.sessions.read(path);
    if (reading === undefined || reading === 'broken') return false;
    const { record, isEnded, markUntil } = reading.state;
    if (isEnded) {
      // Its destroyer died before it removed the file, or a rotation left it as its mark.
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
    const { entries, isOver } = reading.state;
    if (!isOver) {
      if (entries === undefined || [...entries.values()].some(until => until > now)) return false;
      const change = { entry: endEntry(this.nonces.next(), now), decide: () => undefined };
      if (this.users.append<UserOutcome>(path, change) !== 'done') return false;
    }
    return this.users.removeIf(path, state => state.isOver);
  }
}
