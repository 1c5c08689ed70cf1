import { UnencodableValueError, type SessionCodec } from '../codec/session-codec.interface.js';
import { SessionDataError } from '../errors/session.error.js';

/** @throws SessionDataError naming the key and the path inside its value */
export function encodeValue(codec: SessionCodec, value: unknown, name: string): string {
  try {
    return codec.encode(value);
  } catch (error) {
    const where = error instanceof UnencodableValueError ? pathText(name, error.path) : name;
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

function pathText(key: string, path: readonly (string | number)[]): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : `${text}.${step}`),
    key,
  );
}
