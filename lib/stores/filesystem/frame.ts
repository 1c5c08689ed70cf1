import { crc32 } from 'node:zlib';

// A frame is a newline, the payload's length with a check digit, the payload's checksum, and the payload: JSON, which
// holds no newline. A write that was cut off leaves the beginning of a frame and nothing else; that is how it is told
// from a frame that was damaged later. The checksum starts from the file's name, so that a frame that was copied from
// another file counts as damaged.

/** `\nLLLLLLLLK CCCCCCCC `: length in bytes, its check digit, CRC-32; all in lower-case hex. */
const HEADER_BYTES = 20;
const NEWLINE = 10;
const SPACE = 32;

/** One thing that happened to the file: what it is, and its particulars. */
export type Entry = readonly [kind: string, ...particulars: unknown[]];

/** What the checksums of a file start from. */
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
 * Hands every whole frame to `visit`, in order and with where it ends, and leaves out what writes that were cut off left between them.
 *
 * @returns where the last whole frame ends: before the end of `bytes`, if a write was cut off there; `'broken'` when
 * something else than that stands between the frames, or `visit` did not understand an entry
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
    const entry = parsed(bytes.toString('utf8', at + HEADER_BYTES, end));
    if (entry === undefined || !visit(entry, end)) return 'broken';
    at = end;
  }
  return at;
}

/** Where the frame that begins at `at` ends; `undefined` unless it is whole. */
function frameEnd(bytes: Buffer, at: number, seed: number): number | undefined {
  const start = at + HEADER_BYTES;
  if (start > bytes.length || bytes[at] !== NEWLINE || bytes[at + 10] !== SPACE || bytes[start - 1] !== SPACE)
    return undefined;
  const end = start + lengthAt(bytes, at);
  if (!(end <= bytes.length)) return undefined;
  return crc32(bytes.subarray(start, end), seed) === hexAt(bytes, at + 11) ? end : undefined;
}

/** Where the next whole frame begins; at the end of `bytes` when there is none. */
function nextFrame(bytes: Buffer, from: number, seed: number): number {
  for (let at = bytes.indexOf(NEWLINE, from); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) {
    if (frameEnd(bytes, at, seed) !== undefined) return at;
  }
  return bytes.length;
}

/** Whether these bytes are the beginning of a frame, and not all of it. */
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

/** The length in the header at `at`; NaN when its check digit says otherwise. */
function lengthAt(bytes: Buffer, at: number): number {
  const length = hexAt(bytes, at + 1);
  return hexDigit(bytes[at + 9] ?? 0) === digitSum(length) ? length : Number.NaN;
}

/** The number in eight hex digits, NaN when they are none. */
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

/** No change of a single digit of the length leaves it right. */
function digitSum(length: number): number {
  let sum = 0;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 16)) sum += rest % 16;
  return sum % 16;
}

function parsed(payload: string): Entry | undefined {
  try {
    const entry: unknown = JSON.parse(payload);
    return Array.isArray(entry) && typeof entry[0] === 'string' ? (entry as unknown as Entry) : undefined;
  } catch {
    return undefined; // a right checksum around something else: not written by us
  }
}

const hex = (value: number): string => value.toString(16).padStart(8, '0');
