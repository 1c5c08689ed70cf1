import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { StoreRefusedError } from '../../store/store-refused.error.js';

/** Larger than any session that a store should hold; a file beyond it is not one of ours. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

// Never through a symbolic link, and never waiting for the other end of a pipe that somebody put there.
const GUARDED = constants.O_NOFOLLOW | constants.O_NONBLOCK;
export const FOR_READING = constants.O_RDONLY | GUARDED;
export const FOR_APPENDING = constants.O_RDWR | constants.O_APPEND | GUARDED;
export const FOR_CREATING =
  constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL | GUARDED;

export const FILE_MODE = 0o600;
export const DIRECTORY_MODE = 0o700;

/** Not a regular file, or not one that can be a journal. */
export const FOREIGN = 'foreign';

/** Opens a file that is there. `undefined`: nothing is. */
export function openExisting(path: string, flags: number): number | typeof FOREIGN | undefined {
  try {
    return openSync(path, flags);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP' || code === 'EISDIR' || code === 'ENXIO' || code === 'EMLINK') return FOREIGN;
    throw faultOf(error);
  }
}

/** What a file holds, from a byte on. */
export function readAll(fd: number, from = 0): Buffer | typeof FOREIGN {
  const stat = fstatSync(fd);
  if (!stat.isFile() || stat.size > MAX_FILE_BYTES) return FOREIGN;
  // One byte more shows that somebody has appended since.
  let buffer = Buffer.allocUnsafe(Math.max(stat.size - from, 0) + 1);
  let length = 0;
  for (;;) {
    const count = readSync(fd, buffer, length, buffer.length - length, from + length);
    length += count;
    if (count === 0 || length < buffer.length) return buffer.subarray(0, length);
    buffer = Buffer.concat([buffer], buffer.length * 2);
  }
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

const REFUSALS = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EFBIG', 'ENOTDIR']);

/** The fault as the contract wants it: somebody has to change something, or it may pass. */
export function faultOf(error: unknown): Error {
  const code = codeOf(error);
  if (code !== undefined && REFUSALS.has(code)) {
    return new StoreRefusedError(`[session:filesystem] the session directory cannot be used: ${code}`, {
      cause: error,
    });
  }
  return error instanceof Error ? error : new Error(String(error), { cause: error });
}

/** Runs `task` with the file and closes it. */
export function closing<T>(fd: number, task: () => T): T {
  try {
    return task();
  } catch (error) {
    throw faultOf(error);
  } finally {
    closeSync(fd);
  }
}
