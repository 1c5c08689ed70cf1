import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { FOR_READING, FOR_WRITING, removeFile } from './file-access.js';
import { codeOf, isOutOfRoom } from './faults.js';

/** A lease that ends later than this was written with a wrong clock. */
const LONGEST_MS = 60 * 60_000;

/**
 * Lets one process at a time sweep. If the owner does not renew its lease, the lease ends, so a dead process blocks no
 * other one. If two processes take over an ended lease at the same time, both may sweep. That only costs work, because
 * every removal is decided in the journal of the session.
 */
export class SweepLease {
  constructor(
    readonly path: string,
    readonly owner: string,
  ) {}

  /** Takes or renews the lease until a moment. Returns `false` if another process has it. */
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
      if (codeOf(error) === 'ENOENT') return false; // another process took this lease for an ended one
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
