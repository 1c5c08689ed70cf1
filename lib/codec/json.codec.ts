import { revive } from './json-decoder.js';
import { JsonEncoder, TOO_LONG } from './json-encoder.js';
import { MARKER } from './json-escapes.js';
import { type SessionCodec, UnencodableValueError } from './session-codec.interface.js';
import { mayNestTooDeeply, nestsTooDeeply } from './text-depth.js';

/** From this length on (in characters) a text with many brackets is looked over before it is parsed. */
const LONG_TEXT = 65_536;

/**
 * The default codec: JSON that also keeps `Date`, `Map`, `Set`, `BigInt`, `Uint8Array`, `Buffer`, `undefined`, `NaN`,
 * `±Infinity` and `-0`, nested and mixed as you like. What JSON can say is written as JSON, readable in the store.
 *
 * - Own keys such as `__proto__` and `constructor` are data like any other, and pollute nothing.
 * - An object without a prototype comes back as an ordinary one; one that is there twice comes back as two; an
 *   accessor comes back as its value and may be read more than once.
 * - The order of keys and entries is kept, so it makes a different text.
 * - Refused with the path: functions (an own `toJSON` is one, and is not called), symbols, symbol keys, hidden (not
 *   enumerable) properties of objects, class instances and subclasses, cycles, arrays with holes or named properties,
 *   accessors that throw, more than 100 levels. Only names that somebody hung on bytes are lost without a word.
 *
 * @example
 * ```ts
 * import { jsonCodec } from 'nestjs-http-session';
 *
 * const text = jsonCodec.encode({ name: 'Ada', since: new Date(0) });
 * // {"name":"Ada","since":{"$date":"1970-01-01T00:00:00.000Z"}}
 * const value = jsonCodec.decode(text);
 * ```
 *
 * @publicApi
 */
export const jsonCodec: SessionCodec = {
  encode: value => encodeJsonWithin(value, Infinity) as string,
  decode,
};

/**
 * The text of `jsonCodec`, or `undefined` when it certainly has more bytes than this: found out after as many steps as
 * bytes, whatever the size of the value.
 */
export function encodeJsonWithin(value: unknown, maxBytes: number): string | undefined {
  if (typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'string') return value.length + 2 <= maxBytes ? JSON.stringify(value) : undefined;
  const encoder = new JsonEncoder(maxBytes);
  try {
    return JSON.stringify(encoder.escape(value));
  } catch (error) {
    if (error === TOO_LONG) return undefined;
    if (error instanceof UnencodableValueError) throw error;
    throw encoder.refusal('a value that throws when it is read', error);
  }
}

function decode(text: string): unknown {
  const isNested = mayNestTooDeeply(text);
  // The walk after parsing finds every depth, and is cheaper than a look at each character. But building what a long
  // hostile text describes costs too much to find out afterwards.
  if (isNested && text.length > LONG_TEXT && nestsTooDeeply(text))
    throw new SyntaxError('the text is nested too deeply');
  const value = parse(text);
  return isNested || text.includes(MARKER) ? revive(value) : value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not as the cause either: the message of JSON.parse quotes the text, and session data must not get into logs.
    throw new SyntaxError('the text is not JSON');
  }
}
