import { StoreRefusedError } from '../../store/store-refused.error.js';

/** Faults that repeating the call does not cure, each with its remedy. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space.',
  EDQUOT: 'The quota of this user is used up: raise it or free some space.',
  EFBIG: 'A file may not grow any further: raise the limit (ulimit -f).',
  EACCES: 'Check who owns the session directory and what it permits.',
  EPERM: 'Check who owns the session directory and what it permits.',
  EROFS: 'The file system is read-only: mount it for writing.',
  ENOTDIR: 'A part of the path of the session directory is not a directory.',
};

/** Faults that may pass by themselves, each with a hint. */
const HINTS: Readonly<Record<string, string>> = {
  EMFILE: 'Too many files are open in this process: raise the limit (ulimit -n).',
  ENFILE: 'Too many files are open on this machine.',
  EIO: 'The disk failed.',
};

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** Whether an error says that the disk or the quota is full, or that the file may not grow. */
export function isOutOfRoom(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}

/** The error for a write that wrote fewer bytes than given. The disk is full, but only the next write would fail. */
export function outOfRoomError(): Error {
  return toFault(Object.assign(new Error('short write'), { code: 'ENOSPC', syscall: 'write' }));
}

/**
 * Turns an error of Node into a fault as the contract requires: a `StoreRefusedError`, or any other error if it may
 * pass. Node's message contains the path, and with it the id of a session. So only the system call and the code are
 * kept.
 */
export function toFault(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error), { cause: error });
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const remedy = REMEDIES[code];
  const message =
    `[session:filesystem] ${syscall} failed with ${code}. ${remedy ?? HINTS[code] ?? ''}`.trimEnd();
  return Object.assign(remedy === undefined ? new Error(message) : new StoreRefusedError(message), { code });
}

/** Runs a task and turns an error of Node into a fault. */
export function withFaults<T>(task: () => T): T {
  try {
    return task();
  } catch (error) {
    throw toFault(error);
  }
}
