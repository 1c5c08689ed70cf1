import { revive } from './json-decoder.js';
import { JsonEncoder, TOO_LONG } from './json-encoder.js';
import { MARKER } from './json-escapes.js';
import { type SessionCodec, UnencodableValueError } from './session-codec.interface.js';
import { mayNestTooDeeply, nestsTooDeeply } from './text-depth.js';

/** If a text with many brackets is longer than this (in characters), its depth is checked before it is parsed. */
const LONG_TEXT = 65_536;

/**
 * The default codec: JSON that also keeps `Date`, `Map`, `Set`, `BigInt`, `Uint8Array`, `Buffer`, `undefined`, `NaN`,
 * `±Infinity` and `-0`, in any nesting. A value that JSON can express is written as plain JSON, readable in the store.
 *
 * - Own keys such as `__proto__` and `constructor` are ordinary data, and do not change any prototype.
 * - An object without a prototype is read back as an ordinary object. An object that occurs twice is read back as two
 *   objects. An accessor is stored as its value, and may be called more than once.
 * - The order of keys and entries is kept. Another order makes another text.
 * - An error that names the path is thrown for: functions (also an own `toJSON`, which is not called), symbols, symbol
 *   keys, non-enumerable properties of objects, class instances, instances of subclasses of `Date`, `Map` and the like,
 *   cycles, arrays with holes or named properties, accessors that throw, and more than 100 levels.
 * - Named properties of a `Uint8Array` or a `Buffer` are lost without an error: looking for them would be too slow.
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
 * Encodes a value like `jsonCodec`, or returns `undefined` if the text certainly has more than `maxBytes` bytes. That
 * takes at most `maxBytes` steps, however large the value is. A text that is returned may still be longer.
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
  // `revive` checks the depth after parsing, which is cheaper than checking every character before. For a long hostile
  // text that is too late: parsing it costs too much.
  if (isNested && text.length > LONG_TEXT && nestsTooDeeply(text))
    throw new SyntaxError('the text is nested too deeply');
  const value = parse(text);
  return isNested || text.includes(MARKER) ? revive(value) : value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the `cause`: the message of `JSON.parse` quotes the text, and session data must not get into logs.
    throw new SyntaxError('the text is not JSON');
  }
}
