import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  closeSync,
  unlinkSync,
  type Stats,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { randomHex } from '../../crypto/random.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { codeOf, DIRECTORY_MODE, faultOf, FILE_MODE, FOR_CREATING } from './file-access.js';

const OTHERS = 0o077;
const OTHERS_MAY_WRITE = 0o022;

/**
 * The folder of a store: `sessions/a/b/<id>` and `users/a/b/<hash>`, 256 folders each, made when first needed. All names
 * are lower-case hex, which every file system keeps apart.
 */
export class SessionDirectory {
  readonly path: string;
  /** The folder that we checked. Another one in its place is not ours. */
  #identity: { readonly dev: number; readonly ino: number } | undefined;

  constructor(directory: string) {
    this.path = resolve(directory);
  }

  sessionPath = (id: string): string => this.#fanOut('sessions', id);
  userPath = (hash: string): string => this.#fanOut('users', hash);

  /**
   * Makes the folder when it is not there, and checks that it is a folder of ours that we can write to.
   *
   * @returns warnings
   * @throws StoreRefusedError
   */
  setUp(): string[] {
    try {
      mkdirSync(this.path, { recursive: true, mode: DIRECTORY_MODE });
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw this.#refusal(`cannot be made (${codeOf(error)})`, error);
    }
    const stat = lstatSync(this.path);
    if (!stat.isDirectory()) {
      throw this.#refusal(
        stat.isSymbolicLink() ? 'is a symbolic link: name its target' : 'is not a directory',
      );
    }
    if (stat.mode & OTHERS_MAY_WRITE) {
      throw this.#refusal(`can be written to by others: chmod 700 ${this.path}`);
    }
    this.#assertWritable();
    this.#identity = { dev: stat.dev, ino: stat.ino };
    return warningsAbout(this.path, stat);
  }

  /** Sets the folder up if that has not happened; afterwards makes sure that it is still the same one. */
  assertThere(): void {
    if (!this.#identity) return void this.setUp();
    const { dev, ino } = this.#identity;
    let stat: Stats;
    try {
      stat = lstatSync(this.path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw faultOf(error);
      throw this.#refusal('was removed while it was in use', error);
    }
    if (!stat.isDirectory() || stat.dev !== dev || stat.ino !== ino)
      throw this.#refusal('was replaced while it was in use');
  }

  /** Makes the folder of a file. Never the store's own folder: if that is gone, something is wrong. */
  makeFolderOf(path: string): void {
    this.assertThere();
    const [, kind = '', a = '', b = ''] = path.slice(this.path.length).split(/[\\/]/);
    for (const folder of [join(this.path, kind), join(this.path, kind, a), join(this.path, kind, a, b)]) {
      try {
        mkdirSync(folder, { mode: DIRECTORY_MODE });
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw faultOf(error);
      }
    }
  }

  /** @throws when we cannot work in the folder */
  ping(): void {
    this.assertThere();
    try {
      accessSync(this.path, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw faultOf(error);
    }
  }

  #fanOut(kind: 'sessions' | 'users', name: string): string {
    return join(this.path, kind, name[0] ?? '', name[1] ?? '', name);
  }

  #assertWritable(): void {
    const probe = join(this.path, `probe.${randomHex(16)}.tmp`);
    try {
      closeSync(openSync(probe, FOR_CREATING, FILE_MODE));
      unlinkSync(probe);
    } catch (error) {
      throw this.#refusal(`cannot be written to (${codeOf(error)})`, error);
    }
  }

  #refusal(what: string, cause?: unknown): StoreRefusedError {
    return new StoreRefusedError(`[session:filesystem] "directory" ${this.path} ${what}`, { cause });
  }
}

function warningsAbout(path: string, stat: Stats): string[] {
  const warnings: string[] = [];
  if (stat.mode & OTHERS) {
    warnings.push(
      `[session:filesystem] ${path} can be read by others; the sessions in it cannot. chmod 700 ${path}`,
    );
  }
  const user = process.getuid?.();
  if (user !== undefined && stat.uid !== user) {
    warnings.push(`[session:filesystem] ${path} belongs to another user`);
  }
  return warnings;
}
