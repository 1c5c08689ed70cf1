import type { Clock } from '../../lib/time/clock.js';

/** Time that moves by hand. Begins at the machine's time, because some backends keep a clock of their own. */
export class ManualClock implements Clock {
  #offset = 0;

  now(): number {
    return Date.now() + this.#offset;
  }

  advance(ms: number): void {
    this.#offset += ms;
  }
}
