import type { Clock } from '../../time/clock.js';
import { type Due, DueHeap } from './due-heap.js';

/** The time between two sweeps, in milliseconds. */
const SWEEP_EVERY_MS = 30_000;
/** How many items one batch removes: about one millisecond of work, among a million sessions. */
export const SWEEP_BATCH = 200;
/** The pause between two batches, in milliseconds. */
const BETWEEN_BATCHES_MS = 5;

/**
 * Removes items that are due, in small batches. The timer runs only if there are items, and never keeps the process
 * alive.
 */
export class Sweeper<T extends Due> {
  readonly #heap = new DueHeap<T>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(
    private readonly clock: Clock,
    private readonly drop: (item: T) => void,
  ) {}

  add(item: T): void {
    this.#heap.add(item);
    if (this.#timer === undefined) this.#wait(SWEEP_EVERY_MS);
  }

  /** Removes an item without calling `drop` for it. */
  remove(item: T): void {
    this.#heap.remove(item);
  }

  /** Changes the moment at which an item is due. */
  move(item: T, dueAt: number): void {
    if (item.dueAt !== dueAt) this.#heap.move(item, dueAt);
  }

  /** Drops at most `most` items that are due at `now`. Returns `true` if there may be more. */
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
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const more = this.sweep(this.clock.now(), SWEEP_BATCH);
      if (this.#heap.size > 0) this.#wait(more ? BETWEEN_BATCHES_MS : SWEEP_EVERY_MS);
    }, ms).unref();
  }
}
