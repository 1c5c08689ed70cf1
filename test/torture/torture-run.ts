import type { BuiltLib } from '../support/built-lib.js';
import { TortureProcess } from './app-process.js';
import { Browsers } from './browsers.js';
import { checkHistory } from './check-history.js';
import { Faults } from './faults.js';
import { outcomeOf, type Op } from './history.js';
import { Random } from './random.js';
import type { TortureStore } from './stores.js';
import { describeViolation, type Violation } from './violation.js';

/** Two processes on each adapter. */
const PLATFORMS = ['express', 'fastify', 'express', 'fastify'] as const;

export interface TortureReport {
  readonly history: readonly Op[];
  readonly violations: readonly Violation[];
  readonly faults: readonly (readonly [at: number, what: string])[];
}

export interface TortureSettings {
  readonly seed: number;
  /** How long the browsers send requests. */
  readonly ms: number;
  /** The name of a defect in `defects.mjs`. */
  readonly defect?: string;
}

/** Tortures a store for some time, and judges what the browsers saw. */
export async function torture(
  lib: BuiltLib,
  store: TortureStore,
  { seed, ms, defect }: TortureSettings,
): Promise<TortureReport> {
  const random = new Random(seed);
  const place = await store.place(PLATFORMS.length);
  const processes = PLATFORMS.map(
    // The list of updates grows.
    (platform, i) => new TortureProcess(lib, platform, { ...place.options[i]!, maxSize: 2 ** 20 }, defect),
  );
  try {
    await Promise.all(processes.map(process => process.start()));
    const browsers = new Browsers(processes, random);
    // The choices of the faults do not depend on how fast the requests are answered.
    const faults = new Faults(processes, place.faults, new Random(seed + 1));
    const end = performance.now() + ms;
    await Promise.all([browsers.browseUntil(end), faults.causeUntil(end)]);
    await browsers.readAll();
    const { history } = browsers;
    return { history, violations: checkHistory(history), faults: faults.log };
  } finally {
    await Promise.all(processes.map(process => process.close()));
    await place.dispose();
  }
}

/** What a run consisted of, in one line. */
export function summaryOf({ history, faults }: TortureReport): string {
  const outcomes = { done: 0, refused: 0, unknown: 0 };
  for (const op of history) outcomes[outcomeOf(op)]++;
  const sessions = new Set(history.map(({ setsCookie }) => setsCookie)).size - 1;
  const { done, refused, unknown } = outcomes;
  return `${history.length} requests (${done} done, ${refused} refused, ${unknown} unknown), ${sessions} sessions, ${faults.length} faults`;
}

/** The first violations, and what else happened, for the reader of a failed test. */
export function describeReport({ history, violations, faults }: TortureReport): string {
  const counts = new Map<string, number>();
  for (const { status, code } of history) {
    const answer = [status ?? 'broken connection', code].filter(Boolean).join(' ');
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  return [
    `${violations.length} violations, the first of them:`,
    ...violations.slice(0, 5).map(describeViolation),
    `answers: ${[...counts].map(([answer, count]) => `${count} × ${answer}`).join(', ')}`,
    'faults:',
    ...faults.map(([at, what]) => `    ${at.toFixed(0)} ${what}`),
  ].join('\n');
}
