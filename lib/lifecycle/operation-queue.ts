/**
 * The order of the operations on one session object. Shared operations (`update`, `take`, `save` …) run concurrently.
 * An exclusive operation (a rotation, a `destroy`, the commit) waits for all earlier operations, and later ones wait
 * for it.
 */
export class OperationQueue {
  readonly #running = new Set<Promise<unknown>>();
  #barrier: Promise<unknown> | undefined;

  /** @param onError is called with the error of each failed operation, before the caller gets it */
  constructor(readonly onError: (error: unknown) => void = () => undefined) {}

  /** Whether an operation is under way. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** Whether an exclusive operation is under way or queued. */
  get isBlocked(): boolean {
    return this.#barrier !== undefined;
  }

  runShared<T>(operation: () => Promise<T>): Promise<T> {
    const run = this.#barrier ? this.#barrier.then(operation) : operation();
    void this.#settled(run);
    return run;
  }

  runExclusive<T>(operation: () => Promise<T>): Promise<T> {
    const run = this.#running.size > 0 ? this.whenIdle().then(operation) : operation();
    const barrier = this.#settled(run);
    this.#barrier = barrier;
    // In a separate reaction: an operation that starts in the same turn must not overtake operations that already wait.
    void barrier.then(() => {
      if (this.#barrier === barrier) this.#barrier = undefined;
    });
    return run;
  }

  /** Runs an exclusive operation, and passes it the first failure among the operations that it waited for. */
  runAfter<T>(operation: (failure: unknown) => Promise<T>): Promise<T> {
    const before = Promise.allSettled(this.#running);
    return this.runExclusive(async () => {
      const failed = (await before).find(outcome => outcome.status === 'rejected');
      return operation(failed?.reason);
    });
  }

  /** Resolves when all operations that have been started so far have settled. */
  async whenIdle(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  /** Resolves when the operation has settled, with or without an error: its caller handles the outcome. */
  #settled(run: Promise<unknown>): Promise<void> {
    this.#running.add(run);
    return run.then(
      () => void this.#running.delete(run),
      (error: unknown) => {
        this.#running.delete(run);
        this.onError(error);
      },
    );
  }
}
