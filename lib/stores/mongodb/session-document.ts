import type { SessionMoments, SessionRecord } from '../../store/session-record.interface.js';

/** What the driver gives back for one document of the collection, ours or not. */
export type StoredDocument = { readonly _id: string } & Readonly<Record<string, unknown>>;

/** Names that MongoDB takes as they are. The colon tells them from `__proto__`, `_bsontype` and the like. */
const PLAIN = /^[a-z]:[A-Za-z0-9_-]*$/;
const ENCODED = '=';

/** The last moment that a date can name. Beyond it MongoDB would get the year 1970, and collect the document. */
const LAST_DATE_MS = 8.64e15;

/** When MongoDB may collect a document. */
export function dateOf(moment: number): Date {
  return new Date(Math.min(moment, LAST_DATE_MS));
}

/**
 * What a field is called in the document: most as they are, the others by an equals sign and their UTF-16 in base64url.
 * So no dot, no dollar and no NUL gets there, and lone surrogates, which UTF-8 cannot tell apart, stay different.
 */
export function nameOf(field: string): string {
  return PLAIN.test(field) ? field : ENCODED + Buffer.from(field, 'utf16le').toString('base64url');
}

/** `undefined` for a name that we never write. */
function fieldOf(name: string): string | undefined {
  if (PLAIN.test(name)) return name;
  if (!name.startsWith(ENCODED)) return undefined;
  return Buffer.from(name.slice(ENCODED.length), 'base64url').toString('utf16le');
}

/** The document of a new record: `e` and `s` are its moments, `m` its meta, `d` its data, `x` is for collecting. */
export function documentOf(id: string, { expiresAt, lastSeenAt, meta, data }: SessionRecord) {
  const named = Object.entries(data).map(([field, text]) => [nameOf(field), text] as const);
  return {
    _id: id,
    e: expiresAt,
    s: lastSeenAt,
    m: meta,
    x: dateOf(expiresAt),
    d: Object.fromEntries(named),
  };
}

/** What a rotation leaves in the place of a record: its successor, and until when it leads there. */
export function markOf(successor: string, until: number) {
  return { r: successor, u: until, x: dateOf(until) };
}

// What the driver gives as a number, and `isMoment` takes.
const NUMBER = ['double', 'int', 'long'] as const;
const LARGEST = Number.MAX_SAFE_INTEGER;

/**
 * Matches the document of this id only if it is a record of ours that has not expired. Written out: an object that was
 * spread takes the driver twice as long.
 */
export function present(id: string, now: number) {
  return {
    _id: id,
    e: { $type: NUMBER, $lte: LARGEST, $gt: now },
    s: { $type: NUMBER, $lte: LARGEST, $gte: -LARGEST },
    m: { $type: 'string' as const },
    d: { $type: 'object' as const },
  };
}

/** Moves the moments forward, never back. */
export function forward({ expiresAt, lastSeenAt }: SessionMoments) {
  return { e: expiresAt, s: lastSeenAt, x: dateOf(expiresAt) };
}

/** The record in a document. A mark is none. */
export function recordOf({ e, s, m, d, r, u }: StoredDocument): SessionRecord | 'broken' | undefined {
  if (isMoment(e) && isMoment(s) && typeof m === 'string' && isSubdocument(d)) {
    return { expiresAt: e, lastSeenAt: s, meta: m, data: dataOf(d) };
  }
  return typeof r === 'string' && isMoment(u) ? undefined : 'broken';
}

/** What the field holds; `null` when it is not there. */
export function heldBy(found: StoredDocument, field: string): string | null {
  const name = nameOf(field);
  const { d } = found;
  return isSubdocument(d) && Object.hasOwn(d, name) ? textOf(d[name]) : null;
}

function isMoment(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

function isSubdocument(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/**
 * The driver's own object, unless there is something to decode in it: names are plain and values are texts, usually.
 */
function dataOf(stored: Readonly<Record<string, unknown>>): SessionRecord['data'] {
  for (const name of Object.keys(stored)) {
    if (typeof stored[name] !== 'string' || !PLAIN.test(name)) return decoded(stored);
  }
  return stored as SessionRecord['data'];
}

function decoded(stored: Readonly<Record<string, unknown>>): SessionRecord['data'] {
  const data: [field: string, text: string][] = [];
  for (const [name, value] of Object.entries(stored)) {
    const field = fieldOf(name);
    if (field !== undefined) data.push([field, textOf(value)]);
  }
  return Object.fromEntries(data); // defines own fields, whatever their names: an assignment to `__proto__` would not
}

/** What is no text reads as the empty one, which no codec writes: one broken value, not a broken record. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
