import { Buffer } from 'node:buffer';
import { BIGINT, BUFFER, BYTES, CONST, CONSTANTS, DATE, looksEscaped, MAP, SET } from './json-escapes.js';
import { MAX_DEPTH } from './session-codec.interface.js';

/**
 * Replaces the escapes in a value from `JSON.parse` by the values that they stand for. Works in place. Each key that is
 * assigned already exists as an own property, so `__proto__` is treated as data too.
 *
 * @throws SyntaxError if the value is nested too deeply or an escape is malformed. The message quotes nothing of the
 * text.
 */
export function revive(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return reviveArray(value, deeper(depth));
  const object = value as Record<string, unknown>;
  const keys = Object.keys(object);
  if (looksEscaped(keys)) return unescape(keys[0] as string, object[keys[0] as string], depth);
  const inside = deeper(depth);
  for (const key of keys) {
    const before = object[key];
    if (typeof before !== 'object' || before === null) continue;
    const after = revive(before, inside);
    if (after !== before) object[key] = after;
  }
  return object;
}

function reviveArray(array: unknown[], inside: number): unknown[] {
  for (let index = 0; index < array.length; index++) {
    const before = array[index];
    if (typeof before !== 'object' || before === null) continue;
    const after = revive(before, inside);
    if (after !== before) array[index] = after;
  }
  return array;
}

function unescape(tag: string, held: unknown, depth: number): unknown {
  if (tag.startsWith('$$')) return { [tag.slice(1)]: revive(held, deeper(depth)) };
  switch (tag) {
    case DATE:
      return toDate(held);
    case MAP:
      return toMap(held, deeper(depth));
    case SET:
      return new Set(reviveArray(toList(held), deeper(depth)));
    case BIGINT:
      if (typeof held === 'string' && /^(?:0|-?[1-9]\d*)$/.test(held)) return BigInt(held);
      break;
    case BYTES:
      // A copy: a small Buffer is part of a larger pool, which a view (`uint8Array.buffer`) would expose.
      return new Uint8Array(toBuffer(held));
    case BUFFER:
      return toBuffer(held);
    case CONST:
      if (typeof held === 'string' && CONSTANTS.has(held)) return CONSTANTS.get(held);
      break;
  }
  throw malformed();
}

function toDate(held: unknown): Date {
  if (held === null) return new Date(NaN);
  const date = new Date(typeof held === 'string' ? held : NaN);
  // `Date` parses many more formats than it writes, some of them in the time zone of the machine.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== held) throw malformed();
  return date;
}

function toList(held: unknown): unknown[] {
  if (!Array.isArray(held)) throw malformed();
  return held;
}

function toMap(held: unknown, inside: number): Map<unknown, unknown> {
  return new Map(toList(held).map(entry => toEntry(entry, inside)));
}

function toEntry(entry: unknown, inside: number): [unknown, unknown] {
  const pair = toList(entry);
  if (pair.length !== 2) throw malformed();
  return [revive(pair[0], inside), revive(pair[1], inside)];
}

function toBuffer(held: unknown): Buffer {
  const bytes = Buffer.from(typeof held === 'string' ? held : '', 'base64');
  // `Buffer` skips characters that are not base64. The value would then be shorter than the stored one.
  if (bytes.toString('base64') !== held) throw malformed();
  return bytes;
}

function deeper(depth: number): number {
  if (depth === MAX_DEPTH) throw new SyntaxError(`the text is nested deeper than ${MAX_DEPTH} levels`);
  return depth + 1;
}

function malformed(): SyntaxError {
  return new SyntaxError('the text holds an escape that this version does not know');
}
