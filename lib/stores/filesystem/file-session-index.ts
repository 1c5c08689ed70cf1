import { setTimeout as pause } from 'node:timers/promises';
import { hashOf } from '../../crypto/hash.js';
import type { SessionIndex } from '../../store/session-store-abilities.interface.js';
import type { Awaitable } from '../../store/session-store.js';
import { codeOf, guarded } from './faults.js';
import type { Entry } from './frame.js';
import type { Journals } from './journal.js';
import type { Nonces } from './nonces.js';
import type { SessionDirectory } from './session-directory.js';
import { addEntry, beginEntry, removeEntry, type UserOutcome, type UserState } from './user-journal.js';

/** How long a journal that is over may take to go away, before it is begun anew in its place. */
const REMOVAL_PAUSES_MS = [5, 20, 75];

/** Which sessions a user has: one journal per user, under a hash of the name. */
export class FileSessionIndex implements SessionIndex {
  constructor(
    readonly directory: SessionDirectory,
    readonly journals: Journals<UserState>,
    readonly nonces: Nonces,
  ) {}

  add(user: string, id: string, until: number, now: number): Awaitable<void> {
    const name = hashOf(user);
    const entry = addEntry(this.nonces.next(), id, until, now);
    return guarded(() => (this.#add(name, entry) ? undefined : this.#addLater(name, entry)));
  }

  confirm(user: string, id: string): boolean {
    return guarded(() => this.#read(user)?.has(id) ?? false);
  }

  remove(user: string, ids: readonly string[]): void {
    if (ids.length === 0) return;
    const name = hashOf(user);
    const entry = removeEntry(this.nonces.next(), ids);
    guarded(() => {
      if (this.#append(name, entry) === undefined) this.directory.assertThere();
    });
  }

  list(user: string, now: number): string[] {
    return guarded(() => [...(this.#read(user) ?? [])].filter(([, until]) => now < until).map(([id]) => id));
  }

  #read(user: string): ReadonlyMap<string, number> | undefined {
    const reading = this.journals.read(this.directory.pathOf('users', hashOf(user)));
    if (reading === 'broken') throw damaged();
    if (reading === undefined) this.directory.assertThere();
    return reading?.state.isOver ? undefined : reading?.state.entries;
  }

  /** `false`: the journal is just being removed, because it was empty. */
  #add(name: string, entry: Entry): boolean {
    for (;;) {
      const outcome = this.#append(name, entry);
      if (outcome !== undefined) return outcome === 'done';
      this.#begin(name); // of two first logins at once one makes the file, and both then add to it
    }
  }

  async #addLater(name: string, entry: Entry): Promise<void> {
    for (const ms of REMOVAL_PAUSES_MS) {
      await pause(ms);
      if (guarded(() => this.#add(name, entry))) return;
    }
    // Whoever began to remove it died there.
    guarded(() => {
      do this.journals.renew(this.directory.pathOf('users', name));
      while (!this.#add(name, entry));
    });
  }

  #append(name: string, entry: Entry): UserOutcome | undefined {
    const outcome = this.journals.append<UserOutcome>(this.directory.pathOf('users', name), {
      entry,
      decide: ({ isOver }) => (isOver ? 'over' : undefined),
    });
    if (outcome === 'broken') throw damaged();
    return outcome;
  }

  #begin(name: string): void {
    this.directory.assertThere();
    const path = this.directory.pathOf('users', name);
    const entry = beginEntry(new Map());
    try {
      this.journals.create(path, entry);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      this.directory.makeFolderOf('users', name);
      this.journals.create(path, entry);
    }
  }
}

/** Not "no sessions": a revoke that believed that would end nothing. */
function damaged(): Error {
  return new Error(
    '[session:filesystem] the list of the sessions of a user is damaged; see "Limits" in the README',
  );
}
