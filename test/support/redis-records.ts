import { createHash } from 'node:crypto';
import type { SessionRecord, SessionUpdate } from '../../lib/store/session-record.interface.js';
import { HOUR } from './durations.js';

export { HOUR };
/** The time when the test file was loaded, for the `now` of calls. Tests pass a later `now` instead of waiting. */
export const NOW = Date.now();

/** The id for a label. */
export function idOf(label: string | number): string {
  return createHash('sha256').update(String(label)).digest('hex');
}

/** A record that expires in an hour. */
export function recordOf(over: Partial<SessionRecord> = {}): SessionRecord {
  return { expiresAt: NOW + HOUR, lastSeenAt: NOW, meta: 'meta', data: { 'd:views': '1' }, ...over };
}

/** An update that moves no moment and writes only the fields in `over`. */
export function updateOf(over: Partial<SessionUpdate> = {}): SessionUpdate {
  return { set: {}, delete: [], expiresAt: 0, lastSeenAt: 0, ...over };
}

/** The error with which a promise was rejected. */
export async function errorOf(promise: PromiseLike<unknown>): Promise<Error> {
  const outcome = await promise.then(
    value => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome && outcome.error instanceof Error) return outcome.error;
  throw new Error(`expected a rejection: ${JSON.stringify(outcome)}`);
}

/** Repeats a call until it resolves, and returns after how many milliseconds that was. */
export async function untilItWorks(ask: () => PromiseLike<unknown>, withinMs: number): Promise<number> {
  const start = performance.now();
  for (;;) {
    try {
      await ask();
      return performance.now() - start;
    } catch (error) {
      if (performance.now() - start > withinMs) throw error;
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }
}

/** All text of an error that a log could print. */
export function printed(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = Object.entries(error).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [error.stack, ...own, error.cause === undefined ? '' : printed(error.cause)].join('\n');
}
