/** What a record says about its session beside the data. Written once, when the record is created. */
export interface SessionMeta {
  readonly createdAt: number;
  /** The absolute limit, in ms since the epoch. */
  readonly endsAt: number;
  readonly user: string | undefined;
  readonly loggedInAt: number | undefined;
}

const VERSION = 1;
/** How far a record's creation may lie ahead of our clock before we call it broken. */
const CLOCK_SKEW_MS = 3_600_000;

export function encodeMeta({ createdAt, endsAt, user, loggedInAt }: SessionMeta): string {
  return JSON.stringify({ v: VERSION, createdAt, endsAt, user, loggedInAt });
}

/** `undefined` for anything that we cannot have written, records of a newer version included. */
export function decodeMeta(text: string, now: number): SessionMeta | undefined {
  let meta: unknown;
  try {
    meta = JSON.parse(text);
  } catch {
    return undefined; // not ours: the caller reports a broken record
  }
  if (typeof meta !== 'object' || meta === null) return undefined;
  const { v, createdAt, endsAt, user, loggedInAt } = meta as Record<string, unknown>;
  if (v !== VERSION || !isMoment(createdAt) || !isMoment(endsAt)) return undefined;
  if (endsAt <= createdAt || createdAt > now + CLOCK_SKEW_MS) return undefined;
  if (user !== undefined && typeof user !== 'string') return undefined;
  if (loggedInAt !== undefined && !isMoment(loggedInAt)) return undefined;
  return { createdAt, endsAt, user, loggedInAt };
}

export function isMoment(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
