import { isMoment } from '../../store/record-operations.js';
import type { Entry } from './frame.js';
import { UNKNOWN_ENTRY, type Replay } from './journal-reader.js';

/** The sessions of one user. */
export interface UserState {
  /** The absolute limit of each session, by id; `undefined` before the first entry. */
  entries: Map<string, number> | undefined;
  /** Whether the journal has ended, because it was empty. It is being removed. */
  hasEnded: boolean;
}

const BEGIN = 'B';
const ADD = 'A';
const REMOVE = 'R';
const END = 'X';

export function beginEntry(entries: ReadonlyMap<string, number>): Entry {
  return [BEGIN, '', [...entries]];
}

export function addEntry(nonce: string, id: string, until: number, now: number): Entry {
  if (!isMoment(until) || !isMoment(now))
    throw new TypeError('[session:filesystem] "until" and "now" must be milliseconds since the epoch');
  return [ADD, nonce, id, until, now];
}

export function removeEntry(nonce: string, ids: readonly string[]): Entry {
  return [REMOVE, nonce, ids];
}

/** Ends the journal if all its entries have passed at `now`. */
export function endEntry(nonce: string, now: number): Entry {
  return [END, nonce, now];
}

/** The outcome of an entry. */
export type UserOutcome = 'done' | 'over' | 'kept';

/** Adding a session removes the ones whose limit has passed. All readers do this in the same way. */
export const userReplay: Replay<UserState> = {
  start: () => ({ entries: undefined, hasEnded: false }),

  apply(state, [kind, , ...values]) {
    if (kind === BEGIN) return begin(state, values[0]);
    const { entries } = state;
    if (!entries) return UNKNOWN_ENTRY;
    if (state.hasEnded) return 'over' satisfies UserOutcome;
    if (kind === ADD) return add(entries, values);
    if (kind === REMOVE) return remove(entries, values[0]);
    if (kind === END) return end(state, entries, values[0]);
    return UNKNOWN_ENTRY;
  },

  isWhole: state => state.entries !== undefined,

  // An ended journal is replaced by an empty one, for a user who signs in while it is being removed.
  snapshot: ({ entries, hasEnded }) => entries && beginEntry(hasEnded ? new Map() : entries),
};

function begin(state: UserState, pairs: unknown): unknown {
  if (state.entries || !Array.isArray(pairs)) return UNKNOWN_ENTRY;
  const entries = new Map<string, number>();
  for (const pair of pairs as unknown[]) {
    const [id, until] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (typeof id !== 'string' || !isMoment(until)) return UNKNOWN_ENTRY;
    entries.set(id, until);
  }
  state.entries = entries;
  return undefined;
}

function add(entries: Map<string, number>, [id, until, now]: readonly unknown[]): unknown {
  if (typeof id !== 'string' || !isMoment(until) || !isMoment(now)) return UNKNOWN_ENTRY;
  const longest = Math.max(until, entries.get(id) ?? -Infinity);
  for (const [other, otherUntil] of entries) if (otherUntil <= now) entries.delete(other);
  entries.set(id, longest);
  return 'done' satisfies UserOutcome;
}

function remove(entries: Map<string, number>, ids: unknown): unknown {
  if (!Array.isArray(ids)) return UNKNOWN_ENTRY;
  for (const id of ids as string[]) entries.delete(id);
  return 'done' satisfies UserOutcome;
}

function end(state: UserState, entries: ReadonlyMap<string, number>, now: unknown): unknown {
  if (!isMoment(now)) return UNKNOWN_ENTRY;
  for (const until of entries.values()) if (until > now) return 'kept' satisfies UserOutcome;
  state.hasEnded = true;
  return 'done' satisfies UserOutcome;
}
