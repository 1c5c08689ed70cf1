import { isMoment } from '../store/record-operations.js';

/** What a record says about its session apart from the data. It is written once, when the record is created. */
export interface SessionMeta {
  readonly createdAt: number;
  /** The absolute limit, in milliseconds since the epoch. */
  readonly endsAt: number;
  readonly user: string | undefined;
  readonly loggedInAt: number | undefined;
}

const VERSION = 1;
/** How far ahead of our clock a record's creation may lie. A record further ahead is broken. */
const CLOCK_SKEW_MS = 3_600_000;

export function encodeMeta({ createdAt, endsAt, user, loggedInAt }: SessionMeta): string {
  return JSON.stringify({ v: VERSION, createdAt, endsAt, user, loggedInAt });
}

/** Returns `undefined` for a text that this version cannot have written. */
export function decodeMeta(text: string, now: number): SessionMeta | undefined {
  let meta: unknown;
  try {
    meta = JSON.parse(text);
  } catch {
    return undefined; // the caller reports a broken record
  }
  if (typeof meta !== 'object' || meta === null) return undefined;
  const { v, createdAt, endsAt, user, loggedInAt } = meta as Record<string, unknown>;
  if (v !== VERSION || !isWrittenMoment(createdAt) || !isWrittenMoment(endsAt)) return undefined;
  if (endsAt <= createdAt || createdAt > now + CLOCK_SKEW_MS) return undefined;
  if (user !== undefined && typeof user !== 'string') return undefined;
  if (loggedInAt !== undefined && !isWrittenMoment(loggedInAt)) return undefined;
  return { createdAt, endsAt, user, loggedInAt };
}

/** Whether a value can be a moment that this library wrote: whole milliseconds after 1970. */
export function isWrittenMoment(value: unknown): value is number {
  return isMoment(value) && Number.isInteger(value) && value > 0;
}
