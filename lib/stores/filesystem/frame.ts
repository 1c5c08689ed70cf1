import { crc32 } from 'node:zlib';

// A journal is a sequence of frames. A frame is a newline, the length of the payload with a check digit, the checksum
// of the payload, and the payload. The payload is JSON, which contains no newline. A write that was cut off leaves
// the beginning of a frame. Any other bytes between frames mean that the file was damaged later. The checksum
// includes the name of the file, so a frame that was copied from another file counts as damaged.

/** `\nLLLLLLLLK CCCCCCCC `: the length in bytes, its check digit and the CRC-32, all in lower-case hex. */
const HEADER_BYTES = 20;
const NEWLINE = 10;
const SPACE = 32;

/** One entry of a journal: its kind, followed by its values. */
export type Entry = readonly [kind: string, ...values: unknown[]];

/** The initial value of the checksums of a file. */
export function seedOf(name: string): number {
  return crc32(name);
}

export function frameOf(entry: Entry, seed: number): Buffer {
  const payload = JSON.stringify(entry);
  const length = Buffer.byteLength(payload);
  return Buffer.from(
    `\n${hex(length)}${digitSum(length).toString(16)} ${hex(crc32(payload, seed))} ${payload}`,
  );
}

/**
 * Calls `visit` for every complete frame, in order, with the position where the frame ends. Beginnings of frames that
 * were cut off are skipped.
 *
 * @returns where the last complete frame ends, which is before the end of `bytes` if the last write was cut off;
 * `'broken'` if there are other bytes between the frames, or if `visit` returned `false` for an unknown entry
 */
export function eachFrame(
  bytes: Buffer,
  from: number,
  seed: number,
  visit: (entry: Entry, end: number) => boolean,
): number | 'broken' {
  let at = from;
  while (at < bytes.length) {
    const end = frameEnd(bytes, at, seed);
    if (end === undefined) {
      const next = nextFrame(bytes, at + 1, seed);
      if (!isBeginning(bytes, at, next)) return 'broken';
      if (next === bytes.length) return at;
      at = next;
      continue;
    }
    const entry = parseEntry(bytes.toString('utf8', at + HEADER_BYTES, end));
    if (entry === undefined || !visit(entry, end)) return 'broken';
    at = end;
  }
  return at;
}

/** The end of the frame that begins at `at`; `undefined` if there is no complete frame. */
function frameEnd(bytes: Buffer, at: number, seed: number): number | undefined {
  const start = at + HEADER_BYTES;
  if (start > bytes.length || bytes[at] !== NEWLINE || bytes[at + 10] !== SPACE || bytes[start - 1] !== SPACE)
    return undefined;
  const end = start + lengthAt(bytes, at);
  if (!(end <= bytes.length)) return undefined;
  return crc32(bytes.subarray(start, end), seed) === hexAt(bytes, at + 11) ? end : undefined;
}

/** The beginning of the next complete frame; the end of `bytes` if there is none. */
function nextFrame(bytes: Buffer, from: number, seed: number): number {
  for (let at = bytes.indexOf(NEWLINE, from); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) {
    if (frameEnd(bytes, at, seed) !== undefined) return at;
  }
  return bytes.length;
}

/** Whether these bytes are the beginning of a frame, but not a complete one. */
function isBeginning(bytes: Buffer, at: number, end: number): boolean {
  const size = end - at;
  for (let i = 0; i < Math.min(size, HEADER_BYTES); i++) {
    const byte = bytes[at + i] ?? 0;
    if (i === 0 ? byte !== NEWLINE : i === 10 || i === 19 ? byte !== SPACE : hexDigit(byte) < 0) return false;
  }
  if (size < 10) return true;
  const length = lengthAt(bytes, at);
  return length >= 0 && size < HEADER_BYTES + length;
}

/** The length in the header at `at`; NaN if its check digit is wrong. */
function lengthAt(bytes: Buffer, at: number): number {
  const length = hexAt(bytes, at + 1);
  return hexDigit(bytes[at + 9] ?? 0) === digitSum(length) ? length : Number.NaN;
}

/** The number in eight hex digits; NaN if one of them is not a hex digit. */
function hexAt(bytes: Buffer, at: number): number {
  let value = 0;
  for (let i = at; i < at + 8; i++) {
    const digit = hexDigit(bytes[i] ?? 0);
    if (digit < 0) return Number.NaN;
    value = value * 16 + digit;
  }
  return value;
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  return byte >= 97 && byte <= 102 ? byte - 87 : -1;
}

/** The check digit of a length. A change of any single digit of the length changes it. */
function digitSum(length: number): number {
  let sum = 0;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 16)) sum += rest % 16;
  return sum % 16;
}

function parseEntry(payload: string): Entry | undefined {
  try {
    const entry: unknown = JSON.parse(payload);
    return Array.isArray(entry) && typeof entry[0] === 'string' ? (entry as unknown as Entry) : undefined;
  } catch {
    return undefined; // the checksum is right, but we never write this
  }
}

const hex = (value: number): string => value.toString(16).padStart(8, '0');
