import type { Facts } from '../facts.js';

/** A sentence that users may rely on, and a check whether a schedule kept it. */
export interface Guarantee {
  readonly sentence: string;
  /** Describes each breach. */
  readonly check: (facts: Facts) => Iterable<string>;
}

/** An id in a message. */
export const short = (id: string | undefined): string => (id === undefined ? 'none' : id.slice(0, 6));

/** A value in a message. */
export const shown = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

/** Whether two plain values are the same, whatever the order of their keys. */
export function isSame(one: unknown, other: unknown): boolean {
  return shown(ordered(one)) === shown(ordered(other));
}

function ordered(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
}
