import { hashOf } from '../../crypto/hash.js';
import { randomHex } from '../../crypto/random.js';
import type { SessionIndex } from '../../store/session-store-abilities.interface.js';
import { codeOf } from './file-access.js';
import { Journals } from './journal.js';
import type { SessionDirectory } from './session-directory.js';
import { addEntry, beginEntry, removeEntry, userReplay, type UserState } from './user-journal.js';

/** Which sessions a user has: one journal per user, under a hash of the name. */
export class FileSessionIndex implements SessionIndex {
  readonly #journals: Journals<UserState>;

  constructor(
    readonly directory: SessionDirectory,
    isDurable: boolean,
  ) {
    this.#journals = new Journals(userReplay, isDurable);
  }

  add(user: string, id: string, until: number, now: number): void {
    const path = this.#pathOf(user);
    const entry = addEntry(randomHex(8), id, until, now);
    // Of two first logins at once one makes the file, and both then add to it.
    while (this.#append(path, entry) === undefined) this.#make(path);
  }

  confirm(user: string, id: string): boolean {
    return this.#read(user)?.has(id) ?? false;
  }

  remove(user: string, ids: readonly string[]): void {
    if (ids.length > 0) this.#append(this.#pathOf(user), removeEntry(randomHex(8), ids));
  }

  list(user: string, now: number): string[] {
    return [...(this.#read(user) ?? [])].filter(([, until]) => now < until).map(([id]) => id);
  }

  #read(user: string): UserState | undefined {
    const reading = this.#journals.read(this.#pathOf(user));
    if (reading === 'broken') throw damaged();
    if (reading === undefined) this.directory.assertThere();
    return reading?.state;
  }

  #append(path: string, entry: Parameters<Journals<UserState>['append']>[1]): boolean | undefined {
    const result = this.#journals.append<boolean>(path, entry, () => undefined);
    if (result === 'broken') throw damaged();
    return result;
  }

  #make(path: string): void {
    try {
      this.#journals.create(path, [beginEntry()]);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      this.directory.makeFolderOf(path);
    }
  }

  #pathOf(user: string): string {
    return this.directory.userPath(hashOf(user));
  }
}

/** Not "no sessions": a revoke that believed that would end nothing. */
function damaged(): Error {
  return new Error(
    "[session:filesystem] the list of a user's sessions is damaged; remove its file to begin a new one",
  );
}
