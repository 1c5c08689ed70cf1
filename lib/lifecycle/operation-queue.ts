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

  /** Whether an exclusive operation is under way, or waits for its turn. */
  get isBlocked(): boolean {
    return this.#barrier !== undefined;
  }

  shared<T>(operation: () => Promise<T>): Promise<T> {
    return this.#track(this.#barrier ? this.#barrier.then(operation) : operation());
  }

  exclusive<T>(operation: () => Promise<T>): Promise<T> {
    const run = this.#running.size > 0 ? this.idle().then(operation) : operation();
    const barrier = this.#track(run).then(
      () => undefined,
      () => undefined, // whoever called the operation has its error; those behind it only wait
    );
    this.#barrier = barrier;
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

  #track<T>(run: Promise<T>): Promise<T> {
    this.#running.add(run);
    run.then(
      () => this.#running.delete(run),
      (error: unknown) => {
        this.#running.delete(run);
        this.onError(error);
      },
    );
    return run;
  }
}
