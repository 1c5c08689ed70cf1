import { chmodSync, fstatSync, linkSync, lstatSync, mkdirSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { codeOf, isOutOfRoom } from './faults.js';
import {
  belongsToUs,
  useAndClose,
  openNew,
  removeFile,
  temporaryNameFor,
  writeWhole,
} from './file-access.js';

const DIRECTORY_MODE = 0o700;
const OTHERS = 0o077;
const OTHERS_MAY_WRITE = 0o022;

/** The two kinds of files, each in a folder of its own. */
export type Kind = 'sessions' | 'users';
export const KINDS: readonly Kind[] = ['sessions', 'users'];

/**
 * The directory of a store. It contains `sessions/a/b/<id>` and `users/a/b/<hash>`: 256 folders each, created when they
 * are first needed. All names are lower-case hex, so that no file system confuses two of them.
 */
export class SessionDirectory {
  readonly path: string;
  /** The directory that was checked. If the path leads to another one later, that is a fault. */
  #identity: { readonly dev: number; readonly ino: number } | undefined;

  constructor(
    directory: string,
    /** Called once, as soon as the directory has been checked. */
    readonly onReady: () => void,
  ) {
    this.path = resolve(directory);
  }

  pathOf(kind: Kind, name: string): string {
    return `${this.path}/${kind}/${name[0]}/${name[1]}/${name}`;
  }

  /**
   * Creates the directory if it does not exist, and checks that the store can use it.
   *
   * @returns warnings for the log
   * @throws StoreRefusedError
   */
  setUp(): string[] {
    const stat = this.#check();
    const problem = this.#tryOut();
    if (problem !== undefined && !isOutOfRoom(problem)) {
      throw this.#refusal(
        `cannot be used (${codeOf(problem) ?? problem.message}): the store has to create, link and remove files in it`,
      );
    }
    const warnings = warningsAbout(this.path, stat);
    // On a full disk sessions can still be read and ended, so the application may start.
    if (problem !== undefined)
      warnings.push(`[session:filesystem] ${this.path} is full: no session can be created or changed.`);
    return warnings;
  }

  /** Creates and checks the directory at the first call. Later calls check that it is still the same directory. */
  assertThere(): void {
    if (this.#identity === undefined) return void this.#check();
    const stat = lstatSync(this.path, { throwIfNoEntry: false });
    if (stat === undefined)
      throw this.#refusal('was removed while it was in use: put it back, or start again');
    if (!stat.isDirectory() || stat.dev !== this.#identity.dev || stat.ino !== this.#identity.ino)
      throw this.#refusal('was replaced while it was in use: put it back, or start again');
  }

  /** Creates the folder of a file, but never the store's directory: if that is gone, it is a fault. */
  makeFolderOf(kind: Kind, name: string): void {
    this.assertThere();
    let folder = this.path;
    for (const part of [kind, name[0], name[1]]) {
      folder = `${folder}/${part}`;
      makeDirectory(folder);
    }
  }

  /** @throws if files cannot be created, linked and removed in the directory */
  ping(): void {
    this.assertThere();
    const problem = this.#tryOut();
    if (problem !== undefined) throw problem;
  }

  #check(): Stats {
    try {
      if (lstatSync(this.path, { throwIfNoEntry: false }) === undefined) {
        mkdirSync(this.path, { recursive: true, mode: DIRECTORY_MODE });
        chmodSync(this.path, DIRECTORY_MODE);
      }
    } catch (error) {
      throw this.#refusal(`cannot be created (${codeOf(error) ?? String(error)})`);
    }
    const stat = lstatSync(this.path);
    if (stat.isSymbolicLink()) throw this.#refusal('is a symbolic link: use the path that it points to');
    if (!stat.isDirectory()) throw this.#refusal('is not a directory');
    if (stat.mode & OTHERS_MAY_WRITE && process.platform !== 'win32') {
      throw this.#refusal('can be written to by others: chmod 700 it, or name a new directory inside it');
    }
    const isFirst = this.#identity === undefined;
    this.#identity = { dev: stat.dev, ino: stat.ino };
    if (isFirst) this.onReady();
    return stat;
  }

  /** Creates a file, writes it, links it, and removes it again. Returns the error if one of these fails. */
  #tryOut(): Error | undefined {
    const name = temporaryNameFor('0'.repeat(64));
    const first = `${this.path}/${name}`;
    const second = `${this.path}/${temporaryNameFor('0'.repeat(64))}`;
    try {
      try {
        useAndClose(openNew(first), fd => {
          if (!belongsToUs(fstatSync(fd))) throw new Error('its file system gives our files to another user');
          writeWhole(fd, Buffer.from(name));
        });
        linkSync(first, second);
      } finally {
        removeFile(first);
        removeFile(second);
      }
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
    return undefined;
  }

  #refusal(what: string): StoreRefusedError {
    return new StoreRefusedError(`[session:filesystem] "directory" ${this.path} ${what}.`);
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: DIRECTORY_MODE });
    chmodSync(path, DIRECTORY_MODE); // the umask may have removed permissions
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function warningsAbout(path: string, stat: Stats): string[] {
  if (process.platform === 'win32') return [];
  const warnings: string[] = [];
  if (stat.mode & OTHERS) {
    warnings.push(
      `[session:filesystem] ${path} can be read by others, although the sessions in it cannot: chmod 700 it.`,
    );
  }
  if (!belongsToUs(stat)) {
    warnings.push(`[session:filesystem] ${path} belongs to another user, who can put anything there.`);
  }
  return warnings;
}
