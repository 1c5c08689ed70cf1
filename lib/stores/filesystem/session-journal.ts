import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateResult,
} from '../../store/session-record.interface.js';
import { SUCCESSOR_MARK_MS } from '../../store/session-store.js';
import type { Entry } from './frame.js';
import type { Replay } from './journal.js';

/** What a session's journal says. */
export interface SessionState {
  record: SessionRecord | undefined;
  isEnded: boolean;
  successor: string | undefined;
  markUntil: number;
}

const CREATE = 'C';
const UPDATE = 'U';
const TOUCH = 'T';
const DESTROY = 'D';
const EXPIRE = 'X';

// Every entry but the first carries a nonce, by which its writer finds it again, and the `now` of its call, so that
// everybody who replays it decides alike.

export const createEntry = (record: SessionRecord): Entry => [CREATE, '', record];
export const updateEntry = (nonce: string, now: number, update: SessionUpdate): Entry => [
  UPDATE,
  nonce,
  now,
  update,
];
export const touchEntry = (nonce: string, now: number, { expiresAt, lastSeenAt }: SessionMoments): Entry => [
  TOUCH,
  nonce,
  now,
  { expiresAt, lastSeenAt },
];
export const destroyEntry = (nonce: string, now: number, successor: string | undefined): Entry => [
  DESTROY,
  nonce,
  now,
  successor ?? null,
];
/** Ends the session only if its time has come, whatever a touch before it says. */
export const expireEntry = (nonce: string, now: number): Entry => [EXPIRE, nonce, now];

/** There, not ended, and its time has not come. */
export function presentRecord({ record, isEnded }: SessionState, now: number): SessionRecord | undefined {
  return record && !isEnded && now < record.expiresAt ? record : undefined;
}

export const sessionReplay: Replay<SessionState> = {
  start: () => ({ record: undefined, isEnded: false, successor: undefined, markUntil: 0 }),

  apply(state, [kind, , ...particulars]) {
    if (kind === CREATE) return void (state.record ??= particulars[0] as SessionRecord);
    const now = particulars[0] as number;
    if (kind === EXPIRE) return expire(state, now);
    const record = presentRecord(state, now);
    if (kind === UPDATE) return record ? update(state, record, particulars[1] as SessionUpdate) : 'gone';
    if (kind === TOUCH) return record ? touch(state, record, particulars[1] as SessionMoments) : false;
    if (kind === DESTROY)
      return record ? destroy(state, record, now, particulars[1] as string | null) : undefined;
    return undefined; // of a newer version; what it means we cannot know, and it ends nothing
  },

  snapshot: ({ record, isEnded }) => (record && !isEnded ? [createEntry(record)] : undefined),
};

function update(state: SessionState, record: SessionRecord, change: SessionUpdate): UpdateResult {
  const current = mismatchOf(record, change);
  if (current) return { current };
  const data: Record<string, string> = { ...record.data, ...change.set };
  for (const field of change.delete) delete data[field];
  state.record = { ...record, ...later(record, change), data };
  return 'done';
}

/** What the expected fields hold, when it is not what was expected. */
export function mismatchOf(
  record: SessionRecord,
  { expect }: SessionUpdate,
): Record<string, string | null> | undefined {
  if (!expect) return undefined;
  const held = (field: string): string | null => record.data[field] ?? null;
  const fields = Object.keys(expect);
  if (fields.every(field => held(field) === expect[field])) return undefined;
  return Object.fromEntries(fields.map(field => [field, held(field)]));
}

function touch(state: SessionState, record: SessionRecord, moments: SessionMoments): boolean {
  state.record = { ...record, ...later(record, moments) };
  return true;
}

function destroy(
  state: SessionState,
  record: SessionRecord,
  now: number,
  successor: string | null,
): SessionRecord {
  state.isEnded = true;
  state.successor = successor ?? undefined;
  state.markUntil = successor === null ? 0 : now + SUCCESSOR_MARK_MS;
  return record;
}

function expire(state: SessionState, now: number): boolean {
  if (!state.record || state.isEnded || now < state.record.expiresAt) return false;
  state.isEnded = true;
  return true;
}

function later(one: SessionMoments, other: SessionMoments): SessionMoments {
  return {
    expiresAt: Math.max(one.expiresAt, other.expiresAt),
    lastSeenAt: Math.max(one.lastSeenAt, other.lastSeenAt),
  };
}
