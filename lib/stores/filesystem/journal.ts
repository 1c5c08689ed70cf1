import { fdatasyncSync, fstatSync, linkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { randomHex } from '../../crypto/random.js';
import {
  appendWhole,
  useAndClose,
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
import { EMPTY_HEAD, JournalReader, type Reading, type Replay } from './journal-reader.js';
import { JournalRewriter } from './journal-rewriter.js';

/** Every read replays the journal, so a journal with more entries is rewritten. */
const MAX_ENTRIES = 32;
/** A journal is also rewritten if it is longer than twice its first entry plus this. */
const SLACK_BYTES = 16 * 1024;
/** Other processes would have to rewrite the journal this often during one call. */
const MAX_ATTEMPTS = 1000;

/** The path leads to another journal now. The change has to be tried again there. */
export const AGAIN = Symbol('again');

/** An open journal, for a change without room to append. */
export interface OpenJournal<State> {
  readonly fd: number;
  readonly path: string;
  readonly seed: number;
  readonly reader: JournalReader<State>;
}

/** One change of a journal. */
export interface Change<State, T> {
  readonly entry: Entry;
  /** The outcome, if it follows from the state already. Then nothing is appended. */
  decide(state: State): T | undefined;
  /** Makes the change when the disk is full. If this is missing, the change is refused then. */
  withoutRoom?(journal: OpenJournal<State>): T | typeof AGAIN | undefined;
}

/**
 * Files to which several processes append, one entry per change. The file system orders the appends, and the effect
 * of an entry depends only on the entries before it. So every reader knows the outcome of each entry. A writer gets
 * the outcome of its own entry by reading it back. No process waits for another one.
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

  /** Returns `undefined` if there is no such file. */
  read(path: string): Reading<State> | 'broken' | undefined {
    const fd = openExisting(path, FOR_READING);
    if (fd === undefined) return undefined;
    if (fd === FOREIGN) return 'broken';
    return useAndClose(fd, () => this.#reader.read(fd, seedOf(basename(path))));
  }

  /** Creates a complete journal, or none. Returns `false` if the name exists. */
  create(path: string, entry: Entry): boolean {
    const folder = dirname(path);
    const name = basename(path);
    const temporary = `${folder}/${temporaryNameFor(name)}`;
    useAndClose(openNew(temporary), fd => {
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

  /** Appends an entry and returns its outcome; `undefined` if there is no journal, or it was removed since. */
  append<T>(path: string, change: Change<State, T>): T | 'broken' | undefined {
    const seed = seedOf(basename(path));
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const fd = openExisting(path, FOR_APPENDING);
      if (fd === undefined) return undefined;
      if (fd === FOREIGN) return 'broken';
      const result = useAndClose(fd, () => this.#attempt({ fd, path, seed, reader: this.#reader }, change));
      if (result !== AGAIN) return result;
    }
    throw new Error(
      `[session:filesystem] other processes rewrote the file ${MAX_ATTEMPTS} times during one change; nothing was changed`,
    );
  }

  /** Replaces a journal by a short one with the same state and without a SEAL. */
  renew(path: string): void {
    const fd = openExisting(path, FOR_APPENDING);
    if (typeof fd === 'number')
      useAndClose(fd, () => this.#rewriter.rewrite(fd, path, seedOf(basename(path))));
  }

  /** Removes a journal if `isDone` accepts its state. Returns `true` if this call removed it. */
  removeIf(path: string, isDone: (state: State) => boolean): boolean {
    const fd = openExisting(path, FOR_READING);
    if (typeof fd !== 'number') return false;
    return useAndClose(fd, () => {
      const reading = this.#reader.read(fd, seedOf(basename(path)));
      // A journal with a SEAL is about to be replaced by another one with the same name.
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

  /** Returns `false` if the disk is too full for a rewrite. The journal then stays long. */
  #hasRewritten({ fd, path, seed }: OpenJournal<State>): boolean {
    try {
      this.#rewriter.rewrite(fd, path, seed);
      return true;
    } catch (error) {
      if (!isOutOfRoom(error)) throw error;
      return false;
    }
  }

  /** The outcome of the entry that was just appended. Other entries may have been appended before it. */
  #outcome(fd: number, reading: Reading<State>, own: Entry, seed: number): unknown {
    // Checked before the entries are read: if a rewrite has removed the name, its SEAL is among the entries.
    const hasName = fstatSync(fd).nlink > 0;
    let isThere = false;
    let outcome: unknown = AGAIN;
    const isReadable = this.#reader.catchUp(fd, reading, seed, (entry, hasCounted, result) => {
      if (entry[0] !== own[0] || entry[1] !== own[1]) return;
      isThere = true;
      if (hasCounted) outcome = result;
    });
    if (!isReadable || !isThere)
      throw new Error(
        '[session:filesystem] the file was damaged during a change; the outcome of the change is unknown',
      );
    return hasName || outcome === AGAIN || reading.seals.length > 0 ? outcome : undefined;
  }
}

function isLong({ entries, end, firstEnd }: Reading<unknown>): boolean {
  return entries > MAX_ENTRIES || end > 2 * firstEnd + SLACK_BYTES;
}

/** Makes texts that no other writer uses. A writer recognises its own entry by its nonce. */
export class Nonces {
  #writer: string | undefined;
  #count = 0;

  next(): string {
    this.#writer ??= randomHex(8);
    return `${this.#writer}${(++this.#count).toString(36)}`;
  }
}
