import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateMismatch,
} from '../../store/session-record.interface.js';

/**
 * Records are frozen and replaced as a whole, so that reading one costs nothing: what a reader holds never changes,
 * and nothing a reader does reaches the store.
 */
function frozen(
  moments: SessionMoments,
  meta: string,
  data: Readonly<Record<string, string>>,
): SessionRecord {
  return Object.freeze({ expiresAt: moments.expiresAt, lastSeenAt: moments.lastSeenAt, meta, data });
}

/** Our own copy of a record that somebody else made. */
export function copied(record: SessionRecord): SessionRecord {
  return frozen(record, record.meta, Object.freeze({ ...record.data }));
}

/** The record with both moments moved forward, never back, and with the same data. */
export function moved(record: SessionRecord, moments: SessionMoments): SessionRecord {
  return frozen(later(record, moments), record.meta, record.data);
}

/** The record after an update. */
export function updated(record: SessionRecord, update: SessionUpdate): SessionRecord {
  // Spreading defines own fields, whatever their names: an assignment to `__proto__` would not.
  const data: Record<string, string> = { ...record.data, ...update.set };
  for (const field of update.delete) delete data[field];
  return frozen(later(record, update), record.meta, Object.freeze(data));
}

/** What the expected fields hold, if any of them does not hold what was expected. */
export function mismatchOf(
  data: SessionRecord['data'],
  expect: NonNullable<SessionUpdate['expect']>,
): UpdateMismatch | undefined {
  const fields = Object.keys(expect);
  if (fields.every(field => held(data, field) === expect[field])) return undefined;
  return { current: Object.fromEntries(fields.map(field => [field, held(data, field)])) };
}

function held(data: SessionRecord['data'], field: string): string | null {
  return Object.hasOwn(data, field) ? (data[field] ?? null) : null;
}

function later(one: SessionMoments, other: SessionMoments): SessionMoments {
  return {
    expiresAt: Math.max(one.expiresAt, other.expiresAt),
    lastSeenAt: Math.max(one.lastSeenAt, other.lastSeenAt),
  };
}
