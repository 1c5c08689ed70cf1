import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule, TestRunEndReason, Vitest } from 'vitest/node';
import { judge, type RanTest } from './guarantees-table.js';

const PAGE = 'docs/guarantees.md';

/**
 * Compares `docs/guarantees.md` with the results of a complete run, and writes it with `--update`. In CI the run fails
 * if the page is out of date or could not be compared.
 */
export default class GuaranteesReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(
    modules: readonly TestModule[],
    _errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    if (!this.#vitest) return;
    const { root, snapshotOptions, testNamePattern } = this.#vitest.config;
    const path = join(root, PAGE);
    const isUpdate = snapshotOptions.updateSnapshot === 'all';
    const { page, complaint } = judge({
      tests: modules.flatMap(module => [...module.children.allTests()].map(ranTest)),
      hasPassed: reason === 'passed',
      isFiltered: testNamePattern !== undefined,
      isUpdate,
      committed: textOf(path),
    });
    if (page !== undefined) writeFileSync(path, page);
    if (complaint === undefined) return;
    process.stderr.write(`\n${PAGE} ${complaint}\n`);
    if (isUpdate || process.env.CI) process.exitCode = 1;
  }
}

function ranTest(test: TestCase): RanTest {
  const titles = [test.name];
  for (let { parent } = test; parent.type === 'suite'; { parent } = parent) titles.unshift(parent.name);
  return { spec: test.module.relativeModuleId, titles, state: test.result().state };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // the page does not exist yet
  }
}
