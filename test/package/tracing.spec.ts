import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, inject, it } from 'vitest';
import { outsideBackends } from '../support/backends.js';

const run = promisify(execFile);
const folder = join(inject('consumer'), 'tracing');

beforeAll(() => cp(fileURLToPath(new URL('tracing', import.meta.url)), folder, { recursive: true }));

const applications = [
  ['a CommonJS application', ['--require', './instrumentation.cjs', 'main.cjs']],
  ['an application of ES modules', ['--import', './instrumentation.mjs', 'main.mjs']],
  ['an application of ES modules without a loader hook', ['--require', './instrumentation.cjs', 'main.mjs']],
] as const;

/** What OpenTelemetry calls the command that reads a session. */
const reads: Readonly<Record<string, RegExp>> = { redis: /^hgetall$/i, mongodb: /find/i };

for (const backend of outsideBackends.filter(({ name }) => name in reads)) {
  backend.describe(`OpenTelemetry sees the calls to ${backend.name}`, () => {
    it.each(applications)('in %s', { timeout: 60_000 }, async (_, args) => {
      const place = await backend.place();
      try {
        const { stdout } = await run(process.execPath, args, {
          cwd: folder,
          env: { ...process.env, SESSION_OPTIONS: JSON.stringify(place.options) },
        });
        const { views, spans } = JSON.parse(stdout) as { views: number; spans: string[] };
        expect(views).toBe(3);
        // One to read and one to write: none is missing, and none is counted twice.
        expect(spans).toHaveLength(2);
        expect(spans[0]).toMatch(reads[backend.name]!);
      } finally {
        await place.dispose();
      }
    });
  });
}
