import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from './random.js';
import type { StoreFault } from './stores.js';
import type { TortureProcess } from './app-process.js';

/** The time between the beginnings of two faults, in milliseconds. */
const BETWEEN_MS = [300, 1_200] as const;
/** How long a fault lasts. Some last longer than the deadline of a store call, which is a second. */
const DURATION_MS = [50, 1_400] as const;

/** Makes processes and their store fail, as the seed says, and notes what it did. */
export class Faults {
  /** `[moment, what]`, for the report of a violation. */
  readonly log: [at: number, what: string][] = [];
  readonly #running = new Set<Promise<void>>();
  #isStoreFree = true;

  constructor(
    readonly processes: readonly TortureProcess[],
    readonly ofStore: Readonly<Record<string, StoreFault>>,
    readonly random: Random,
  ) {}

  /** Begins faults until a moment of `performance.now()`, and resolves when all of them are over. */
  async causeUntil(moment: number): Promise<void> {
    for (;;) {
      await wait(this.random.between(...BETWEEN_MS));
      if (performance.now() >= moment) break;
      const fault = this.#begin();
      this.#running.add(fault);
      const forget = (): void => void this.#running.delete(fault);
      fault.then(forget, forget);
    }
    await Promise.all(this.#running);
  }

  async #begin(): Promise<void> {
    const ms = this.random.between(...DURATION_MS);
    const names = Object.keys(this.ofStore);
    const what = this.random.pick(['kill', 'stop', ...(this.#isStoreFree ? names : [])])!;
    if (names.includes(what)) return this.#failStore(what, ms);
    // At least two processes always run.
    const free = this.processes.filter(({ isFree }) => isFree);
    if (free.length <= 2) return;
    const process = this.random.pick(free)!;
    process.isFree = false;
    this.#note(`${what === 'kill' ? 'SIGKILL' : 'SIGSTOP'} of process ${this.processes.indexOf(process)}`);
    if (what === 'kill') {
      await process.kill();
      await process.start();
    } else {
      process.pause();
      await wait(ms);
      process.resume();
    }
    process.isFree = true;
  }

  async #failStore(what: string, ms: number): Promise<void> {
    this.#isStoreFree = false;
    this.#note(`${what} (${ms.toFixed(0)} ms)`);
    await this.ofStore[what]!(ms, this.random);
    this.#isStoreFree = true;
  }

  #note(what: string): void {
    this.log.push([performance.now(), what]);
  }
}
