import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { randomHex } from '../../crypto/random.js';
import {
  closing,
  codeOf,
  faultOf,
  FILE_MODE,
  FOR_APPENDING,
  FOR_CREATING,
  FOR_READING,
  FOREIGN,
  openExisting,
  readAll,
} from './file-access.js';
import { entriesOf, frameOf, type Entry } from './frame.js';

/** How a kind of journal is understood. Replaying the same entries gives every reader the same state. */
export interface Replay<State> {
  start(): State;
  /** Takes one entry in, and says what came of it. */
  apply(state: State, entry: Entry): unknown;
  /** The entries that rebuild the state; `undefined` when there is nothing left to keep. */
  snapshot(state: State): readonly Entry[] | undefined;
}

/** What a journal says so far. */
export interface Reading<State> {
  readonly state: State;
  readonly bytes: number;
  readonly entries: number;
  /** The names in its SEAL entries, in order. Entries after the first do not count. */
  readonly seals: readonly string[];
}

const SEAL = 'S';
/** A journal longer than this is rewritten. Every read replays it, so it is kept short. */
const MAX_ENTRIES = 32;
const MAX_BYTES = 64 * 1024;
/** Only an endless stream of rewrites by others could use these up. */
const MAX_ATTEMPTS = 100;

const TEMPORARY = /\.[0-9a-f]{32}\.tmp$/;
export const isTemporaryName = (name: string): boolean => TEMPORARY.test(name);

/**
 * Files that several processes append to, one entry per change. The file system orders appends, and what an entry does
 * depends only on those before it; so whoever reads the file knows what came of each, and a writer learns what came of
 * its own by reading it back. Nothing is ever changed in place.
 *
 * A journal that has grown long is rewritten: a SEAL entry names the file that will take its place, nothing after the
 * first SEAL counts, and that file is renamed over the journal. A writer that finds a SEAL does not wait for whoever set
 * it, who may be dead: it sets its own, removes the files that earlier SEALs named, so that those renames fail, checks
 * that none has happened yet, and finishes the rewrite itself.
 */
export class Journals<State> {
  constructor(
    readonly replay: Replay<State>,
    readonly isDurable: boolean,
  ) {}

