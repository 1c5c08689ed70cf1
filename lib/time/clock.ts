/**
 * Where the time comes from. Injected everywhere, so that tests move it by hand.
 *
 * @publicApi
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** The machine's clock. The only place that reads it. */
export const systemClock: Clock = { now: () => Date.now() };
