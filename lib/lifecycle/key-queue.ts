import { withDeadline } from '../time/with-deadline.js';

/** What one update hands on to the next update of the same key. */
export interface KeyTurn {
  /** The key's text after the last update (`null`: absent, `undefined`: not known yet). */
  text: string | null | undefined;
}

/**
 * The pending updates of each key of each session in this process. They queue here, so they meet in the store only with
 * updates of other processes. Fifty parallel updates then cost fifty round trips instead of a thousand.
 */
export class KeyQueue {
  readonly #queues = new Map<string, KeyTurn & { tail: Promise<void> }>();

  /**
   * Runs `task` after the earlier tasks of the same name. If its turn has not come within `patienceMs`, rejects with
   * `makeError()`, and the task never runs.
   */
  async run<T>(
    name: string,
    patienceMs: number,
    task: (turn: KeyTurn) => Promise<T>,
    makeError: () => Error,
  ): Promise<T> {
    const known = this.#queues.get(name);
    const queue = known ?? { text: undefined, tail: Promise.resolve() };
    let leave!: () => void;
    const left = new Promise<void>(resolve => (leave = resolve));
    const earlier = queue.tail;
    const tail = earlier.then(() => left);
    queue.tail = tail;
    this.#queues.set(name, queue);
    try {
      if (known) await withDeadline(earlier, patienceMs, makeError);
      return await task(queue);
    } finally {
      leave();
      // A task that gave up leaves before the earlier ones have ended, so the queue is kept until they have.
      void tail.then(() => {
        if (queue.tail === tail) this.#queues.delete(name);
      });
    }
  }
}
