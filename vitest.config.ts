import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const lib = (path: string) => fileURLToPath(new URL(`./lib/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Samples import the package by its name; here they get the source, without a build.
    alias: [
      { find: /^nestjs-http-session$/, replacement: lib('index.ts') },
      { find: /^nestjs-http-session\/stores\/([a-z0-9-]+)$/, replacement: lib('stores/$1/index.ts') },
    ],
  },
  test: {
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // The last line is the summary's.
    reporters: ['default', './test/support/guarantees.reporter.ts', './test/support/summary.reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'lib',
          include: ['{lib,test,sample}/**/*[.-]spec.ts'],
          exclude: ['**/node_modules/**', '**/dist/**', 'test/package/**', 'test/samples/**'],
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
            ignoreSourceErrors: true,
          },
        },
      },
      {
        extends: true,
        test: {
          // What users install: built and packed once, before the first of these tests. The samples run on it.
          name: 'package',
          include: ['test/{package,samples}/*.spec.ts'],
          globalSetup: './test/package/pack.setup.ts',
        },
      },
    ],
  },
});
