/**
 * The source of the current time. It is injected everywhere, so that tests can set the time.
 *
 * @publicApi
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** The clock of the machine. No other code reads it. */
export const systemClock: Clock = { now: () => Date.now() };
