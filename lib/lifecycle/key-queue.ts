/** Those that wait for one key of one session. */
export interface Line {
  /** The text that the last one left or found (`null`: nothing there); `undefined` until somebody knows. */
  text: string | null | undefined;
}

/**
 * One line per key of a session inside this process: updates of one key queue here, so that they meet in the store only
 * when another process is at it too. Fifty parallel updates then cost fifty round trips, not a thousand.
 */
export class KeyQueue {
  readonly #lines = new Map<string, Line & { tail: Promise<void> }>();

  /**
   * Runs `task` when those before it are done. Gives up with `whenLate()` if its turn has not come within `patienceMs`;
   * the task is then never run.
   */
  async run<T>(
    name: string,
    patienceMs: number,
    task: (line: Line) => Promise<T>,
    whenLate: () => Error,
  ): Promise<T> {
    const known = this.#lines.get(name);
    const line = known ?? { text: undefined, tail: Promise.resolve() };
    let leave!: () => void;
    const left = new Promise<void>(resolve => (leave = resolve));
    const before = line.tail;
    const tail = before.then(() => left);
    line.tail = tail;
    this.#lines.set(name, line);
    try {
      if (known) await inTime(before, patienceMs, whenLate);
      return await task(line);
    } finally {
      leave();
      if (line.tail === tail) this.#lines.delete(name);
    }
  }
}

/** The promise, or a rejection when it takes longer than this. */
export async function inTime<T>(promise: Promise<T>, ms: number, whenLate: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(whenLate()), Math.max(ms, 0));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
