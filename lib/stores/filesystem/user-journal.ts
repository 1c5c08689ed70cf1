import { isMoment } from '../../store/record-operations.js';
import type { Entry } from './frame.js';
import { UNKNOWN_ENTRY, type Replay } from './journal-reader.js';

/** Which sessions a user has. */
export interface UserState {
  /** Until when each can live, by id. `undefined`: the journal has no beginning yet. */
  entries: Map<string, number> | undefined;
  /** Nothing was left in it, and it is being removed. */
  isOver: boolean;
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
    throw new TypeError('[session:filesystem] "until" and "now" have to be milliseconds since the epoch');
  return [ADD, nonce, id, until, now];
}

export function removeEntry(nonce: string, ids: readonly string[]): Entry {
  return [REMOVE, nonce, ids];
}

/** Ends the journal only if nothing is left in it at `now`. */
export function endEntry(nonce: string, now: number): Entry {
  return [END, nonce, now];
}

/** What came of an entry. */
export type UserOutcome = 'done' | 'over' | 'kept';

/** Entries whose time has passed go when another is added, for everybody who replays it. */
export const userReplay: Replay<UserState> = {
  start: () => ({ entries: undefined, isOver: false }),

  apply(state, [kind, , ...particulars]) {
    if (kind === BEGIN) return begin(state, particulars[0]);
    const { entries } = state;
    if (!entries) return UNKNOWN_ENTRY;
    if (state.isOver) return 'over' satisfies UserOutcome;
    if (kind === ADD) return add(entries, particulars);
    if (kind === REMOVE) return remove(entries, particulars[0]);
    if (kind === END) return end(state, entries, particulars[0]);
    return UNKNOWN_ENTRY;
  },

  isWhole: state => state.entries !== undefined,

  // Of a journal that is over an empty one remains, for a user who comes back while it is being removed.
  snapshot: ({ entries, isOver }) => entries && beginEntry(isOver ? new Map() : entries),
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
  state.isOver = true;
  return 'done' satisfies UserOutcome;
}
