import { KeyRing } from '../crypto/key-ring.js';
import { KEY_COMMAND, weaknessOf } from '../crypto/key-strength.js';
import { describe, type OptionReader } from './option-reader.js';

/** The keys of an option, as users give them: one, or a list. `undefined` if a problem was noted. */
export function readKeys(reader: OptionReader, name: string, given: unknown): KeyRing | undefined {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) return reader.problem(name, `is an empty list; ${makeOne(name)}`);
  const keys = list.map(bytesOf);
  const complaints = keys.map((key, index) => {
    const which = list.length === 1 ? '' : `key ${index + 1} of the list `;
    // The key itself is never shown.
    if (!key) return `${which}is ${kindOf(list[index])}; write text or bytes. ${makeOne(name)}`;
    const weakness = weaknessOf(key);
    return weakness === undefined ? undefined : `${which}${weakness}; ${makeOne(name)}`;
  });
  const found = complaints.filter(complaint => complaint !== undefined);
  if (found.length > 0) return reader.problem(name, found.join(' '));
  return new KeyRing(keys as Uint8Array[]);
}

function makeOne(name: string): string {
  return `make a key with ${KEY_COMMAND} and keep it outside of the code, for example ${name}: process.env.SESSION_KEY.`;
}

function bytesOf(key: unknown): Uint8Array | undefined {
  if (typeof key === 'string') return Buffer.from(key, 'utf8');
  return key instanceof Uint8Array ? Uint8Array.from(key) : undefined;
}

/** An environment variable that is not set is the usual reason. */
function kindOf(value: unknown): string {
  return value === undefined ? 'undefined (is the environment variable set?)' : describe(value);
}
