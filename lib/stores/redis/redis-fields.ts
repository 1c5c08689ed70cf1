import type { SessionRecord } from '../../store/session-record.interface.js';

/** A surrogate without its other half. UTF-8 has no place for one: on the wire they would all become the same. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** What counts as a moment here counts as one in the scripts. */
const MOMENT = /^\d{1,16}$/;
const COLON = 0x3a;
const ESCAPED = 0x78; // x

/**
 * What a field of a record is called in the hash: the same, unless UTF-8 cannot tell it from others; then `x:` and its
 * UTF-16 in hex. Fields begin with `d:` or `f:`, and our own (`e`, `s`, `m`, `r`, `u`) have no colon, so none collide.
 */
export function hashFieldOf(field: string): string {
  return LONE_SURROGATE.test(field) ? `x:${Buffer.from(field, 'utf16le').toString('hex')}` : field;
}

/**
 * The record in a hash, given as field, text, field, text … A hash that a rotation left holds a successor (`r`),
 * until when (`u`), and no record. Fields without a meaning for us are left out.
 */
export function recordOf(hash: readonly string[]): SessionRecord | 'broken' | undefined {
  if (hash.length === 0) return undefined;
  let expiresAt: number | undefined;
  let lastSeenAt: number | undefined;
  let meta: string | undefined;
  let successor: string | undefined;
  let until: number | undefined;
  const data: Record<string, string> = {};
  for (let i = 0; i < hash.length; i += 2) {
    const field = hash[i] as string;
    const text = hash[i + 1] as string;
    if (field.charCodeAt(1) === COLON) {
      data[field.charCodeAt(0) === ESCAPED ? Buffer.from(field.slice(2), 'hex').toString('utf16le') : field] =
        text;
    } else if (field === 'e') expiresAt = momentOf(text);
    else if (field === 's') lastSeenAt = momentOf(text);
    else if (field === 'm') meta = text;
    else if (field === 'r') successor = text;
    else if (field === 'u') until = momentOf(text);
  }
  if (expiresAt !== undefined && lastSeenAt !== undefined && meta !== undefined) {
    return { expiresAt, lastSeenAt, meta, data };
  }
  return successor !== undefined && until !== undefined ? undefined : 'broken';
}

function momentOf(text: string): number | undefined {
  return MOMENT.test(text) ? Number(text) : undefined;
}
