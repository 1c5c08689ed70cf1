import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends the run with lines that a machine can read: one per failure, which starts with `FAILED `, and the counts,
 * `12 passed, 0 failed, 1 skipped`.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const error of unhandledErrors) reportFailure('outside of the tests', [error]);
    for (const module of modules) {
      const failedBefore = count.failed;
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        // If the run was cut short, a test that has not finished counts as failed.
        count[state === 'pending' ? 'failed' : state] += 1;
        if (state === 'failed' || state === 'pending') {
          reportFailure(`${module.relativeModuleId} > ${test.fullName}`, errors);
        }
      }
      // If a file could not be loaded or its hooks failed, none of its tests is marked as failed.
      if (module.state() === 'failed' && count.failed === failedBefore) {
        count.failed += 1;
        reportFailure(module.relativeModuleId, module.errors());
      }
    }
    process.stdout.write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  }
}

function reportFailure(what: string, errors: readonly { message?: string }[] = []): void {
  const reason = errors[0]?.message?.split('\n', 1)[0] ?? 'it did not come to its end';
  process.stdout.write(`FAILED ${what}: ${reason}\n`);
}
