import { describeOp, type Op } from './history.js';

/** A promise that the history shows to be broken. */
export interface Violation {
  readonly rule: string;
  readonly what: string;
  /** The requests that show it. */
  readonly ops: readonly Op[];
}

/** A violation as lines of a report. */
export function describeViolation({ rule, what, ops }: Violation): string {
  return [`${rule}: ${what}`, ...ops.map(op => `    ${describeOp(op)}`)].join('\n');
}
