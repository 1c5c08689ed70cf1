import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateMismatch,
} from './session-record.interface.js';
import { isSessionId } from './session-store.js';

// What the contract asks of every store, on plain records. A store whose backend does some of this itself uses the
// rest.

/**
 * The last moment that a `Date` can name, in milliseconds since the epoch. Backends with a date type cannot keep a
 * later one, and a session with a later one would never end.
 */
export const LAST_MOMENT = 8.64e15;

/** Whether a value from a backend can be a moment of a record. Zero and negative numbers can: they lie in the past. */
export function isMoment(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= LAST_MOMENT;
}

/** Whether a value is an object that holds texts only, as the data of a record does. */
export function isTexts(value: unknown): value is Record<string, string> {
  return isObjectOf(value, text => typeof text === 'string');
}

/** Whether a value from a backend is a record of ours. If it is not, the store answers `'broken'`. */
export function isRecord(value: unknown): value is SessionRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { expiresAt, lastSeenAt, meta, data } = value as Partial<Record<keyof SessionRecord, unknown>>;
  return isMoment(expiresAt) && isMoment(lastSeenAt) && typeof meta === 'string' && isTexts(data);
}

/** Whether a value from a backend is an `expect`: texts, or `null` for a field that must be absent. */
export function isExpectation(value: unknown): value is NonNullable<SessionUpdate['expect']> {
  return isObjectOf(value, text => text === null || typeof text === 'string');
}

function isObjectOf(value: unknown, isAllowed: (member: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const name in value) if (!isAllowed((value as Record<string, unknown>)[name])) return false;
  return true;
}

/** The record if it is present: it exists and has not expired at `now`. */
export function presentAt<R extends SessionRecord>(record: R | undefined, now: number): R | undefined {
  return record !== undefined && now < record.expiresAt ? record : undefined;
}

/** The text of a field, or `null` if the record has no such field. */
export function textOf(data: SessionRecord['data'], field: string): string | null {
  return Object.hasOwn(data, field) ? (data[field] ?? null) : null;
}

/** The answer of an `update` whose expectations do not all hold; `undefined` if they hold or there are none. */
export function mismatchOf(
  data: SessionRecord['data'],
  expect: SessionUpdate['expect'],
): UpdateMismatch | undefined {
  if (expect === undefined) return undefined;
  const fields = Object.keys(expect);
  if (fields.every(field => textOf(data, field) === expect[field])) return undefined;
  return { current: Object.fromEntries(fields.map(field => [field, textOf(data, field)])) };
}

/** The record after an update. The given record stays as it is. */
export function applyUpdate(record: SessionRecord, update: SessionUpdate): SessionRecord {
  const data = { ...record.data };
  writeFields(data, update);
  return moveForward({ ...record, data }, update);
}

/** Sets and deletes the fields that an update names. Changes `data` itself. A field in both lists is deleted. */
export function writeFields(
  data: Record<string, string>,
  { set, delete: removed }: Pick<SessionUpdate, 'set' | 'delete'>,
): void {
  for (const field of Object.keys(set)) {
    const value = set[field] as string;
    // An assignment to `__proto__` would call a setter instead of creating a field.
    if (field !== '__proto__') data[field] = value;
    else Object.defineProperty(data, field, { value, writable: true, enumerable: true, configurable: true });
  }
  for (const field of removed) delete data[field];
}

/** The record with the later of both values for each moment. The data is the same object as before. */
export function moveForward<R extends SessionRecord>(
  record: R,
  { expiresAt, lastSeenAt }: SessionMoments,
): R {
  return {
    ...record,
    expiresAt: Math.max(record.expiresAt, expiresAt),
    lastSeenAt: Math.max(record.lastSeenAt, lastSeenAt),
  };
}

/** What a rotation leaves under the old id: a `destroy` of that id has to end this session instead. */
export interface SuccessorMark {
  readonly successor: string;
}

/** What a `destroy` meets under one id: the record that it ended, a mark that leads on, or nothing. */
export type DestroyStep = SessionRecord | SuccessorMark | 'gone';

/**
 * Ends the session under an id. If the id was rotated away, ends the successor that its mark names, over any number of
 * rotations. Ends with nothing if the marks form a circle: no store checks which successor it is given.
 *
 * @param endAt ends the record under one id, and says what it met there. It is called with well-formed ids only.
 * @returns the record that was ended
 */
export function destroyThroughMarks(
  id: string,
  endAt: (id: string) => DestroyStep,
): SessionRecord | undefined {
  const trail = new MarkTrail(id);
  while (trail.next !== undefined) trail.take(endAt(trail.next));
  return trail.ended;
}

/** `destroyThroughMarks` for a backend that answers with a promise. */
export async function destroyThroughMarksAsync(
  id: string,
  endAt: (id: string) => Promise<DestroyStep>,
): Promise<SessionRecord | undefined> {
  const trail = new MarkTrail(id);
  while (trail.next !== undefined) trail.take(await endAt(trail.next));
  return trail.ended;
}

/** The ids that one `destroy` visits. */
class MarkTrail {
  /** The id to look at next; `undefined` at the end of the trail. */
  next: string | undefined;
  ended: SessionRecord | undefined;
  readonly #visited = new Set<string>();

  constructor(id: string) {
    this.#goTo(id);
  }

  take(step: DestroyStep): void {
    this.next = undefined;
    if (step === 'gone') return;
    if ('successor' in step) this.#goTo(step.successor);
    else this.ended = step;
  }

  #goTo(id: string): void {
    if (!isSessionId(id) || this.#visited.has(id)) return;
    this.#visited.add(id);
    this.next = id;
  }
}
