import * as fc from 'fast-check';
import { arbitraryChoices, arbitraryProgram } from './arbitrary-program.js';
import { breachesOf } from './breaches.js';
import type { ControlledGlobals } from './controlled-globals.js';
import type { ExploredApps } from './explored-app.js';
import type { Gate } from './gates.js';
import type { Program } from './program.js';
import { runSchedule, type Choose } from './run-schedule.js';

export interface Exploration {
  readonly count: number;
  readonly seed: number;
}

/** Runs random programs in random schedules. @throws an Error that describes the smallest failure that was found */
export async function exploreRandom(
  apps: ExploredApps,
  globals: ControlledGlobals,
  { count, seed }: Exploration,
): Promise<void> {
  const property = fc.asyncProperty(arbitraryProgram, arbitraryChoices, async (program, choices) => {
    const breaches = breachesOf(await runSchedule(apps, globals, program, choosing(choices)));
    if (breaches !== undefined) throw new Error(breaches);
  });
  const { failed, errorInstance, numRuns } = await fc.check(property, { numRuns: count, seed });
  if (!failed) return;
  const what = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  throw new Error(`schedule ${numRuns} of seed ${seed}, as small as it gets:\n${what}`, {
    cause: errorInstance,
  });
}

/** Some of the schedules that a seed names. */
export function sampleSchedules({ count, seed }: Exploration): [Program, readonly number[]][] {
  return fc.sample(fc.tuple(arbitraryProgram, arbitraryChoices), { numRuns: count, seed });
}

/**
 * Takes the steps that a list of numbers names. A number whose request has no step to take is skipped, so a request can
 * be left out and the others still take turns as before.
 *
 * - 0: whoever took the last step.
 * - 1 to 4: the request of that number. 5 to 8: the same, and its second step if several of its steps wait.
 * - 9: anything else.
 * - After the last number: whoever took the last step, or else the first request that can.
 */
export function choosing(choices: readonly number[]): Choose {
  let at = 0;
  return (steps, last) => {
    const ofActor = (actor: string): Gate[] => steps.filter(step => step.actor === actor);
    for (let choice = choices[at++]; choice !== undefined; choice = choices[at++]) {
      const [first, second] =
        choice === 0
          ? ofActor(last)
          : choice === 9
            ? steps.filter(({ actor }) => !/^r\d$/.test(actor))
            : ofActor(`r${((choice - 1) % 4) + 1}`);
      const chosen = choice > 4 && choice < 9 ? (second ?? first) : first;
      if (chosen) return chosen;
    }
    return ofActor(last)[0] ?? steps[0]!;
  };
}
