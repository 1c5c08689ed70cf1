import { crc32 } from 'node:zlib';

// A journal is a file of frames. A frame is a newline, the payload's length, its checksum, and the payload, which is JSON
// and holds no newline. So a write that was cut off leaves a short line, the next frame begins on a line of its own, and
// a line of full length with a wrong checksum was damaged by somebody.

/** `LLLLLLLL CCCCCCCC `: length in characters and CRC-32, both in hex. */
const HEADER = 18;
const TORN_HEADER = /^[0-9a-f]{0,8}(?: [0-9a-f]{0,8} ?)?$/;

/** One thing that happened to the file: what it is, and its particulars. */
export type Entry = readonly [kind: string, ...particulars: unknown[]];

export function frameOf(entry: Entry): string {
  const payload = JSON.stringify(entry);
  return `\n${hex(payload.length)} ${hex(crc32(payload))} ${payload}`;
}

/** The entries of a journal's text, torn ones left out; `'broken'` when a line was damaged. */
export function entriesOf(text: string): Entry[] | 'broken' {
  const entries: Entry[] = [];
  for (const line of text.split('\n')) {
    const entry = line === '' ? 'torn' : entryOf(line);
    if (entry === 'broken') return 'broken';
    if (entry !== 'torn') entries.push(entry);
  }
  return entries;
}

function entryOf(line: string): Entry | 'torn' | 'broken' {
  if (line.length <= HEADER) return TORN_HEADER.test(line) ? 'torn' : 'broken';
  const length = Number.parseInt(line.slice(0, 8), 16);
  const payload = line.slice(HEADER);
  if (payload.length < length) return 'torn';
  if (payload.length !== length || line.slice(9, 17) !== hex(crc32(payload))) return 'broken';
  const entry: unknown = JSON.parse(payload);
  return Array.isArray(entry) && typeof entry[0] === 'string' ? (entry as unknown as Entry) : 'broken';
}

const hex = (value: number): string => value.toString(16).padStart(8, '0');
