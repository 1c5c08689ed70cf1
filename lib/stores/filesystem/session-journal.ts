import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateResult,
} from '../../store/session-record.interface.js';
import {
  isExpectation,
  isMoment,
  isRecord,
  isTexts,
  mismatchOf,
  moveForward,
  presentAt,
  writeFields,
  type DestroyStep,
} from '../../store/record-operations.js';
import { SUCCESSOR_MARK_MS } from '../../store/session-store.js';
import type { Entry } from './frame.js';
import { UNKNOWN_ENTRY, type Replay } from './journal-reader.js';

/** A record while its journal is replayed. Each reading builds its own, so the caller may keep it. */
interface ReplayedRecord extends SessionRecord {
  readonly data: Record<string, string>;
}

/** The state of a session, as its journal tells it. */
export interface JournaledSession {
  record: ReplayedRecord | undefined;
  isEnded: boolean;
  /** The mark of a rotation: the id that a destroy has to end instead, until `markUntil`. */
  successor: string | undefined;
  markUntil: number;
  /** The moments that touches wrote into the head of the journal when the disk was full. */
  readonly inPlace: SessionMoments | undefined;
}

const CREATE = 'C';
const UPDATE = 'U';
const TOUCH = 'T';
const DESTROY = 'D';
const EXPIRE = 'X';

// Every entry except the first contains a nonce, by which its writer finds it again, and the `now` of its call, so that
// all readers decide alike.

export function createEntry({ expiresAt, lastSeenAt, meta, data }: SessionRecord): Entry {
  return [CREATE, '', ...checkedMoments({ expiresAt, lastSeenAt }, data), meta, data];
}

export function updateEntry(nonce: string, now: number, update: SessionUpdate): Entry {
  const { set, delete: removed, expect } = update;
  const entry: Entry = [UPDATE, nonce, now, ...checkedMoments(update, set), set, removed];
  return expect === undefined ? entry : [...entry, expect];
}

export function touchEntry(nonce: string, now: number, moments: SessionMoments): Entry {
  return [TOUCH, nonce, now, ...checkedMoments(moments)];
}

export function destroyEntry(nonce: string, now: number, successor: string | undefined): Entry {
  return successor === undefined ? [DESTROY, nonce, now] : [DESTROY, nonce, now, successor];
}

/** Ends the session if it has expired, also considering the touches before this entry. */
export function expireEntry(nonce: string, now: number): Entry {
  return [EXPIRE, nonce, now];
}

/** Refuses values of a wrong type, because they would make the whole file unreadable. */
function checkedMoments({ expiresAt, lastSeenAt }: SessionMoments, texts: unknown = {}): [number, number] {
  if (isMoment(expiresAt) && isMoment(lastSeenAt) && isTexts(texts)) return [expiresAt, lastSeenAt];
  throw new TypeError(
    '[session:filesystem] invalid record: moments must be milliseconds since the epoch, and fields must be texts',
  );
}

/** The record if it is present at `now`. */
export function presentRecord(
  { record, isEnded }: JournaledSession,
  now: number,
): ReplayedRecord | undefined {
  return isEnded ? undefined : presentAt(record, now);
}

/** The outcome of a destroy if no record is present: a mark that is still valid, or `'gone'`. */
export function markOrGone(
  { isEnded, successor, markUntil }: JournaledSession,
  now: number,
): Exclude<DestroyStep, SessionRecord> {
  return isEnded && successor !== undefined && now < markUntil ? { successor } : 'gone';
}

/** Returns UNKNOWN_ENTRY for any other entry, so that a file of a newer version is kept, and not read only in part. */
export const sessionReplay: Replay<JournaledSession> = {
  start: inPlace => ({ record: undefined, isEnded: false, successor: undefined, markUntil: 0, inPlace }),

  apply(state, [kind, , ...rest]) {
    if (kind === CREATE) return create(state, rest);
    const [now, ...values] = rest;
    if (!isMoment(now) || state.record === undefined) return UNKNOWN_ENTRY;
    const record = presentRecord(state, now);
    switch (kind) {
      case UPDATE:
        return update(state, record, values);
      case TOUCH:
        return touch(state, record, values);
      case DESTROY:
        return destroy(state, record, now, values[0]);
      case EXPIRE:
        return expire(state, now);
      default:
        return UNKNOWN_ENTRY;
    }
  },

  isWhole: state => state.record !== undefined,

  snapshot: ({ record, isEnded }) => (record && !isEnded ? createEntry(record) : undefined),
};

function create(state: JournaledSession, [expiresAt, lastSeenAt, meta, data]: readonly unknown[]): unknown {
  const record = { expiresAt, lastSeenAt, meta, data };
  if (!isRecord(record) || state.record) return UNKNOWN_ENTRY;
  state.record = state.inPlace ? moveForward(record, state.inPlace) : record;
  return undefined;
}

function update(
  state: JournaledSession,
  record: ReplayedRecord | undefined,
  [expiresAt, lastSeenAt, set, removed, expect]: readonly unknown[],
): unknown {
  if (!isMoment(expiresAt) || !isMoment(lastSeenAt) || !isTexts(set) || !Array.isArray(removed))
    return UNKNOWN_ENTRY;
  if (expect !== undefined && !isExpectation(expect)) return UNKNOWN_ENTRY;
  if (!record) return 'gone' satisfies UpdateResult;
  const mismatch = mismatchOf(record.data, expect);
  if (mismatch) return mismatch satisfies UpdateResult;
  writeFields(record.data, { set, delete: removed as string[] });
  state.record = moveForward(record, { expiresAt, lastSeenAt });
  return 'done' satisfies UpdateResult;
}

function touch(
  state: JournaledSession,
  record: ReplayedRecord | undefined,
  [expiresAt, lastSeenAt]: readonly unknown[],
): unknown {
  if (!isMoment(expiresAt) || !isMoment(lastSeenAt)) return UNKNOWN_ENTRY;
  if (!record) return false;
  state.record = moveForward(record, { expiresAt, lastSeenAt });
  return true;
}

function destroy(
  state: JournaledSession,
  record: ReplayedRecord | undefined,
  now: number,
  successor: unknown,
): DestroyStep | typeof UNKNOWN_ENTRY {
  if (successor !== undefined && typeof successor !== 'string') return UNKNOWN_ENTRY;
  if (!record) return markOrGone(state, now);
  state.isEnded = true;
  state.successor = successor;
  state.markUntil = successor === undefined ? 0 : now + SUCCESSOR_MARK_MS;
  return record;
}

function expire(state: JournaledSession, now: number): boolean {
  if (!state.record || state.isEnded || now < state.record.expiresAt) return false;
  state.isEnded = true;
  return true;
}
