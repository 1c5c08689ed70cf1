import { setTimeout as pause } from 'node:timers/promises';
import { hashOf } from '../../crypto/hash.js';
import type { SessionIndex } from '../../store/session-store-abilities.interface.js';
import type { Awaitable } from '../../store/session-store.js';
import { codeOf, withFaults } from './faults.js';
import type { Entry } from './frame.js';
import type { Journals, Nonces } from './journal.js';
import type { SessionDirectory } from './session-directory.js';
import { addEntry, beginEntry, removeEntry, type UserOutcome, type UserState } from './user-journal.js';

/** How long to wait for the removal of a journal that has ended, before it is replaced by a new one. */
const REMOVAL_PAUSES_MS = [5, 20, 75];

/** The sessions of each user: one journal per user, named by a hash of the user id. */
export class FileSessionIndex implements SessionIndex {
  constructor(
    readonly directory: SessionDirectory,
    readonly journals: Journals<UserState>,
    readonly nonces: Nonces,
  ) {}

  add(user: string, id: string, until: number, now: number): Awaitable<void> {
    const name = hashOf(user);
    const entry = addEntry(this.nonces.next(), id, until, now);
    return withFaults(() => (this.#add(name, entry) ? undefined : this.#addLater(name, entry)));
  }

  confirm(user: string, id: string): boolean {
    return withFaults(() => this.#read(user)?.has(id) ?? false);
  }

  remove(user: string, ids: readonly string[]): void {
    if (ids.length === 0) return;
    const name = hashOf(user);
    const entry = removeEntry(this.nonces.next(), ids);
    withFaults(() => {
      if (this.#append(name, entry) === undefined) this.directory.assertThere();
    });
  }

  list(user: string, now: number): string[] {
    return withFaults(() =>
      [...(this.#read(user) ?? [])].filter(([, until]) => now < until).map(([id]) => id),
    );
  }

  #read(user: string): ReadonlyMap<string, number> | undefined {
    const reading = this.journals.read(this.directory.pathOf('users', hashOf(user)));
    if (reading === 'broken') throw damagedError();
    if (reading === undefined) this.directory.assertThere();
    return reading?.state.hasEnded ? undefined : reading?.state.entries;
  }

  /** Returns `false` if the journal was empty and is being removed by another call. */
  #add(name: string, entry: Entry): boolean {
    for (;;) {
      const outcome = this.#append(name, entry);
      if (outcome !== undefined) return outcome === 'done';
      this.#begin(name); // of two concurrent first logins one creates the file, and both then add to it
    }
  }

  async #addLater(name: string, entry: Entry): Promise<void> {
    for (const ms of REMOVAL_PAUSES_MS) {
      await pause(ms);
      if (withFaults(() => this.#add(name, entry))) return;
    }
    // The process that began to remove the journal has died.
    withFaults(() => {
      do this.journals.renew(this.directory.pathOf('users', name));
      while (!this.#add(name, entry));
    });
  }

  #append(name: string, entry: Entry): UserOutcome | undefined {
    const outcome = this.journals.append<UserOutcome>(this.directory.pathOf('users', name), {
      entry,
      decide: ({ hasEnded }) => (hasEnded ? 'over' : undefined),
    });
    if (outcome === 'broken') throw damagedError();
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

/** The error for a damaged list. An empty list instead would make `revokeByUser` end nothing. */
function damagedError(): Error {
  return new Error(
    '[session:filesystem] the file with the list of a user\'s sessions is damaged; see "Limits" in the README',
  );
}
