import type { Clock } from '../../lib/time/clock.js';

/** A clock that the test moves. It starts at the machine's time, because some backends have a clock of their own. */
export class ManualClock implements Clock {
  #offset = 0;

  now(): number {
    return Date.now() + this.#offset;
  }

  advance(ms: number): void {
    this.#offset += ms;
  }
}
