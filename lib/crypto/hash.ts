import { hash } from 'node:crypto';

/**
 * The SHA-256 of a text in lower-case hex. Stores use it to name something after a text that users chose, such as a
 * user id: the name has a fixed length and safe characters. The UTF-16 of the text is hashed, because in UTF-8 all
 * lone surrogates become the same bytes, and two texts would share a name.
 */
export function hashOf(text: string): string {
  return hash('sha256', Buffer.from(text, 'utf16le'), 'hex');
}

/** The SHA-1 of a script in lower-case hex: the name of the script in Redis. It protects nothing. */
export function scriptHashOf(text: string): string {
  return hash('sha1', text, 'hex');
}
