import { encodeJsonWithin, jsonCodec } from '../codec/json.codec.js';
import { UnencodableValueError, type SessionCodec } from '../codec/session-codec.interface.js';
import { SessionDataError } from '../errors/session.error.js';

/**
 * Encodes a value. Returns `undefined` if the encoding stopped early because the text exceeds `maxBytes`. Only our own
 * codec can stop early. It is recognized by identity, because a copy of it may encode differently.
 *
 * @throws SessionDataError naming the key and the path inside its value
 */
export function encodeValue(
  codec: SessionCodec,
  value: unknown,
  name: string,
  maxBytes: number,
): string | undefined {
  try {
    if (codec === jsonCodec) return encodeJsonWithin(value, maxBytes);
    const text: unknown = codec.encode(value);
    if (typeof text === 'string') return text;
    throw new TypeError('the codec returned no text'); // JSON.stringify returns `undefined` for a function
  } catch (error) {
    const where = error instanceof UnencodableValueError ? pathText(name, error.path) : quoted(name);
    const what = error instanceof UnencodableValueError ? error.message : 'the codec refused it';
    throw new SessionDataError(
      'SESSION_VALUE_REFUSED',
      `"${where}": ${what}; the session was not saved`,
      [name],
      {
        cause: error,
      },
    );
  }
}

/** The longest path that a message shows, in characters. */
const MAX_PATH = 200;

function pathText(key: string, path: readonly (string | number)[]): string {
  const text = path.reduce<string>((so, name) => so + step(name), quoted(key));
  return text.length <= MAX_PATH ? text : `${text.slice(0, MAX_PATH)}…`;
}

const step = (name: string | number): string => (isPlain(name) ? `.${name}` : `[${JSON.stringify(name)}]`);

/** Names may come from clients. A line break in a name must not start a new line in the log. */
const isPlain = (name: string | number): boolean => typeof name === 'string' && /^[\w$-]{1,100}$/.test(name);
const quoted = (name: string): string => (isPlain(name) ? name : JSON.stringify(name.slice(0, MAX_PATH)));
