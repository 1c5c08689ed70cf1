import { writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { SessionMoments } from '../../store/session-record.interface.js';

// A journal begins with a line that says what it is, and four slots of a fixed place. A slot takes the two moments of a
// touch when there is no room to append one: overwriting needs none.

const MAGIC = 'nestjs-http-session journal 1'.padEnd(32);
const SLOTS = 4;
/** Both moments as the bytes of a double in hex, and a checksum. */
const SLOT_BYTES = 40;

/** Where the frames begin. */
export const HEAD_BYTES = MAGIC.length + SLOTS * SLOT_BYTES;
/** What a new journal begins with. */
export const EMPTY_HEAD = Buffer.from(MAGIC.padEnd(HEAD_BYTES));

/** Whether this is the beginning of a journal of ours. */
export function hasHead(bytes: Buffer): boolean {
  return bytes.length >= HEAD_BYTES && bytes.compare(EMPTY_HEAD, 0, MAGIC.length, 0, MAGIC.length) === 0;
}

/** The latest moments in the slots; `undefined` when none was ever used. A slot that was cut off says nothing. */
export function momentsInSlots(head: Buffer, seed: number): SessionMoments | undefined {
  if (head.compare(EMPTY_HEAD, 0, HEAD_BYTES, 0, HEAD_BYTES) === 0) return undefined;
  let latest: SessionMoments | undefined;
  for (let slot = 0; slot < SLOTS; slot++) {
    const at = MAGIC.length + slot * SLOT_BYTES;
    const text = head.toString('latin1', at, at + SLOT_BYTES);
    if (text.slice(32) !== checksum(text.slice(0, 32), seed)) continue;
    const bytes = Buffer.from(text.slice(0, 32), 'hex');
    latest = {
      expiresAt: Math.max(bytes.readDoubleBE(0), latest?.expiresAt ?? -Infinity),
      lastSeenAt: Math.max(bytes.readDoubleBE(8), latest?.lastSeenAt ?? -Infinity),
    };
  }
  return latest;
}

/** Overwrites a slot. The file must not be open for appending. */
export function writeSlot(fd: number, slot: number, moments: SessionMoments, seed: number): void {
  const bytes = Buffer.alloc(16);
  bytes.writeDoubleBE(moments.expiresAt, 0);
  bytes.writeDoubleBE(moments.lastSeenAt, 8);
  const text = bytes.toString('hex');
  writeSync(fd, `${text}${checksum(text, seed)}`, MAGIC.length + (slot % SLOTS) * SLOT_BYTES, 'latin1');
}

const checksum = (text: string, seed: number): string => crc32(text, seed).toString(16).padStart(8, '0');
