import { chmodSync, fstatSync, linkSync, lstatSync, mkdirSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { codeOf, isOutOfRoom } from './faults.js';
import { belongsToUs, closing, openNew, removeFile, temporaryNameFor, writeWhole } from './file-access.js';

const DIRECTORY_MODE = 0o700;
const OTHERS = 0o077;
const OTHERS_MAY_WRITE = 0o022;

/** Whose files are where. */
export type Kind = 'sessions' | 'users';
export const KINDS: readonly Kind[] = ['sessions', 'users'];

/**
 * The directory of a store: `sessions/a/b/<id>` and `users/a/b/<hash>`, 256 folders each, made when first needed. All
 * names are lower-case hex, which every file system keeps apart.
 */
export class SessionDirectory {
  readonly path: string;
  /** The directory that we checked. Another one in its place is not ours. */
  #identity: { readonly dev: number; readonly ino: number } | undefined;

  constructor(
    directory: string,
    /** Called once, when the directory is first known to be usable. */
    readonly onReady: () => void,
  ) {
    this.path = resolve(directory);
  }

  pathOf(kind: Kind, name: string): string {
    return `${this.path}/${kind}/${name[0]}/${name[1]}/${name}`;
  }

  /**
   * Makes the directory when it is not there, and checks that it is one of ours that we can work in.
   *
   * @returns warnings
   * @throws StoreRefusedError
   */
  setUp(): string[] {
    const stat = this.#check();
    const problem = this.#tryOut();
    if (problem !== undefined && !isOutOfRoom(problem)) {
      throw this.#refusal(
        `cannot be used (${codeOf(problem) ?? problem.message}): files are made, linked and removed in it`,
      );
    }
    const warnings = warningsAbout(this.path, stat);
    // On a full disk sessions can still be read and ended, so it is no reason not to start.
    if (problem !== undefined)
      warnings.push(`[session:filesystem] ${this.path} is full: no session can be created or changed.`);
    return warnings;
  }

  /** Sets the directory up if that has not happened; afterwards makes sure that it is still the same one. */
  assertThere(): void {
    if (this.#identity === undefined) return void this.#check();
    const stat = lstatSync(this.path, { throwIfNoEntry: false });
    if (stat === undefined)
      throw this.#refusal('was removed while it was in use: put it back, or start again');
    if (!stat.isDirectory() || stat.dev !== this.#identity.dev || stat.ino !== this.#identity.ino)
      throw this.#refusal('was replaced while it was in use: put it back, or start again');
  }

  /** Makes the folder of a file. Never the store's own: if that is gone, something is wrong. */
  makeFolderOf(kind: Kind, name: string): void {
    this.assertThere();
    let folder = this.path;
    for (const part of [kind, name[0], name[1]]) {
      folder = `${folder}/${part}`;
      makeDirectory(folder);
    }
  }

  /** @throws when we cannot work in the directory */
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
      throw this.#refusal(`cannot be made (${codeOf(error) ?? String(error)})`);
    }
    const stat = lstatSync(this.path);
    if (stat.isSymbolicLink()) throw this.#refusal('is a symbolic link: name what it points to');
    if (!stat.isDirectory()) throw this.#refusal('is not a directory');
    if (stat.mode & OTHERS_MAY_WRITE && process.platform !== 'win32') {
      throw this.#refusal('can be written to by others: chmod 700 it, or name a new directory inside it');
    }
    const isFirst = this.#identity === undefined;
    this.#identity = { dev: stat.dev, ino: stat.ino };
    if (isFirst) this.onReady();
    return stat;
  }

  /** Makes a file, fills it, gives it a second name, and removes both. What went wrong, if something did. */
  #tryOut(): Error | undefined {
    const name = temporaryNameFor('0'.repeat(64));
    const first = `${this.path}/${name}`;
    const second = `${this.path}/${temporaryNameFor('0'.repeat(64))}`;
    try {
      try {
        closing(openNew(first), fd => {
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
    chmodSync(path, DIRECTORY_MODE); // whatever the umask took away
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
