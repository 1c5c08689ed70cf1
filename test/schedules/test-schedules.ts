import { describe, it } from 'vitest';
import type { Platform } from '../support/platforms.js';
import { ControlledGlobals } from './controlled-globals.js';
import { explore } from './explore.js';
import { makeExploredApps } from './explored-app.js';

/** The schedules of one adapter. Those of the other one run in another process. */
const count = Number(process.env['SCHEDULES_COUNT'] ?? 2_000) / 2;
const seed = Number(process.env['SCHEDULES_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** The tests of an adapter. */
export function testSchedules(platform: Platform): void {
  describe(`requests at the same time on ${platform.name}`, () => {
    it(
      `keep every guarantee in ${count} random schedules of seed ${seed}`,
      async () => {
        const globals = new ControlledGlobals();
        const apps = await makeExploredApps(platform);
        const restore = globals.install();
        try {
          await explore(apps, globals, { count, seed });
        } finally {
          restore();
          await apps.close();
        }
      },
      60_000 + count * 100,
    );
  });
}
