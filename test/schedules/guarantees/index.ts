import type { Facts } from '../facts.js';
import { answers } from './answers.js';
import { data } from './data.js';
import { endings } from './endings.js';
import type { Guarantee } from './guarantee.js';
import { rotationGuarantees } from './rotations.js';

export interface Violation {
  readonly sentence: string;
  readonly details: readonly string[];
}

/** What users may rely on, as far as it concerns requests at the same time. */
export const guarantees: readonly Guarantee[] = [...endings, ...data, ...rotationGuarantees, ...answers];

/** The guarantees that a schedule broke. */
export function violationsOf(facts: Facts): Violation[] {
  return guarantees
    .map(({ sentence, check }) => ({ sentence, details: [...check(facts)] }))
    .filter(({ details }) => details.length > 0);
}
