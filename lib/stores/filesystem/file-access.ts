import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { randomHex } from '../../crypto/random.js';
import { codeOf, outOfRoom } from './faults.js';

/** Larger than any session that a store should hold; a file beyond it is not one of ours. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

// Never through a symbolic link, and never waiting for the other end of a pipe that somebody put there. Windows knows
// neither flag.
const GUARDED =
  ((constants.O_NOFOLLOW as number | undefined) ?? 0) | ((constants.O_NONBLOCK as number | undefined) ?? 0);
export const FOR_READING = constants.O_RDONLY | GUARDED;
export const FOR_APPENDING = constants.O_RDWR | constants.O_APPEND | GUARDED;
/** For writing in place: a file that is open for appending appends wherever it is told to write. */
export const FOR_WRITING = constants.O_RDWR | GUARDED;
const FOR_CREATING = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | GUARDED;

const FILE_MODE = 0o600;

/** A file that is not a journal of ours: not a regular file, too large, or owned by another user. */
export const FOREIGN = 'foreign';
/** What opening or reading something says that is not a regular file: a link, a directory, a pipe, a socket. */
const FOREIGN_CODES = new Set(['ELOOP', 'EMLINK', 'EISDIR', 'ENXIO', 'ESPIPE', 'EAGAIN', 'EINVAL', 'ENODEV']);

const TEMPORARY = /^([0-9a-f]{64})\.[0-9a-f]{32}\.tmp$/;

/** A name that nobody else has or ever had, beside a file. Two processes never meet there, whatever their pids. */
export function temporaryNameFor(name: string): string {
  return `${name}.${randomHex(16)}.tmp`;
}

/** The name of the file that a temporary file was for; `undefined` when it is none of ours. */
export function targetOfTemporary(name: string): string | undefined {
  return TEMPORARY.exec(name)?.[1];
}

/** Opens a file. Returns `undefined` if there is none, and `FOREIGN` for a file that is not ours to read. */
export function openExisting(path: string, flags: number): number | typeof FOREIGN | undefined {
  let fd: number;
  try {
    fd = openSync(path, flags);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return undefined;
    if (code !== undefined && FOREIGN_CODES.has(code)) return FOREIGN;
    throw error;
  }
  if (belongsToUs(fstatSync(fd))) return fd;
  closeSync(fd);
  return FOREIGN;
}

/**
 * Whether a file belongs to the user of this process. Another user could have written anything into it. On Windows files
 * have no such owner, and the answer is always yes.
 */
export function belongsToUs({ uid }: Stats): boolean {
  const user = process.geteuid?.();
  return user === undefined || uid === user;
}

/** Makes a file that was not there. Its mode does not depend on the umask. */
export function openNew(path: string): number {
  const fd = openSync(path, FOR_CREATING, FILE_MODE);
  try {
    fchmodSync(fd, FILE_MODE);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Reads whole files of ordinary size without an allocation for each. */
export class FileReader {
  readonly #scratch = Buffer.allocUnsafeSlow(16 * 1024);

  /** What a file holds, from a byte on. Valid until the next call. */
  read(fd: number, from: number): Buffer | typeof FOREIGN {
    try {
      const count = readSync(fd, this.#scratch, 0, this.#scratch.length, from);
      if (count < this.#scratch.length) return this.#scratch.subarray(0, count);
    } catch (error) {
      if (FOREIGN_CODES.has(codeOf(error) ?? '')) return FOREIGN;
      throw error;
    }
    const { size } = fstatSync(fd);
    // Somebody may append between the two looks; what is missed then is what came later.
    return size > MAX_FILE_BYTES ? FOREIGN : readExactly(fd, from, size - from);
  }
}

function readExactly(fd: number, from: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const count = readSync(fd, buffer, done, length - done, from + done);
    if (count === 0) break;
    done += count;
  }
  return buffer.subarray(0, done);
}

/** Appends in one write, which the file system puts behind all others; a part of it would be a torn frame. */
export function appendWhole(fd: number, bytes: Buffer): void {
  if (writeSync(fd, bytes) < bytes.length) throw outOfRoom();
}

/** Writes a file that nobody else knows yet, from its beginning. */
export function writeWhole(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) {
    const count = writeSync(fd, bytes, done, bytes.length - done, done);
    if (count === 0) throw outOfRoom();
    done += count;
  }
}

/** Whether the open file is still the one that has this name. */
export function isStillAt(path: string, fd: number): boolean {
  const named = lstatSync(path, { throwIfNoEntry: false });
  if (named === undefined) return false;
  const open = fstatSync(fd);
  return named.ino === open.ino && named.dev === open.dev;
}

/** Removes a file; `false` when it was not there. */
export function removeFile(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Forces the names in a directory to the disk. Windows cannot open directories; there the names have to wait. */
export function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Runs `task` with the file and closes it. */
export function closing<T>(fd: number, task: (fd: number) => T): T {
  try {
    return task(fd);
  } finally {
    closeSync(fd);
  }
}
