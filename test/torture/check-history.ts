import { findFlashFaults, findMiscounts } from './count-rules.js';
import type { Op } from './history.js';
import { Lineage } from './lineage.js';
import {
  findFalseLogouts,
  findForeignData,
  findRevivals,
  findWrongAnswers,
  findWrongCookies,
  findWrongLists,
} from './session-rules.js';
import { findDoubleTakes, findLostWrites } from './value-rules.js';
import type { Violation } from './violation.js';

const RULES = [
  findWrongAnswers,
  findForeignData,
  findRevivals,
  findFalseLogouts,
  findLostWrites,
  findDoubleTakes,
  findMiscounts,
  findFlashFaults,
  findWrongLists,
  findWrongCookies,
];

/**
 * Decides whether a history keeps the promises of the library. Requests overlap, so a history allows many orders of
 * their effects. A violation is reported only if no order explains what was seen.
 */
export function checkHistory(ops: readonly Op[]): Violation[] {
  const lineage = new Lineage(ops);
  return RULES.flatMap(rule => rule(lineage));
}
