import { plainTokens, SignedTokens, type SessionTokens } from '../crypto/session-token.js';
import type { KeyRing } from '../crypto/key-ring.js';
import type { SessionConfigProblem } from '../errors/session-config.error.js';
import { isObject, OptionReader } from './option-reader.js';
import { readKeys } from './resolve-keys.js';

/** The option `secret`: how tokens look. */
export function resolveSecret(
  reader: OptionReader,
  cookieName: string,
  problems: SessionConfigProblem[],
): SessionTokens {
  const secret = reader.value('secret');
  if (secret === undefined) return reader.isGiven('secret') ? refuseMissing(reader) : plainTokens;
  const isPlainObject = isObject(secret) && !(secret instanceof Uint8Array);
  if (!isPlainObject) return signedBy(readKeys(reader, 'secret', secret), cookieName, false);
  const inner = new OptionReader(secret, 'secret.', problems);
  inner.refuseUnknown(['keys', 'acceptUnsigned'], () => undefined);
  const acceptsUnsigned = inner.boolean('acceptUnsigned') ?? false;
  return signedBy(readKeys(inner, 'keys', inner.value('keys')), cookieName, acceptsUnsigned);
}

/** Tokens would be unsigned, and the application would not notice. */
function refuseMissing(reader: OptionReader): SessionTokens {
  readKeys(reader, 'secret', undefined);
  return plainTokens;
}

function signedBy(ring: KeyRing | undefined, cookieName: string, acceptsUnsigned: boolean): SessionTokens {
  return ring ? new SignedTokens(ring, cookieName, acceptsUnsigned) : plainTokens;
}
