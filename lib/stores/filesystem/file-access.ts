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
import { codeOf, outOfRoomError } from './faults.js';

/** No session is this large. A larger file is not one of ours. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

// The flags refuse symbolic links, and do not wait for the other end of a pipe. Windows knows neither flag.
const GUARDED =
  ((constants.O_NOFOLLOW as number | undefined) ?? 0) | ((constants.O_NONBLOCK as number | undefined) ?? 0);
export const FOR_READING = constants.O_RDONLY | GUARDED;
export const FOR_APPENDING = constants.O_RDWR | constants.O_APPEND | GUARDED;
/** For overwriting: with `O_APPEND`, a write at any position appends. */
export const FOR_WRITING = constants.O_RDWR | GUARDED;
const FOR_CREATING = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | GUARDED;

const FILE_MODE = 0o600;

/** A file that is not a journal of ours: not a regular file, too large, or owned by another user. */
export const FOREIGN = 'foreign';
/** The errors of opening or reading something that is not a regular file: a link, a directory, a pipe, a socket. */
const FOREIGN_CODES = new Set(['ELOOP', 'EMLINK', 'EISDIR', 'ENXIO', 'ESPIPE', 'EAGAIN', 'EINVAL', 'ENODEV']);

const TEMPORARY = /^([0-9a-f]{64})\.[0-9a-f]{32}\.tmp$/;

/** A new name for a temporary file in the folder of a file. It is random, so no two processes ever use the same. */
export function temporaryNameFor(name: string): string {
  return `${name}.${randomHex(16)}.tmp`;
}

/** The name of the file that a temporary file is for; `undefined` if it is not a temporary file of ours. */
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
 * Whether a file belongs to the user of this process. Another user could have written anything into it. On Windows
 * files have no such owner, and the answer is always yes.
 */
export function belongsToUs({ uid }: Stats): boolean {
  const user = process.geteuid?.();
  return user === undefined || uid === user;
}

/** Creates a file. Fails if the name exists. The mode of the file does not depend on the umask. */
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

/** Reads files. A file of ordinary size needs no allocation. */
export class FileReader {
  readonly #scratch = Buffer.allocUnsafeSlow(16 * 1024);

  /** Reads a file from a position to its end. The result is valid until the next call. */
  read(fd: number, from: number): Buffer | typeof FOREIGN {
    try {
      const count = readSync(fd, this.#scratch, 0, this.#scratch.length, from);
      if (count < this.#scratch.length) return this.#scratch.subarray(0, count);
    } catch (error) {
      if (FOREIGN_CODES.has(codeOf(error) ?? '')) return FOREIGN;
      throw error;
    }
    const { size } = fstatSync(fd);
    // Another process may append after the first read. Bytes appended after this line are not read.
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

/** Appends in a single write, which the file system orders after all earlier ones. A partial write is an error. */
export function appendWhole(fd: number, bytes: Buffer): void {
  if (writeSync(fd, bytes) < bytes.length) throw outOfRoomError();
}

/** Writes a file from its beginning. No other process may know the file yet. */
export function writeWhole(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) {
    const count = writeSync(fd, bytes, done, bytes.length - done, done);
    if (count === 0) throw outOfRoomError();
    done += count;
  }
}

/** Whether the path still leads to the open file. */
export function isStillAt(path: string, fd: number): boolean {
  const named = lstatSync(path, { throwIfNoEntry: false });
  if (named === undefined) return false;
  const open = fstatSync(fd);
  return named.ino === open.ino && named.dev === open.dev;
}

/** Removes a file. Returns `false` if it did not exist. */
export function removeFile(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Forces the names in a directory to the disk. On Windows this does nothing, because directories cannot be opened. */
export function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Runs a task with an open file, and closes the file. */
export function useAndClose<T>(fd: number, task: (fd: number) => T): T {
  try {
    return task(fd);
  } finally {
    closeSync(fd);
  }
}
