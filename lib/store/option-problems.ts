/** Collects what is wrong with the options of a store, so that all of it is reported together. */
export class OptionProblems {
  readonly #problems = new Map<string, string>();

  /** @param store the type of the store, as in `type: 'redis'` */
  constructor(readonly store: string) {}

  /**
   * Notes a problem of an option. The text says what the value is and what to write instead: "is X; write Y." It must
   * not repeat a value that may be a secret. Of several problems of one option, the first is kept.
   */
  add(option: string, problem: string): void {
    if (!this.#problems.has(option)) this.#problems.set(option, problem);
  }

  /** @throws TypeError that names every wrong option and its remedy */
  throwIfAny(): void {
    if (this.#problems.size === 0) return;
    const list = [...this.#problems].map(([option, problem]) => `"${option}" ${problem}`);
    throw new TypeError(`[session:${this.store}] ${list.join(' ')}`);
  }
}
