import { performance } from 'node:perf_hooks';

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly run: () => void;
}

/** What the code under test gets from `setTimeout()`. */
class TimerHandle {
  constructor(readonly timer: Timer) {}
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

/**
 * Timers, `performance.now()` and `Math.random()` are not injected into the library, and they would make two runs of
 * one schedule differ. While it is installed, this class replaces them: time passes only in `advance()`.
 */
export class ControlledGlobals {
  #now = 0;
  #order = 0;
  #state = 1;
  readonly #timers = new Set<Timer>();

  /** @returns a function that brings the real ones back */
  install(): () => void {
    const { setTimeout: realSetTimeout, clearTimeout: realClearTimeout } = globalThis;
    const { random } = Math;
    const set = (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): TimerHandle => {
      const timer = { due: this.#now + Math.max(ms, 0), order: this.#order++, run: () => run(...args) };
      this.#timers.add(timer);
      return new TimerHandle(timer);
    };
    const clear = (handle: unknown): void => {
      if (handle instanceof TimerHandle) this.#timers.delete(handle.timer);
      else realClearTimeout(handle as NodeJS.Timeout | undefined);
    };
    globalThis.setTimeout = set as unknown as typeof setTimeout;
    globalThis.clearTimeout = clear as typeof clearTimeout;
    Math.random = () => this.#random();
    Object.defineProperty(performance, 'now', { configurable: true, value: () => this.#now });
    return () => {
      globalThis.setTimeout = realSetTimeout;
      globalThis.clearTimeout = realClearTimeout;
      Math.random = random;
      Reflect.deleteProperty(performance, 'now');
    };
  }

  /** Forgets all timers, and lets `Math.random()` give the same numbers again. */
  reset(): void {
    this.#timers.clear();
    this.#state = 1;
  }

  /** How long it takes until the next timer is due, in milliseconds; `Infinity` if there is none. */
  get nextDueIn(): number {
    return (this.#next()?.due ?? Infinity) - this.#now;
  }

  /** Lets time pass, and runs what becomes due, in order. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#next(); next && next.due <= until; next = this.#next()) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.due);
      next.run();
    }
    this.#now = until;
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (!first || timer.due < first.due || (timer.due === first.due && timer.order < first.order))
        first = timer;
    }
    return first;
  }

  /** Mulberry32. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
