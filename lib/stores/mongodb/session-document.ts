import { isMoment, LAST_MOMENT } from '../../store/record-operations.js';
import type { SessionMoments, SessionRecord } from '../../store/session-record.interface.js';

/** One document of the collection as the driver returns it. It need not be one of ours. */
export type StoredDocument = { readonly _id: string } & Readonly<Record<string, unknown>>;

/** Field names that are stored unchanged. The colon keeps `__proto__`, `_bsontype` and the like apart. */
const PLAIN = /^[a-z]:[A-Za-z0-9_-]*$/;
const ENCODED = '=';

/**
 * The moment from which MongoDB may remove a document. A later moment than a date can name would become the year 1970.
 */
export function dateOf(moment: number): Date {
  return new Date(Math.min(moment, LAST_MOMENT));
}

/**
 * The name of a field in the document: most fields unchanged, the others as an equals sign and their UTF-16 in
 * base64url. So no name contains a dot, a dollar or a NUL, and lone surrogates, which are all the same in UTF-8, stay
 * different.
 */
export function nameOf(field: string): string {
  return PLAIN.test(field) ? field : ENCODED + Buffer.from(field, 'utf16le').toString('base64url');
}

/** The field of a name, or `undefined` for a name that the store never writes. */
function fieldOf(name: string): string | undefined {
  if (PLAIN.test(name)) return name;
  if (!name.startsWith(ENCODED)) return undefined;
  return Buffer.from(name.slice(ENCODED.length), 'base64url').toString('utf16le');
}

/** The document of a new record: `e` expiresAt, `s` lastSeenAt, `m` meta, `d` data, `x` when MongoDB may remove it. */
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

/** What a rotation leaves in place of a record: the id of its successor, and until when the mark is valid. */
export function markOf(successor: string, until: number) {
  return { r: successor, u: until, x: dateOf(until) };
}

// The BSON types that the driver returns as a number and `isMoment` accepts.
const NUMBER = ['double', 'int', 'long'] as const;
const LARGEST = LAST_MOMENT;

/**
 * Matches the document of an id only if it is a record of ours that has not expired. Written as one literal, because
 * the driver takes twice as long for an object that was spread.
 */
export function presentAt(id: string, now: number) {
  return {
    _id: id,
    e: { $type: NUMBER, $lte: LARGEST, $gt: now },
    s: { $type: NUMBER, $lte: LARGEST, $gte: -LARGEST },
    m: { $type: 'string' as const },
    d: { $type: 'object' as const },
  };
}

/** The moments for `$max`, which moves them forward and never back. */
export function momentsForMax({ expiresAt, lastSeenAt }: SessionMoments) {
  return { e: expiresAt, s: lastSeenAt, x: dateOf(expiresAt) };
}

/** The record in a document; `undefined` for a mark. */
export function recordOf({ e, s, m, d, r, u }: StoredDocument): SessionRecord | 'broken' | undefined {
  if (isMoment(e) && isMoment(s) && typeof m === 'string' && isSubdocument(d)) {
    return { expiresAt: e, lastSeenAt: s, meta: m, data: dataOf(d) };
  }
  return typeof r === 'string' && isMoment(u) ? undefined : 'broken';
}

/** The text of a field, or `null` if the document has no such field. */
export function textIn(found: StoredDocument, field: string): string | null {
  const name = nameOf(field);
  const { d } = found;
  return isSubdocument(d) && Object.hasOwn(d, name) ? textOf(d[name]) : null;
}

function isSubdocument(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** The data. Usually all names are plain and all values are texts; then it is the driver's own object. */
function dataOf(stored: Readonly<Record<string, unknown>>): SessionRecord['data'] {
  for (const name of Object.keys(stored)) {
    if (typeof stored[name] !== 'string' || !PLAIN.test(name)) return decodeData(stored);
  }
  return stored as SessionRecord['data'];
}

function decodeData(stored: Readonly<Record<string, unknown>>): SessionRecord['data'] {
  const data: [field: string, text: string][] = [];
  for (const [name, value] of Object.entries(stored)) {
    const field = fieldOf(name);
    if (field !== undefined) data.push([field, textOf(value)]);
  }
  return Object.fromEntries(data); // unlike an assignment, this defines a field for `__proto__` as well
}

/** A value that is not a text reads as the empty text, which no codec writes: one broken value, not a broken record. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
