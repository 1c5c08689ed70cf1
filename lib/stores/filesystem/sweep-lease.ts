import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { FOR_READING, FOR_WRITING, removeFile } from './file-access.js';
import { codeOf, isOutOfRoom } from './faults.js';

/** A lease that ends later than this was not made by our clock. */
const LONGEST_MS = 60 * 60_000;

/**
 * Lets one process at a time sweep. A lease that its owner does not renew runs out, so nobody waits for the dead. Two
 * that take a lapsed one at once may both sweep; that costs work and nothing else, for every removal is decided in the
 * session's own journal.
 */
export class SweepLease {
  constructor(
    readonly path: string,
    readonly owner: string,
  ) {}

  /** Takes the lease until a moment, or keeps it. `false`: another process has it. */
  take(now: number, until: number): boolean {
    const text = `${this.owner} ${String(until).padEnd(20)}\n`;
    if (this.#make(text)) return true;
    const { owner, end } = this.#held();
    if (owner === this.owner) return this.#overwrite(text);
    if (now < end && end <= now + LONGEST_MS) return false;
    removeFile(this.path);
    return this.#make(text);
  }

  #make(text: string): boolean {
    try {
      writeFileSync(this.path, text, { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      if (isOutOfRoom(error)) return true; // sweeping is what makes room
      throw error;
    }
  }

  #overwrite(text: string): boolean {
    try {
      const fd = openSync(this.path, FOR_WRITING);
      try {
        return writeSync(fd, text, 0) > 0;
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false; // somebody thought us dead
      throw error;
    }
  }

  #held(): { readonly owner: string; readonly end: number } {
    try {
      const fd = openSync(this.path, FOR_READING);
      try {
        const bytes = Buffer.alloc(128);
        const [owner = '', end = ''] = bytes.toString('latin1', 0, readSync(fd, bytes, 0, 128, 0)).split(' ');
        return { owner, end: Number.parseInt(end, 10) };
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { owner: '', end: Number.NaN };
      throw error;
    }
  }
}
