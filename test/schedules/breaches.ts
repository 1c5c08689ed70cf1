import { Facts } from './facts.js';
import { violationsOf } from './guarantees/index.js';
import type { History } from './history.js';
import { describeProgram } from './program.js';

/** What a schedule did, step by step, and the sentences that it broke. `undefined`: it broke none. */
export function breachesOf(history: History): string | undefined {
  const violations = violationsOf(new Facts(history));
  if (violations.length === 0) return undefined;
  return [
    ...describeProgram(history.program).map(line => `  ${line}`),
    `  ${history.trace.join(' · ')}`,
    ...violations.flatMap(({ sentence, details }) => [
      `broken: ${sentence}`,
      ...details.map(line => `  ${line}`),
    ]),
  ].join('\n');
}
