/** 256 bits, the strength of what is derived from a key. */
const MIN_BYTES = 32;

/** A random key has about 27 different characters in 43 of base64url, and 16 in hex. */
const MIN_DIFFERENT = 8;

/** Keys of the documentation of other libraries. */
const EXAMPLES: readonly string[] = [
  'keyboard cat',
  'averylogphrasebiggerthanthirtytwochars',
  'complex_password_at_least_32_characters_long',
  'a secret with minimum length of 32 characters',
  'this-is-a-secret-value-with-at-least-32-characters',
  'secret-key-at-least-32-characters-long',
  'change-me',
  'changeme',
  'mq4hdZcVjgbkjHOPyT6j',
];

/** Prints a good key. */
export const KEY_COMMAND = `node -p "crypto.randomBytes(32).toString('base64url')"`;

/** Why a key is not good enough; `undefined` if nothing is known against it. Never contains the key. */
export function weaknessOf(key: Uint8Array): string | undefined {
  if (key.length < MIN_BYTES) return `has ${key.length} bytes, and needs at least ${MIN_BYTES}`;
  if (new Set(key).size < MIN_DIFFERENT) return 'repeats the same few characters';
  const text = Buffer.from(key).toString('latin1').toLowerCase();
  if (EXAMPLES.some(example => text.includes(example.toLowerCase())))
    return 'is an example from a documentation';
  return undefined;
}
