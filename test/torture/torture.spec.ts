import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildLib, type BuiltLib } from '../support/built-lib.js';
import { DEFECT_NAMES } from './defects.mjs';
import { outcomeOf } from './history.js';
import { tortureStores } from './stores.js';
import { describeReport, summaryOf, torture } from './torture-run.js';
import { describeViolation } from './violation.js';

/** `npm run torture` sets these. Without them the test is short enough for every run. */
const { TORTURE_MINUTES, TORTURE_SEED, TORTURE_DEFECTS } = process.env;
const SECONDS = TORTURE_MINUTES === undefined ? 8 : 20;
const total = TORTURE_MINUTES === undefined ? SECONDS : Number(TORTURE_MINUTES) * 60;
const firstSeed = TORTURE_SEED === undefined ? Math.floor(Math.random() * 1e9) : Number(TORTURE_SEED);

let lib: BuiltLib;
beforeAll(() => {
  lib = buildLib();
});
afterAll(() => lib.dispose());

/** The checker has to find every defect within this many rounds. */
const DEFECT_ROUNDS = 4;

for (const store of TORTURE_DEFECTS === undefined ? [] : tortureStores.slice(0, 1)) {
  store.describe(`the checker, over ${store.name},`, () => {
    it.each(DEFECT_NAMES)('finds: %s', { timeout: 400_000 }, async defect => {
      for (let seed = firstSeed; seed < firstSeed + DEFECT_ROUNDS; seed++) {
        const report = await torture(lib, store, { seed, ms: 8_000, defect });
        const rules = new Set(report.violations.map(({ rule }) => rule));
        process.stdout.write(`${defect}, seed ${seed}: ${summaryOf(report)}\n`);
        for (const rule of rules) {
          const violations = report.violations.filter(violation => violation.rule === rule);
          process.stdout.write(`  ${violations.length} × ${describeViolation(violations[0]!)}\n`);
        }
        if (rules.size > 0) return;
      }
      expect.fail(`no violation in ${DEFECT_ROUNDS} rounds`);
    });
  });
}

for (const store of TORTURE_DEFECTS === undefined ? tortureStores : []) {
  store.describe(`four processes that are killed and stopped, over ${store.name}`, () => {
    it(
      'keep every promise to the browsers that they share',
      { timeout: total * 2_000 + 120_000 },
      async () => {
        // A long torture has many rounds, so that the seed of the round that fails is enough to repeat it.
        const end = performance.now() + total * 1000;
        for (let seed = firstSeed; performance.now() < end; seed++) {
          const report = await torture(lib, store, { seed, ms: SECONDS * 1000 });
          process.stdout.write(`torture over ${store.name}, seed ${seed}: ${summaryOf(report)}\n`);
          const answered = report.history.filter(op => outcomeOf(op) === 'done');
          expect(answered.length, 'requests that succeeded').toBeGreaterThan(10);
          if (report.violations.length === 0) continue;
          const file = join(tmpdir(), `torture-${store.name}-${seed}.json`);
          writeFileSync(file, JSON.stringify(report, null, 1));
          expect.fail(`seed ${seed}, whole history in ${file}\n${describeReport(report)}`);
        }
      },
    );
  });
}
