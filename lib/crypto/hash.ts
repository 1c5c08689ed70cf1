import { hash } from 'node:crypto';

/**
 * SHA-256 of any text, as 64 lower-case hex: a name of fixed length and harmless characters for something that users
 * chose, a user's id for one. Two texts never share one, for it is the UTF-16 that is hashed: UTF-8 would make all
 * lone surrogates the same.
 */
export function hashOf(text: string): string {
  return hash('sha256', Buffer.from(text, 'utf16le'), 'hex');
}

/** SHA-1 of a text, as 40 lower-case hex: what Redis calls a script by. Guards nothing. */
export function scriptHashOf(text: string): string {
  return hash('sha1', text, 'hex');
}
