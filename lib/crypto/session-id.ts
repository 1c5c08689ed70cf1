import { hash } from 'node:crypto';
import { randomBase64url } from './random.js';

/** 256 bits: far beyond the 128 that ASVS 7.2.3 asks for. */
const SID_BYTES = 32;

/**
 * 43 characters of base64url. The last one carries four bits of the secret and two that must be zero: sixteen characters
 * are canonical there, so that no two texts stand for the same bytes.
 */
const SID = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/** A fresh secret for the cookie. Throws when the machine has no randomness to give. */
export function newSid(): string {
  return randomBase64url(SID_BYTES);
}

/** Whether this text has the one shape that `newSid` makes. Says nothing about whether such a session exists. */
export function isSid(text: string): boolean {
  return text.length === 43 && SID.test(text);
}

/** The id of a sid: SHA-256 of its text, 64 lower-case hex. What stores and events see; useless as a cookie. */
export function idOf(sid: string): string {
  return hash('sha256', sid, 'hex');
}
