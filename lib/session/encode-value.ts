import { UnencodableValueError, type SessionCodec } from '../codec/session-codec.interface.js';
import { SessionDataError } from '../errors/session.error.js';

/** @throws SessionDataError naming the key and the path inside its value */
export function encodeValue(codec: SessionCodec, value: unknown, name: string): string {
  try {
    return codec.encode(value);
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
