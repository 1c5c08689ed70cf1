import { hash } from 'node:crypto';
import { randomBase64url } from './random.js';

/** 256 bits. OWASP ASVS 7.2.3 requires 128. */
const SID_BYTES = 32;

/**
 * 43 characters of base64url. The last character holds four bits of the secret and two unused bits. Only the sixteen
 * characters with zeros in the unused bits are accepted, so that each secret has exactly one text.
 */
const SID = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/** Makes a new secret for the cookie. If the system's random generator fails, its error is thrown. */
export function newSid(): string {
  return randomBase64url(SID_BYTES);
}

/** Whether a text has the form that `newSid` makes. A session with this sid need not exist. */
export function isSid(text: string): boolean {
  return text.length === 43 && SID.test(text);
}

/**
 * The id of a sid: its SHA-256 in lower-case hex. Stores and events get the id only. It cannot be used as a cookie,
 * because the sid cannot be computed from it.
 */
export function idOf(sid: string): string {
  return hash('sha256', sid, 'hex');
}
