import { randomBytes } from 'node:crypto';

/** One call to the operating system's generator serves 128 sids; a call for each costs several times as much. */
const POOL_BYTES = 4096;

/*
 * Bytes that wait to be used, each exactly once. The state belongs to this module instance: a worker thread loads its
 * own, and a forked process is a new one, so nothing is ever handed out twice. Filled at the first use, not at import.
 */
let pool = Buffer.alloc(0);
let used = 0;

/** `bytes` random bytes as lower-case hex. Throws what the generator throws; there is no fallback. */
export function randomHex(bytes: number): string {
  return take(bytes, 'hex');
}

/** `bytes` random bytes as base64url without padding. Throws what the generator throws; there is no fallback. */
export function randomBase64url(bytes: number): string {
  return take(bytes, 'base64url');
}

function take(bytes: number, encoding: 'hex' | 'base64url'): string {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > POOL_BYTES) {
    throw new RangeError(`[session] ${bytes} random bytes were asked for; 1 to ${POOL_BYTES} are possible`);
  }
  if (used + bytes > pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  const start = used;
  used += bytes; // before anything else can fail: bytes are never offered again
  const text = pool.toString(encoding, start, used);
  pool.fill(0, start, used); // a later leak of this memory must not show secrets that are in use
  return text;
}
