import type { SessionRecord } from '../../store/session-record.interface.js';

/** A surrogate without its other half. UTF-8 cannot write one: all of them would become the same character. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** A moment. The scripts use the same rule. */
const MOMENT = /^\d{1,16}$/;
const COLON = 0x3a;
const ESCAPED = 0x78; // x

/**
 * The name of a field in the hash: unchanged, or `x:` and its UTF-16 in hex if the field has a lone surrogate. Fields
 * begin with `d:` or `f:`, and our own names (`e`, `s`, `m`, `r`, `u`) have no colon, so no two collide.
 */
export function hashFieldOf(field: string): string {
  return LONE_SURROGATE.test(field) ? `x:${Buffer.from(field, 'utf16le').toString('hex')}` : field;
}

/**
 * The record in a hash, given as field, text, field, text … A rotation leaves a mark instead of a record: the successor
 * (`r`) and until when the mark is valid (`u`). Unknown fields are ignored.
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
