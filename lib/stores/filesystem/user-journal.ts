import type { Entry } from './frame.js';
import type { Replay } from './journal.js';

/** Which sessions a user has, and until when each can live. */
export type UserState = Map<string, number>;

const BEGIN = 'B';
const ADD = 'A';
const REMOVE = 'R';

export const beginEntry = (): Entry => [BEGIN, ''];
export const addEntry = (nonce: string, id: string, until: number, now: number): Entry => [
  ADD,
  nonce,
  id,
  until,
  now,
];
export const removeEntry = (nonce: string, ids: readonly string[]): Entry => [REMOVE, nonce, ids];

/** Entries whose time has passed go when another is added, here as in the journal. */
export const userReplay: Replay<UserState> = {
  start: () => new Map(),

  apply(state, [kind, , ...particulars]) {
    if (kind === ADD) {
      const [id, until, now] = particulars as [string, number, number];
      for (const [other, otherUntil] of state) if (otherUntil <= now) state.delete(other);
      state.set(id, Math.max(until, state.get(id) ?? 0));
    }
    if (kind === REMOVE) for (const id of particulars[0] as string[]) state.delete(id);
    return true;
  },

  snapshot: state => [beginEntry(), ...[...state].map(([id, until]) => addEntry('', id, until, 0))],
};
