import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Platform } from '../support/platforms.js';
import { ControlledGlobals } from './controlled-globals.js';
import { exploreEvery, pairs } from './every-schedule.js';
import { makeExploredApps, type ExploredApps } from './explored-app.js';
import { choosing, exploreRandom, sampleSchedules } from './random-schedules.js';
import { runSchedule } from './run-schedule.js';

/** Random schedules of one adapter. `npm run schedules` sets these variables, and draws another seed each time. */
const count = Number(process.env['SCHEDULES_COUNT'] ?? 3_200);
const seed = Number(process.env['SCHEDULES_SEED'] ?? 71);
/** No pair of requests needs as many. */
const BOUND = 5_000;

/** The tests of one adapter. Each adapter has a process of its own. */
export function testSchedules(platform: Platform): void {
  describe(`requests at the same time on ${platform.name}`, () => {
    const globals = new ControlledGlobals();
    let apps: ExploredApps;
    let restore: () => void;
    beforeAll(async () => {
      apps = await makeExploredApps(platform);
      restore = globals.install();
    });
    afterAll(async () => {
      restore();
      await apps.close();
    });

    it(
      `keep every guarantee in ${count} random schedules of seed ${seed}`,
      () => exploreRandom(apps, globals, { count, seed }),
      60_000 + count * 100,
    );

    it('take the same steps when a schedule runs again', async () => {
      for (const [program, choices] of sampleSchedules({ count: 40, seed })) {
        const traces = [];
        for (let i = 0; i < 2; i++) {
          traces.push((await runSchedule(apps, globals, program, choosing(choices))).trace);
        }
        expect(traces[1]).toEqual(traces[0]);
      }
    });

    it('keep every guarantee in every order of the store calls of two requests', async () => {
      let schedules = 0;
      for (const program of ownShare(pairs(), platform)) {
        const found = await exploreEvery(apps, globals, program, BOUND);
        expect(found).toBeLessThan(BOUND);
        schedules += found;
      }
      console.log(`${schedules} schedules of pairs on ${platform.name}`);
    }, 300_000);
  });
}

/** Every pair runs on one of the adapters: the order of the store's calls does not depend on them. */
function ownShare<T>(all: readonly T[], { name }: Platform): T[] {
  return all.filter((_, i) => i % 2 === (name === 'express' ? 0 : 1));
}
