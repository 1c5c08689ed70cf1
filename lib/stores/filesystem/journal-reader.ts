import { writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { SessionMoments } from '../../store/session-record.interface.js';
import { FileReader, FOREIGN } from './file-access.js';
import { eachFrame, type Entry } from './frame.js';

// A journal begins with a line that names its format, followed by four slots of fixed size. When the disk is full, a
// touch cannot append an entry. It then writes the two moments into a slot, because overwriting needs no room.

const MAGIC = 'nestjs-http-session journal 1'.padEnd(32);
const SLOTS = 4;
/** Two moments as doubles in hex, and a checksum. */
const SLOT_BYTES = 40;

/** The position of the first frame. */
export const HEAD_BYTES = MAGIC.length + SLOTS * SLOT_BYTES;
/** The head of a new journal. */
export const EMPTY_HEAD = Buffer.from(MAGIC.padEnd(HEAD_BYTES));

/** Whether a file begins like a journal of ours. */
export function hasHead(bytes: Buffer): boolean {
  return bytes.length >= HEAD_BYTES && bytes.compare(EMPTY_HEAD, 0, MAGIC.length, 0, MAGIC.length) === 0;
}

/** The latest moments in the slots; `undefined` if no slot was used. A slot with a wrong checksum is ignored. */
export function momentsInSlots(head: Buffer, seed: number): SessionMoments | undefined {
  if (head.compare(EMPTY_HEAD, 0, HEAD_BYTES, 0, HEAD_BYTES) === 0) return undefined;
  let latest: SessionMoments | undefined;
  for (let slot = 0; slot < SLOTS; slot++) {
    const at = MAGIC.length + slot * SLOT_BYTES;
    const text = head.toString('latin1', at, at + SLOT_BYTES);
    if (text.slice(32) !== checksum(text.slice(0, 32), seed)) continue;
    const bytes = Buffer.from(text.slice(0, 32), 'hex');
    latest = {
      expiresAt: Math.max(bytes.readDoubleBE(0), latest?.expiresAt ?? -Infinity),
      lastSeenAt: Math.max(bytes.readDoubleBE(8), latest?.lastSeenAt ?? -Infinity),
    };
  }
  return latest;
}

/** Overwrites a slot. The file must not be open for appending. */
export function writeSlot(fd: number, slot: number, moments: SessionMoments, seed: number): void {
  const bytes = Buffer.alloc(16);
  bytes.writeDoubleBE(moments.expiresAt, 0);
  bytes.writeDoubleBE(moments.lastSeenAt, 8);
  const text = bytes.toString('hex');
  writeSync(fd, `${text}${checksum(text, seed)}`, MAGIC.length + (slot % SLOTS) * SLOT_BYTES, 'latin1');
}

const checksum = (text: string, seed: number): string => crc32(text, seed).toString(16).padStart(8, '0');

/** The answer of `apply` to an entry that this version does not know. The file then counts as broken. */
export const UNKNOWN_ENTRY = Symbol('unknown entry');

/** The rules of one kind of journal. All readers that replay the same entries get the same state. */
export interface Replay<State> {
  /** The state before the first entry. The moments come from the head, where touches wrote them on a full disk. */
  start(moments: SessionMoments | undefined): State;
  /** Applies one entry to the state, and returns the outcome of the entry. */
  apply(state: State, entry: Entry): unknown;
  /** Whether the entries made a usable state. */
  isWhole(state: State): boolean;
  /** One entry that makes the same state; `undefined` if nothing of the state has to be kept. */
  snapshot(state: State): Entry | undefined;
}

/** A journal that was read up to some position. */
export interface Reading<State> {
  readonly state: State;
  /** Where the last complete entry ends. */
  end: number;
  /** Where the first entry ends: about the size of the journal after a rewrite. */
  firstEnd: number;
  entries: number;
  /** Whether an incomplete entry follows: a write that was cut off, or one in progress. */
  isTorn: boolean;
  /** The file names in the SEAL entries, in order. Entries after the first SEAL have no effect. */
  readonly seals: string[];
}

/** Is called for each entry, with its outcome if the entry had an effect. */
type OnEntry = (entry: Entry, hasCounted: boolean, outcome: unknown) => void;

const SEAL = 'S';
export const sealEntry = (name: string): Entry => [SEAL, name];

/** Reads journals by replaying their entries. */
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

  /** Applies the entries that were appended since. Returns `false` if the journal is broken now. */
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
