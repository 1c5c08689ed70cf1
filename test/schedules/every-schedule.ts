import { breachesOf } from './breaches.js';
import type { ControlledGlobals } from './controlled-globals.js';
import type { ExploredApps } from './explored-app.js';
import type { BrowserStart, Operation, Program } from './program.js';
import { runSchedule } from './run-schedule.js';

/** The operations of which every pair meets. */
const OPERATIONS: readonly Operation[] = [
  { do: 'set', key: 'a' },
  { do: 'update' },
  { do: 'take' },
  { do: 'flashes' },
  { do: 'login', user: 'ada', keep: true },
  { do: 'login', user: 'bob', keep: true },
  { do: 'regenerate', keep: true, form: 'promise' },
  { do: 'regenerate', keep: false, form: 'callback' },
  { do: 'destroy' },
  { do: 'revokeByUser', user: 'ada', sparesOwn: false },
];

/** Two requests of one browser with one operation each: every pair of operations, in every order of the store's calls. */
export function pairs(): Program[] {
  return OPERATIONS.flatMap((first, i) => OPERATIONS.slice(i).map(second => pairOf('ada', first, second)));
}

function pairOf(start: BrowserStart, ...operations: readonly Operation[]): Program {
  const requests = operations.map((operation, i) => ({
    name: `r${i + 1}`,
    browser: 0,
    operations: [operation],
    catches: false,
    ending: 'returns' as const,
    leaves: false,
  }));
  return { options: 'the defaults', browsers: [start], requests, world: [] };
}

/**
 * Runs a program in every order in which its calls can reach the store, up to a bound. Between two calls a request runs
 * on without a break.
 *
 * @returns how many schedules there were
 * @throws an Error that describes the first failure
 */
export async function exploreEvery(
  apps: ExploredApps,
  globals: ControlledGlobals,
  program: Program,
  bound: number,
): Promise<number> {
  let next: number[] | undefined = [];
  let count = 0;
  for (; next && count < bound; count++) {
    const planned: readonly number[] = next;
    const taken: { choice: number; of: number }[] = [];
    const history = await runSchedule(
      apps,
      globals,
      program,
      steps => {
        const choice = planned[taken.length] ?? 0;
        taken.push({ choice, of: steps.length });
        const step = steps[choice];
        if (!step) throw new Error('the same choices led to another schedule');
        return step;
      },
      step => step.endsWith(' effect'),
    );
    const breaches = breachesOf(history);
    if (breaches !== undefined) throw new Error(breaches);
    next = successorOf(taken);
  }
  return count;
}

/** The choices of the next schedule: the last choice that has an alternative takes it. `undefined`: that was the last. */
function successorOf(taken: readonly { choice: number; of: number }[]): number[] | undefined {
  const last = taken.findLastIndex(({ choice, of }) => choice + 1 < of);
  if (last < 0) return undefined;
  return taken.slice(0, last + 1).map(({ choice }, i) => (i === last ? choice + 1 : choice));
}
