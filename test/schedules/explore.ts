import * as fc from 'fast-check';
import { arbitraryChoices, arbitraryProgram } from './arbitrary-program.js';
import type { ControlledGlobals } from './controlled-globals.js';
import type { ExploredApp } from './explored-app.js';
import { Facts } from './facts.js';
import { violationsOf, type Violation } from './guarantees/index.js';
import type { Gate } from './gates.js';
import type { History } from './history.js';
import { describeProgram } from './program.js';
import { runSchedule } from './run-schedule.js';

export interface Exploration {
  readonly count: number;
  readonly seed: number;
}

/** Runs random programs in random schedules. @throws an Error that describes the smallest failure that was found */
export async function explore(
  app: ExploredApp,
  globals: ControlledGlobals,
  { count, seed }: Exploration,
): Promise<void> {
  const property = fc.asyncProperty(arbitraryProgram, arbitraryChoices, async (program, choices) => {
    const history = await runSchedule(app, globals, program, choosing(choices));
    const violations = violationsOf(new Facts(history));
    if (violations.length > 0) throw new Error(describe(history, violations));
  });
  const { failed, errorInstance, numRuns } = await fc.check(property, { numRuns: count, seed });
  if (!failed) return;
  const what = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  throw new Error(`schedule ${numRuns} of seed ${seed}:\n${what}`, { cause: errorInstance });
}

function choosing(choices: readonly number[]): (steps: readonly Gate[]) => Gate {
  let next = 0;
  return steps => steps[(choices[next++] ?? 0) % steps.length]!;
}

export function describe(history: History, violations: readonly Violation[]): string {
  return [
    ...describeProgram(history.program).map(line => `  ${line}`),
    `  ${history.trace.join(' · ')}`,
    ...violations.flatMap(({ sentence, details }) => [
      `broken: ${sentence}`,
      ...details.map(line => `  ${line}`),
    ]),
  ].join('\n');
}
