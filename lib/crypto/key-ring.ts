import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

const KEY_BYTES = 32;

/**
 * Keys that replace each other over time: the first one signs and seals, all of them verify and open. A key is never
 * used itself. For each purpose another key is derived from it (HKDF-SHA-256, RFC 5869), so that something made for one
 * purpose is worthless for another.
 */
export class KeyRing {
  /** @param keys at least one, each with at least 32 bytes */
  constructor(readonly keys: readonly Uint8Array[]) {}

  /**
   * The keys for one purpose, in the order of the ring.
   *
   * @param purpose names the use, a version, and what else must not be confused, such as the name of the cookie
   */
  derive(purpose: string): readonly KeyObject[] {
    return this.keys.map(key =>
      createSecretKey(Buffer.from(hkdfSync('sha256', key, '', purpose, KEY_BYTES))),
    );
  }
}