  /** `undefined`: no such file. */
  read(path: string): Reading<State> | 'broken' | undefined {
    const fd = openExisting(path, FOR_READING);
    if (fd === undefined) return undefined;
    if (fd === FOREIGN) return 'broken';
    return closing(fd, () => this.#reading(fd));
  }

  /** Makes a journal; `false` when there is a file already. A crash in between leaves a torn one, which says nothing. */
  create(path: string, entries: readonly Entry[]): boolean {
    let fd: number;
    try {
      fd = openSync(path, FOR_CREATING, FILE_MODE);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error; // a missing folder is the caller's to make
    }
    return closing(fd, () => {
      try {
        this.#append(fd, entries.map(frameOf).join(''));
        if (this.isDurable) syncDirectory(path);
        return true;
      } catch (error) {
        unlinkSync(path);
        throw error;
      }
    });
  }

  /**
   * Appends an entry and tells what came of it. `refuse` may answer from what the journal says already; then nothing is
   * appended.
   *
   * @returns `undefined` when there is no journal
   */
  append<T>(path: string, entry: Entry, refuse: (state: State) => T | undefined): T | 'broken' | undefined {
    const frame = frameOf(entry);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const fd = openExisting(path, FOR_APPENDING);
      if (fd === undefined) return undefined;
      if (fd === FOREIGN) return 'broken';
      const result = closing(fd, () => this.#appendTo(fd, path, entry, frame, refuse));
      if (result !== AGAIN) return result;
    }
    throw new Error(
      '[session:filesystem] a session file was rewritten again and again while it was to be changed',
    );
  }

  /** Rewrites a journal to what still counts. */
  compact(path: string): void {
    const fd = openExisting(path, FOR_APPENDING);
    if (fd === undefined || fd === FOREIGN) return;
    closing(fd, () => this.#compact(fd, path));
  }

  #appendTo<T>(
    fd: number,
    path: string,
    entry: Entry,
    frame: string,
    refuse: (state: State) => T | undefined,
  ): T | 'broken' | typeof AGAIN {
    const before = this.#reading(fd);
    if (before === 'broken') return 'broken';
    if (before.seals.length > 0) {
      this.#compact(fd, path);
      return AGAIN;
    }
    const refusal = refuse(before.state);
    if (refusal !== undefined) return refusal;
    this.#append(fd, frame);
    const { result, reading } = this.#outcome(fd, before, entry, frame);
    if (result === AGAIN) return AGAIN;
    if (reading.entries > MAX_ENTRIES || reading.bytes > MAX_BYTES + 2 * frame.length)
      this.#tryCompact(fd, path);
    return result as T;
  }

  /** What came of the entry that we have just appended, given everything that got in before it. */
  #outcome(fd: number, before: Reading<State>, entry: Entry, frame: string) {
    const tail = readAll(fd, before.bytes);
    if (tail !== FOREIGN && tail.toString('utf8') === frame) {
      const result = this.replay.apply(before.state, entry);
      return {
        result,
        reading: { ...before, bytes: before.bytes + tail.length, entries: before.entries + 1 },
      };
    }
    let result: unknown = AGAIN; // behind a SEAL it does not count
    const reading = this.#reading(fd, (applied, outcome) => {
      if (isSame(applied, entry)) result = outcome;
    });
    if (reading === 'broken')
      throw new Error('[session:filesystem] a session file was damaged while it was changed');
    return { result, reading };
  }

  #reading(fd: number, onApplied?: (entry: Entry, outcome: unknown) => void): Reading<State> | 'broken' {
    const bytes = readAll(fd);
    const entries = bytes === FOREIGN ? 'broken' : entriesOf(bytes.toString('utf8'));
    if (bytes === FOREIGN || entries === 'broken') return 'broken';
    const state = this.replay.start();
    const seals: string[] = [];
    for (const entry of entries) {
      if (entry[0] === SEAL) seals.push(String(entry[1]));
      else if (seals.length === 0) {
        const outcome = this.replay.apply(state, entry);
        onApplied?.(entry, outcome);
      }
    }
    return { state, bytes: bytes.length, entries: entries.length, seals };
  }

  #append(fd: number, text: string): void {
    const bytes = Buffer.from(text);
    const written = writeSync(fd, bytes);
    if (written < bytes.length) {
      // A full disk shows as a short count. What was written is a torn line, which says nothing.
      throw Object.assign(new Error('[session:filesystem] the disk is full'), { code: 'ENOSPC' });
    }
    if (this.isDurable) fdatasyncSync(fd);
  }

  /** A journal that could not be rewritten, because the disk is full, works as before; the next change tries again. */
  #tryCompact(fd: number, path: string): void {
    try {
      this.#compact(fd, path);
    } catch (error) {
      if (!isOutOfRoom(error)) throw error;
    }
  }

  #compact(fd: number, path: string): void {
    const name = `${basename(path)}.${randomHex(16)}.tmp`;
    const temporary = join(dirname(path), name);
    const target = openSync(temporary, FOR_CREATING, FILE_MODE);
    try {
      // Written before the SEAL, so that a full disk is found out while the journal is still open to others.
      const prepared = this.#snapshot(fd);
      if (!prepared) return;
      this.#append(target, prepared.text);
      this.#append(fd, frameOf([SEAL, name]));
      const final = this.#snapshot(fd);
      if (!final) return;
      for (const earlier of final.seals) {
        if (earlier === name) break;
        if (isTemporaryName(earlier)) remove(join(dirname(path), basename(earlier)));
      }
      // No rename of an earlier SEAL can happen any more; had one, the journal would have no name now.
      if (fstatSync(fd).nlink === 0) return;
      if (final.text !== prepared.text) {
        ftruncateSync(target, 0);
        this.#append(target, final.text);
      }
      renameSync(temporary, path);
      if (this.isDurable) syncDirectory(path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error; // a later SEAL's owner finishes it in our place
    } finally {
      closeSync(target);
      remove(temporary);
    }
  }

  /** The text that says what the journal says, or `undefined` when there is nothing to keep. */
  #snapshot(fd: number): { readonly text: string; readonly seals: readonly string[] } | undefined {
    const reading = this.#reading(fd);
    const entries = reading === 'broken' ? undefined : this.replay.snapshot(reading.state);
    if (reading === 'broken' || !entries) return undefined;
    return { text: entries.map(frameOf).join(''), seals: reading.seals };
  }
}

export function isOutOfRoom(error: unknown): boolean {
  const code = codeOf(error) ?? codeOf((error as Error | undefined)?.cause);
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}

/** The entry has to be appended again, to the file that has taken the journal's place. */
const AGAIN = Symbol('again');

/** The second particular of every entry is a random nonce. */
const isSame = (one: Entry, other: Entry): boolean => one[0] === other[0] && one[1] === other[1];

/** Removes a file; one that is not there is fine. */
export function remove(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw faultOf(error);
  }
}

function syncDirectory(path: string): void {
  const fd = openSync(dirname(path), 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
