import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectConfiguration } from 'vitest/config';

const lib = (path: string) => fileURLToPath(new URL(`./lib/${path}`, import.meta.url));

/**
 * These need the machine to themselves: what many requests leave behind in memory, records of 50 MB that keep a process
 * busy for seconds, and the share of requests that succeed around an outage.
 */
const SOAK = [
  'test/e2e/memory-use.e2e-spec.ts',
  'test/{redis,mongodb}/huge-records.e2e-spec.ts',
  'test/{redis,mongodb}/plug-pulled.e2e-spec.ts',
  'test/torture/torture.spec.ts',
];
/** What is about one kind of server. */
const SERVERS = ['test/{redis,mongodb}/**', 'lib/stores/{redis,mongodb}/**'];

const whole: TestProjectConfiguration[] = [
  {
    extends: true,
    test: {
      // What users install: built and packed once, before the first of these tests. The samples run on it.
      name: 'package',
      include: ['test/{package,samples}/*.spec.ts'],
      globalSetup: './test/package/pack.setup.ts',
    },
  },
  {
    extends: true,
    test: {
      name: 'soak',
      include: SOAK,
      // After the others, one file at a time: they measure.
      maxWorkers: 1,
      sequence: { groupOrder: 1 },
    },
  },
];

// `--mode quick` is `npm run test:quick`: over memory and files, without servers, soak and package.
export default defineConfig(({ mode }) => ({
  resolve: {
    // Samples import the package by its name; here they get the source, without a build.
    alias: [
      { find: /^nestjs-http-session$/, replacement: lib('index.ts') },
      { find: /^nestjs-http-session\/testing$/, replacement: lib('testing/index.ts') },
      { find: /^nestjs-http-session\/stores\/([a-z0-9-]+)$/, replacement: lib('stores/$1/index.ts') },
    ],
  },
  test: {
    pool: 'forks',
    // A third of the time tests wait: for servers, time limits, other processes.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    testTimeout: 20_000,
    hookTimeout: 60_000,
    env: mode === 'quick' ? { TEST_STORES: 'memory,filesystem', SCHEDULES_COUNT: '500' } : {},
    // The last line is the summary's.
    reporters: ['default', './test/support/guarantees.reporter.ts', './test/support/summary.reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'lib',
          include: ['{lib,test,sample}/**/*[.-]spec.ts'],
          exclude: [
            '**/node_modules/**',
            '**/dist/**',
            'test/package/**',
            'test/samples/**',
            ...SOAK,
            ...(mode === 'quick' ? SERVERS : []),
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: './test/types/tsconfig.json',
            ignoreSourceErrors: true,
          },
        },
      },
      ...(mode === 'quick' ? [] : whole),
    ],
  },
}));
