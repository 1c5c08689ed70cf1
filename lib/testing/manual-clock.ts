import { parseDuration } from '../time/duration.js';
import { systemClock, type Clock } from '../time/clock.js';

/**
 * A clock that stands still until a test moves it. Override `SESSION_CLOCK` with it, and sessions expire without
 * waiting and without a faked `Date`. Timers are not affected, so the deadline of a store call still works.
 *
 * @example
 * ```ts
 * const clock = new ManualClock();
 * const testing = await Test.createTestingModule({ imports: [AppModule] })
 *   .overrideProvider(SESSION_CLOCK)
 *   .useValue(clock)
 *   .compile();
 * clock.advance('61m');
 * ```
 *
 * @publicApi
 */
export class ManualClock implements Clock {
  #now: number;

  /**
   * @param start the first time that the clock shows, in milliseconds since the epoch. By default it is the current
   *   time. Redis and MongoDB remove expired sessions by their own clock, so with them it should be near the current
   *   time.
   */
  constructor(start: number | Date = systemClock.now()) {
    this.#now = Number(start);
    assertMoment(this.#now);
  }

  now(): number {
    return this.#now;
  }

  /**
   * Lets time pass.
   *
   * @param duration in milliseconds, or as a text such as `'61m'` or `'2h'`
   * @throws TypeError if it is not a duration. The clock never goes back; see `set()`
   */
  advance(duration: number | string): void {
    const ms = parseDuration(duration);
    if (ms === undefined) {
      throw new TypeError(
        `[session] advance(): ${String(duration)} is not a duration; write milliseconds, or a text such as '61m'`,
      );
    }
    this.#now += ms;
  }

  /**
   * Sets the time, to a later or an earlier moment.
   *
   * @throws TypeError if it is not a moment
   */
  set(moment: number | Date): void {
    assertMoment(Number(moment));
    this.#now = Number(moment);
  }
}

function assertMoment(moment: number): void {
  if (Number.isSafeInteger(moment) && moment >= 0) return;
  throw new TypeError(
    `[session] ManualClock: ${moment} is not a moment; write milliseconds since the epoch, or a Date`,
  );
}
