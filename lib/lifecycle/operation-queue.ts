/**
 * The order of the operations on one session object. Shared operations (`update`, `take`, `save` …) run side by side;
 * an exclusive one (a rotation, a `destroy`, the commit) waits for those before it, and those after it wait for it.
 */
export class OperationQueue {
  readonly #running = new Set<Promise<unknown>>();
  #barrier: Promise<unknown> | undefined;

  /** @param onError hears of every operation that failed, before whoever called it does */
  constructor(readonly onError: (error: unknown) => void = () => undefined) {}

  /** Whether an operation is under way. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** Whether an exclusive operation is under way or queued. */
  get isBlocked(): boolean {
    return this.#barrier !== undefined;
  }

  shared<T>(operation: () => Promise<T>): Promise<T> {
    const run = this.#barrier ? this.#barrier.then(operation) : operation();
    void this.#settled(run);
    return run;
  }

  exclusive<T>(operation: () => Promise<T>): Promise<T> {
    const run = this.#running.size > 0 ? this.idle().then(operation) : operation();
    const barrier = this.#settled(run);
    this.#barrier = barrier;
    // In a reaction of its own: what comes in the same moment must not overtake those that wait already.
    void barrier.then(() => {
      if (this.#barrier === barrier) this.#barrier = undefined;
    });
    return run;
  }

  /** An exclusive operation that is told the first failure among those it waited for. */
  behind<T>(operation: (failure: unknown) => Promise<T>): Promise<T> {
    const before = Promise.allSettled(this.#running);
    return this.exclusive(async () => {
      const failed = (await before).find(outcome => outcome.status === 'rejected');
      return operation(failed?.reason);
    });
  }

  /** Resolves when everything that has been started so far has settled. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  /** Resolves when the operation has settled, however it did: the outcome belongs to whoever called it. */
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
