import { fdatasyncSync, fstatSync, linkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import {
  appendWhole,
  closing,
  FOR_APPENDING,
  FOR_READING,
  FOREIGN,
  isStillAt,
  openExisting,
  openNew,
  removeFile,
  syncDirectory,
  temporaryNameFor,
  writeWhole,
} from './file-access.js';
import { codeOf, isOutOfRoom } from './faults.js';
import { frameOf, seedOf, type Entry } from './frame.js';
import { EMPTY_HEAD } from './journal-head.js';
import { JournalReader, type Reading, type Replay } from './journal-reader.js';
import { JournalRewriter } from './journal-rewriter.js';

/** Every read replays the journal, so it is rewritten when it has more entries than this. */
const MAX_ENTRIES = 32;
/** And when it is longer than twice its first entry and this. */
const SLACK_BYTES = 16 * 1024;
/** Only an endless stream of rewrites by others could use these up. */
const MAX_ATTEMPTS = 1000;

/** The journal has become another one: the same has to be tried again there. */
export const AGAIN = Symbol('again');

/** An open journal, for what has to be done without room to append. */
export interface OpenJournal<State> {
  readonly fd: number;
  readonly path: string;
  readonly seed: number;
  readonly reader: JournalReader<State>;
}

/** One change of a journal. */
export interface Change<State, T> {
  readonly entry: Entry;
  /** What is clear from what the journal says already; then nothing is appended. */
  decide(state: State): T | undefined;
  /** What can be done when the disk is full. Without it the change is refused. */
  withoutRoom?(journal: OpenJournal<State>): T | typeof AGAIN | undefined;
}

/**
 * Files that several processes append to, one entry per change. The file system orders appends, and what an entry does
 * depends only on those before it; so whoever reads the file knows what came of each, and a writer learns what came of
 * its own by reading it back. Nobody waits for anybody.
 */
export class Journals<State> {
  readonly #reader: JournalReader<State>;
  readonly #rewriter: JournalRewriter<State>;

  constructor(
    replay: Replay<State>,
    readonly isDurable: boolean,
  ) {
    this.#reader = new JournalReader(replay);
    this.#rewriter = new JournalRewriter(this.#reader, isDurable);
  }

  /** `undefined`: no such file. */
  read(path: string): Reading<State> | 'broken' | undefined {
    const fd = openExisting(path, FOR_READING);
    if (fd === undefined) return undefined;
    if (fd === FOREIGN) return 'broken';
    return closing(fd, () => this.#reader.read(fd, seedOf(basename(path))));
  }

  /** Makes a journal, whole or not at all. `false`: that name is taken. */
  create(path: string, entry: Entry): boolean {
    const folder = dirname(path);
    const name = basename(path);
    const temporary = `${folder}/${temporaryNameFor(name)}`;
    closing(openNew(temporary), fd => {
      try {
        writeWhole(fd, Buffer.concat([EMPTY_HEAD, frameOf(entry, seedOf(name))]));
        if (this.isDurable) fdatasyncSync(fd);
      } catch (error) {
        removeFile(temporary);
        throw error;
      }
    });
    try {
      linkSync(temporary, path); // unlike a rename it never replaces anything
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      removeFile(temporary);
    }
    if (this.isDurable) syncDirectory(folder);
    return true;
  }

  /** Appends an entry and tells what came of it. `undefined`: there is no journal, or no longer. */
  append<T>(path: string, change: Change<State, T>): T | 'broken' | undefined {
    const seed = seedOf(basename(path));
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const fd = openExisting(path, FOR_APPENDING);
      if (fd === undefined) return undefined;
      if (fd === FOREIGN) return 'broken';
      const result = closing(fd, () => this.#attempt({ fd, path, seed, reader: this.#reader }, change));
      if (result !== AGAIN) return result;
    }
    throw new Error('[session:filesystem] a file was rewritten again and again while it was to be changed');
  }

  /** Puts a journal of what it says in its place, short and without a SEAL. */
  renew(path: string): void {
    const fd = openExisting(path, FOR_APPENDING);
    if (typeof fd === 'number') closing(fd, () => this.#rewriter.rewrite(fd, path, seedOf(basename(path))));
  }

  /** Removes a journal that says what `isDone` looks for. `true`: this very call removed it. */
  removeIf(path: string, isDone: (state: State) => boolean): boolean {
    const fd = openExisting(path, FOR_READING);
    if (typeof fd !== 'number') return false;
    return closing(fd, () => {
      const reading = this.#reader.read(fd, seedOf(basename(path)));
      // A sealed one is about to become another journal, under the same name.
      if (reading === 'broken' || reading.seals.length > 0 || !isDone(reading.state)) return false;
      return isStillAt(path, fd) && removeFile(path);
    });
  }

  #attempt<T>(
    journal: OpenJournal<State>,
    change: Change<State, T>,
  ): T | 'broken' | typeof AGAIN | undefined {
    const { fd, path, seed } = journal;
    const reading = this.#reader.read(fd, seed);
    if (reading === 'broken') return 'broken';
    const known = change.decide(reading.state);
    if (known !== undefined) return known;
    try {
      if (reading.seals.length > 0 || reading.isTorn) {
        this.#rewriter.rewrite(fd, path, seed);
        return AGAIN;
      }
      if (isLong(reading) && this.#hasRewritten(journal)) return AGAIN;
      appendWhole(fd, frameOf(change.entry, seed));
      if (this.isDurable) fdatasyncSync(fd);
      return this.#outcome(fd, reading, change.entry, seed) as T | typeof AGAIN | undefined;
    } catch (error) {
      if (change.withoutRoom === undefined || !isOutOfRoom(error)) throw error;
      return change.withoutRoom(journal);
    }
  }

  /** A journal that cannot be rewritten, because the disk is full, only stays long. */
  #hasRewritten({ fd, path, seed }: OpenJournal<State>): boolean {
    try {
      this.#rewriter.rewrite(fd, path, seed);
      return true;
    } catch (error) {
      if (!isOutOfRoom(error)) throw error;
      return false;
    }
  }

  /** What came of the entry that we have just appended, given everything that got in before it. */
  #outcome(fd: number, reading: Reading<State>, own: Entry, seed: number): unknown {
    // Looked at before the entries: had a rewrite taken the name away, its SEAL would be among them.
    const hasName = fstatSync(fd).nlink > 0;
    let isThere = false;
    let outcome: unknown = AGAIN;
    const isReadable = this.#reader.catchUp(fd, reading, seed, (entry, hasCounted, result) => {
      if (entry[0] !== own[0] || entry[1] !== own[1]) return;
      isThere = true;
      if (hasCounted) outcome = result;
    });
    if (!isReadable || !isThere)
      throw new Error('[session:filesystem] a file was damaged while it was changed');
    return hasName || outcome === AGAIN || reading.seals.length > 0 ? outcome : undefined;
  }
}

function isLong({ entries, end, firstEnd }: Reading<unknown>): boolean {
  return entries > MAX_ENTRIES || end > 2 * firstEnd + SLACK_BYTES;
}
