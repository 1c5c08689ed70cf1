import { encodeJsonWithin, jsonCodec } from '../codec/json.codec.js';
import { UnencodableValueError, type SessionCodec } from '../codec/session-codec.interface.js';
import { SessionDataError } from '../errors/session.error.js';

/**
 * The text of a value; `undefined` when it is found out early that it would be longer than this. Only our own codec can
 * do that, and it is known by its identity: an object that was copied from it may encode in another way.
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
    throw new TypeError('the codec made no text'); // JSON.stringify gives `undefined` for a function
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

/** How much of a path is told. */
const MAX_PATH = 200;

function pathText(key: string, path: readonly (string | number)[]): string {
  const text = path.reduce<string>((so, name) => so + step(name), quoted(key));
  return text.length <= MAX_PATH ? text : `${text.slice(0, MAX_PATH)}…`;
}

const step = (name: string | number): string => (isPlain(name) ? `.${name}` : `[${JSON.stringify(name)}]`);

/** Names may come from clients: a line break in one must not begin a line of the log. */
const isPlain = (name: string | number): boolean => typeof name === 'string' && /^[\w$-]{1,100}$/.test(name);
const quoted = (name: string): string => (isPlain(name) ? name : JSON.stringify(name.slice(0, MAX_PATH)));
