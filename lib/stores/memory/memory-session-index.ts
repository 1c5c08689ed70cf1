import type { SessionIndex } from '../../store/session-store-abilities.interface.js';
import type { Clock } from '../../time/clock.js';
import type { Due } from './due-heap.js';
import { Sweeper } from './sweeper.js';

interface IndexEntry extends Due {
  readonly user: string;
  readonly id: string;
}

/** The sessions of each user of a `MemorySessionStore`. */
export class MemorySessionIndex implements SessionIndex {
  readonly #users = new Map<string, Map<string, IndexEntry>>();
  /** Removes the entries of users who never sign in again. */
  readonly #sweeper: Sweeper<IndexEntry>;

  constructor(clock: Clock) {
    this.#sweeper = new Sweeper(clock, entry => this.#forget(entry));
  }

  add(user: string, id: string, until: number, now: number): void {
    const entries = this.#users.get(user) ?? new Map<string, IndexEntry>();
    this.#users.set(user, entries);
    const known = entries.get(id);
    if (known === undefined) {
      const entry: IndexEntry = { user, id, dueAt: until, place: 0 };
      entries.set(id, entry);
      this.#sweeper.add(entry);
    } else {
      this.#sweeper.move(known, Math.max(known.dueAt, until));
    }
    for (const entry of entries.values()) if (entry.dueAt <= now) this.#remove(entry);
  }

  confirm(user: string, id: string): boolean {
    return this.#users.get(user)?.has(id) ?? false;
  }

  remove(user: string, ids: readonly string[]): void {
    for (const id of ids) {
      const entry = this.#users.get(user)?.get(id);
      if (entry !== undefined) this.#remove(entry);
    }
  }

  list(user: string, now: number): readonly string[] {
    const ids: string[] = [];
    for (const entry of this.#users.get(user)?.values() ?? []) if (entry.dueAt > now) ids.push(entry.id);
    return ids;
  }

  /** Removes at most `most` entries whose limit has passed. Returns `true` if there may be more. */
  sweep(now: number, most: number): boolean {
    return this.#sweeper.sweep(now, most);
  }

  /** Stops the timer. */
  close(): void {
    this.#sweeper.close();
  }

  #remove(entry: IndexEntry): void {
    this.#sweeper.remove(entry);
    this.#forget(entry);
  }

  #forget({ user, id }: IndexEntry): void {
    const entries = this.#users.get(user);
    entries?.delete(id);
    if (entries?.size === 0) this.#users.delete(user);
  }
}
