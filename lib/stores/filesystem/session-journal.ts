import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateResult,
} from '../../store/session-record.interface.js';
import { SUCCESSOR_MARK_MS } from '../../store/session-store.js';
import type { Entry } from './frame.js';
import { UNKNOWN_ENTRY, type Replay } from './journal-reader.js';
import { isMoment, isTexts, isTextsOrNulls } from './session-values.js';

/** A record while its journal is replayed. Each reading makes its own, so whoever gets it may keep it. */
interface OwnRecord {
  expiresAt: number;
  lastSeenAt: number;
  readonly meta: string;
  readonly data: Record<string, string>;
}

/** What a session's journal says. */
export interface JournaledSession {
  record: OwnRecord | undefined;
  isEnded: boolean;
  /** Where a destroy leads to, and until when. */
  successor: string | undefined;
  markUntil: number;
  /** What touches wrote in place when there was no room to append. */
  readonly inPlace: SessionMoments | undefined;
}

const CREATE = 'C';
const UPDATE = 'U';
const TOUCH = 'T';
const DESTROY = 'D';
const EXPIRE = 'X';

// Every entry but the first carries a nonce, by which its writer finds it again, and the `now` of its call, so that
// everybody who replays it decides alike.

export function createEntry({ expiresAt, lastSeenAt, meta, data }: SessionRecord): Entry {
  return [CREATE, '', ...checked({ expiresAt, lastSeenAt }, data), meta, data];
}

export function updateEntry(nonce: string, now: number, update: SessionUpdate): Entry {
  const { set, delete: removed, expect } = update;
  const entry: Entry = [UPDATE, nonce, now, ...checked(update, set), set, removed];
  return expect === undefined ? entry : [...entry, expect];
}

export function touchEntry(nonce: string, now: number, moments: SessionMoments): Entry {
  return [TOUCH, nonce, now, ...checked(moments)];
}

export function destroyEntry(nonce: string, now: number, successor: string | undefined): Entry {
  return successor === undefined ? [DESTROY, nonce, now] : [DESTROY, nonce, now, successor];
}

/** Ends the session only if its time has come, whatever a touch before it says. */
export function expireEntry(nonce: string, now: number): Entry {
  return [EXPIRE, nonce, now];
}

/** A value of the wrong type would make the whole file unreadable; it is better refused. */
function checked({ expiresAt, lastSeenAt }: SessionMoments, texts: unknown = {}): [number, number] {
  if (isMoment(expiresAt) && isMoment(lastSeenAt) && isTexts(texts)) return [expiresAt, lastSeenAt];
  throw new TypeError(
    '[session:filesystem] moments have to be milliseconds since the epoch, and fields texts',
  );
}

/** There, not ended, and its time has not come. */
export function presentRecord({ record, isEnded }: JournaledSession, now: number): OwnRecord | undefined {
  return record && !isEnded && now < record.expiresAt ? record : undefined;
}

/** The session that a destroy has to end instead, because this one was rotated into it. */
export interface Lead {
  readonly to: string | undefined;
}

/** Where what is not present leads a destroy. */
export function leadOf({ isEnded, successor, markUntil }: JournaledSession, now: number): Lead {
  return { to: isEnded && now < markUntil ? successor : undefined };
}

/** Anything but the entries above is UNKNOWN_ENTRY, so that a file of a newer version is kept and not half understood. */
export const sessionReplay: Replay<JournaledSession> = {
  start: inPlace => ({ record: undefined, isEnded: false, successor: undefined, markUntil: 0, inPlace }),

  apply(state, [kind, , ...rest]) {
    if (kind === CREATE) return create(state, rest);
    const [now, ...particulars] = rest;
    if (!isMoment(now) || state.record === undefined) return UNKNOWN_ENTRY;
    const record = presentRecord(state, now);
    switch (kind) {
      case UPDATE:
        return update(record, particulars);
      case TOUCH:
        return touch(record, particulars);
      case DESTROY:
        return destroy(state, record, now, particulars[0]);
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
  const isRecord = isMoment(expiresAt) && isMoment(lastSeenAt) && typeof meta === 'string' && isTexts(data);
  if (!isRecord || state.record) return UNKNOWN_ENTRY;
  state.record = { expiresAt, lastSeenAt, meta, data };
  if (state.inPlace) move(state.record, state.inPlace);
  return undefined;
}

function update(
  record: OwnRecord | undefined,
  [expiresAt, lastSeenAt, set, removed, expect]: readonly unknown[],
): unknown {
  if (!isMoment(expiresAt) || !isMoment(lastSeenAt) || !isTexts(set) || !Array.isArray(removed))
    return UNKNOWN_ENTRY;
  if (expect !== undefined && !isTextsOrNulls(expect)) return UNKNOWN_ENTRY;
  if (!record) return 'gone' satisfies UpdateResult;
  const current = expect && mismatchOf(record, expect);
  if (current) return { current } satisfies UpdateResult;
  for (const field in set) put(record.data, field, set[field] ?? '');
  for (const field of removed as string[]) delete record.data[field];
  move(record, { expiresAt, lastSeenAt });
  return 'done' satisfies UpdateResult;
}

/** An assignment to `__proto__` would not make a field. */
function put(data: Record<string, string>, field: string, text: string): void {
  if (field !== '__proto__') data[field] = text;
  else
    Object.defineProperty(data, field, { value: text, writable: true, enumerable: true, configurable: true });
}

/** What the expected fields hold, when it is not what was expected. */
export function mismatchOf(
  { data }: SessionRecord,
  expect: Readonly<Record<string, string | null>>,
): Record<string, string | null> | undefined {
  const held = (field: string): string | null => (Object.hasOwn(data, field) ? (data[field] ?? null) : null);
  const fields = Object.keys(expect);
  if (fields.every(field => held(field) === expect[field])) return undefined;
  return Object.fromEntries(fields.map(field => [field, held(field)]));
}

function touch(record: OwnRecord | undefined, [expiresAt, lastSeenAt]: readonly unknown[]): unknown {
  if (!isMoment(expiresAt) || !isMoment(lastSeenAt)) return UNKNOWN_ENTRY;
  if (!record) return false;
  move(record, { expiresAt, lastSeenAt });
  return true;
}

/** Forward only, each on its own. */
function move(record: OwnRecord, { expiresAt, lastSeenAt }: SessionMoments): void {
  if (expiresAt > record.expiresAt) record.expiresAt = expiresAt;
  if (lastSeenAt > record.lastSeenAt) record.lastSeenAt = lastSeenAt;
}

function destroy(
  state: JournaledSession,
  record: OwnRecord | undefined,
  now: number,
  successor: unknown,
): SessionRecord | Lead | typeof UNKNOWN_ENTRY {
  if (successor !== undefined && typeof successor !== 'string') return UNKNOWN_ENTRY;
  if (!record) return leadOf(state, now);
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
