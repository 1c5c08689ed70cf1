import { StoreRefusedError } from '../../store/store-refused.error.js';

/** Somebody has to change something before it can work again. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space.',
  EDQUOT: 'The quota of this user is used up: raise it or free some space.',
  EFBIG: 'A file may not grow any further: raise the limit (ulimit -f).',
  EACCES: 'Check who owns the session directory and what it permits.',
  EPERM: 'Check who owns the session directory and what it permits.',
  EROFS: 'The file system is read-only: mount it for writing.',
  ENOTDIR: 'Something else stands in the place of the session directory.',
};

/** It may pass, but somebody can help. */
const HINTS: Readonly<Record<string, string>> = {
  EMFILE: 'Too many files are open in this process: raise the limit (ulimit -n).',
  ENFILE: 'Too many files are open on this machine.',
  EIO: 'The disk failed.',
};

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** The disk, the quota or the file itself is as large as it may get. */
export function isOutOfRoom(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}

/** A short count is how a full disk first shows; only the next write would get the error. */
export function outOfRoom(): Error {
  return faultOf(Object.assign(new Error('short write'), { code: 'ENOSPC', syscall: 'write' }));
}

/**
 * The fault as the contract wants it: refused, or it may pass. Node's own message names the path and with it the id of
 * a session, so none of it is kept but what failed, and how.
 */
export function faultOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error), { cause: error });
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const remedy = REMEDIES[code];
  const message =
    `[session:filesystem] ${syscall} failed with ${code}. ${remedy ?? HINTS[code] ?? ''}`.trimEnd();
  return Object.assign(remedy === undefined ? new Error(message) : new StoreRefusedError(message), { code });
}

/** Node's errors as the contract wants faults to be. */
export function guarded<T>(task: () => T): T {
  try {
    return task();
  } catch (error) {
    throw faultOf(error);
  }
}
