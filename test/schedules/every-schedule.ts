import { breachesOf } from './breaches.js';
import type { ControlledGlobals } from './controlled-globals.js';
import type { ExploredApps } from './explored-app.js';
import type { Operation, Program } from './program.js';
import { runSchedule } from './run-schedule.js';

/** What the handlers do of which every pair meets. */
const HANDLERS: readonly (readonly Operation[])[] = [
  [{ do: 'set', key: 'a' }],
  [{ do: 'set', key: 'a' }, { do: 'save' }],
  [{ do: 'update' }],
  [{ do: 'take' }],
  [{ do: 'flashes' }],
  [{ do: 'login', user: 'ada', keep: true }],
  [{ do: 'login', user: 'bob', keep: true }],
  [{ do: 'regenerate', keep: true, form: 'promise' }],
  [{ do: 'regenerate', keep: false, form: 'callback' }],
  [{ do: 'destroy' }],
  [{ do: 'revokeByUser', user: 'ada', sparesOwn: false }],
];

/** Two requests of one browser: every pair of handlers. */
export function pairs(): Program[] {
  return HANDLERS.flatMap((first, i) => HANDLERS.slice(i).map(second => pairOf(first, second)));
}

function pairOf(...handlers: readonly (readonly Operation[])[]): Program {
  const requests = handlers.map((operations, i) => ({
    name: `r${i + 1}`,
    browser: 0,
    operations,
    catches: false,
    ending: 'returns' as const,
    leaves: false,
  }));
  return { options: 'the defaults', browsers: ['ada'], requests, world: [] };
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
