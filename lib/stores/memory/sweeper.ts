import type { Clock } from '../../time/clock.js';
import { type Due, DueHeap } from './due-heap.js';

/** How often it looks for what has lapsed, in milliseconds. */
const SWEEP_EVERY_MS = 30_000;
/** How many one step drops: about a millisecond among a million sessions. */
export const SWEEP_BATCH = 200;
/** How long requests have the event loop between two steps, in milliseconds. */
const BETWEEN_BATCHES_MS = 5;

/** Drops what has lapsed, in small steps. Its timer runs only while it has something, and never holds the process. */
export class Sweeper<T extends Due> {
  readonly #heap = new DueHeap<T>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly drop: (item: T) => void,
  ) {}

  add(item: T): void {
    this.#heap.add(item);
    if (this.#timer === undefined) this.#wait(SWEEP_EVERY_MS);
  }

  /** Takes an item out without dropping it. */
  remove(item: T): void {
    this.#heap.remove(item);
  }

  /** Gives an item another moment to lapse. */
  move(item: T, dueAt: number): void {
    if (item.dueAt !== dueAt) this.#heap.move(item, dueAt);
  }

  /** Drops at most `most` items that have lapsed at `now`. `true`: there may be more. */
  sweep(now: number, most: number): boolean {
    for (let i = 0; i < most; i++) {
      const item = this.#heap.first();
      if (item === undefined || item.dueAt > now) return false;
      this.#heap.remove(item);
      this.drop(item);
    }
    return true;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const more = this.sweep(this.clock.now(), SWEEP_BATCH);
      if (this.#heap.size > 0) this.#wait(more ? BETWEEN_BATCHES_MS : SWEEP_EVERY_MS);
    }, ms).unref();
  }
}
