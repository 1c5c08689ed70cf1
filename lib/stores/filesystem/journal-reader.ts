import type { SessionMoments } from '../../store/session-record.interface.js';
import { FileReader, FOREIGN } from './file-access.js';
import { eachFrame, type Entry } from './frame.js';
import { hasHead, HEAD_BYTES, momentsInSlots } from './journal-head.js';

/** What `apply` says of an entry that no version we know has written: the file is then not ours to judge. */
export const UNKNOWN_ENTRY = Symbol('unknown entry');

/** How a kind of journal is understood. Replaying the same entries gives every reader the same state. */
export interface Replay<State> {
  /** Nothing yet, but perhaps moments that a full disk kept out of the entries. */
  start(moments: SessionMoments | undefined): State;
  /** Takes one entry in, and says what came of it. */
  apply(state: State, entry: Entry): unknown;
  /** Whether the entries made something that can be worked with. */
  isWhole(state: State): boolean;
  /** The entry that says all of the state; `undefined` when there is nothing left to keep. */
  snapshot(state: State): Entry | undefined;
}

/** What a journal says so far. */
export interface Reading<State> {
  readonly state: State;
  /** Where the last whole entry ends. */
  end: number;
  /** Where the first one ends: about as short as the journal can get. */
  firstEnd: number;
  entries: number;
  /** Whether something follows that is not a whole entry: a write that was cut off, or one that is going on. */
  isTorn: boolean;
  /** The names in its SEAL entries, in order. Entries after the first of them do not count. */
  readonly seals: string[];
}

/** Hears of each entry, and of what came of it if it counted. */
type OnEntry = (entry: Entry, hasCounted: boolean, outcome: unknown) => void;

const SEAL = 'S';
export const sealEntry = (name: string): Entry => [SEAL, name];

/** Replays journals. */
export class JournalReader<State> {
  readonly #files = new FileReader();

  constructor(readonly replay: Replay<State>) {}

  read(fd: number, seed: number): Reading<State> | 'broken' {
    const bytes = this.#files.read(fd, 0);
    if (bytes === FOREIGN || !hasHead(bytes)) return 'broken';
    const state = this.replay.start(momentsInSlots(bytes, seed));
    const reading = { state, end: HEAD_BYTES, firstEnd: 0, entries: 0, isTorn: false, seals: [] };
    const isReadable = this.#take(reading, bytes, HEAD_BYTES, seed);
    return isReadable && this.replay.isWhole(state) ? reading : 'broken';
  }

  /** Takes in what was appended since. `false`: it is broken now. */
  catchUp(fd: number, reading: Reading<State>, seed: number, onEntry?: OnEntry): boolean {
    const bytes = this.#files.read(fd, reading.end);
    return bytes !== FOREIGN && this.#take(reading, bytes, 0, seed, onEntry);
  }

  #take(reading: Reading<State>, bytes: Buffer, from: number, seed: number, onEntry?: OnEntry): boolean {
    const origin = reading.end - from;
    const end = eachFrame(bytes, from, seed, (entry, entryEnd) => {
      if (++reading.entries === 1) reading.firstEnd = origin + entryEnd;
      if (entry[0] === SEAL) return typeof entry[1] === 'string' && reading.seals.push(entry[1]) > 0;
      const hasCounted = reading.seals.length === 0;
      const outcome = hasCounted ? this.replay.apply(reading.state, entry) : undefined;
      onEntry?.(entry, hasCounted, outcome);
      return outcome !== UNKNOWN_ENTRY;
    });
    if (end === 'broken') return false;
    reading.end = origin + end;
    reading.isTorn = end < bytes.length;
    return true;
  }
}
