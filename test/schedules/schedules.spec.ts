import { describe, it } from 'vitest';
import { platforms } from '../support/platforms.js';
import { ControlledGlobals } from './controlled-globals.js';
import { explore } from './explore.js';
import { makeExploredApp } from './explored-app.js';
import { STORE_TIMEOUT_MS } from './run-schedule.js';

const count = Number(process.env['SCHEDULES_COUNT'] ?? 1_000);
const seed = Number(process.env['SCHEDULES_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe(`schedules of seed ${seed}`, () => {
  it.each(platforms)(
    `keep every guarantee: ${count / 2} on $name`,
    async platform => {
      const globals = new ControlledGlobals();
      const app = await makeExploredApp(platform, { storeTimeout: STORE_TIMEOUT_MS });
      const restore = globals.install();
      try {
        await explore(app, globals, { count: count / 2, seed });
      } finally {
        restore();
        await app.close();
      }
    },
    count * 100 + 60_000,
  );
});
