import { randomBytes } from 'node:crypto';

/** Random bytes as lower-case hex, two characters per byte. If the system's generator fails, its error is thrown. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** Random bytes as base64url without padding. If the system's generator fails, its error is thrown. */
export function randomBase64url(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
