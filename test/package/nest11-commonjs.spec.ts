import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { MemorySessionStore } from '../../lib/stores/memory/index.js';
import { sessionStoreCases } from '../../lib/testing/index.js';
import { blocksOf, read } from './documentation.js';

const run = promisify(execFile);
const MINUTES = 60_000;

describe('a NestJS 11 project as `nest new` made it: CommonJS, Jest, moduleResolution node10', () => {
  let project: string;

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'nest11-commonjs-'));
    await cp(fileURLToPath(new URL('nest11-commonjs', import.meta.url)), project, { recursive: true });
    await inProject('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', inject('tarball'));
  }, 5 * MINUTES);
  afterAll(() => rm(project, { recursive: true, force: true }));

  /** What the command printed; a failing command fails the test with it. */
  async function inProject(command: string, ...args: string[]): Promise<string> {
    // Jest would take vitest's environment for its own.
    const { NODE_ENV: _, VITEST: __, NODE_OPTIONS: ___, ...env } = process.env;
    try {
      const { stdout, stderr } = await run(command, args, { cwd: project, env });
      return stdout + stderr;
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string };
      throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`, { cause: error });
    }
  }

  it('needs no driver that it does not use', async () => {
    const installed = await inProject('npm', 'ls', '--all', '--parseable');
    expect(installed).toContain('nestjs-http-session');
    expect(installed).not.toMatch(/node_modules\/(ioredis|mongodb)$/m);
  });

  it('type-checks and builds with TypeScript 5.9, sub-paths included', { timeout: 2 * MINUTES }, async () => {
    expect(await inProject('npx', '--no-install', 'tsc', '--version')).toContain('5.9');
    await inProject('npx', '--no-install', 'tsc', '--noEmit', '-p', 'tsconfig.json');
    await inProject('npm', 'run', 'build');
  });

  it('type-checks our declarations, too, with skipLibCheck off', { timeout: 2 * MINUTES }, async () => {
    await inProject(
      'npx',
      '--no-install',
      'tsc',
      '--noEmit',
      '-p',
      'tsconfig.json',
      '--skipLibCheck',
      'false',
    );
  });

  it('passes its end-to-end tests under Jest', { timeout: 2 * MINUTES }, async () => {
    expect(await inProject('npm', 'run', 'test:e2e')).toMatch(/Tests: +5 passed, 5 total/);
  });

  it('runs the kit on the store of docs/custom-store.md under Jest', { timeout: 2 * MINUTES }, async () => {
    const page = 'docs/custom-store.md';
    for (const { code } of blocksOf(read(page), 'ts', page)) {
      const [, name] = /^\/\/ (my-session\.store(?:\.spec)?\.ts)\n/.exec(code) ?? [];
      if (name === undefined) continue;
      // The imports of a project that `nest new` made have no file extension.
      await writeFile(join(project, 'src', name), code.replace("store.js'", "store'"));
    }
    const { length } = sessionStoreCases({
      create: () => new MemorySessionStore(),
      abilities: ['index', 'prune'],
    });
    expect(await inProject('npx', '--no-install', 'jest')).toMatch(
      new RegExp(`Tests: +${length} passed, ${length} total`),
    );
  });

  it('runs in Node as built, where require() and import share one instance', async () => {
    const app = spawn(process.execPath, ['dist/main'], { cwd: project, env: { ...process.env, PORT: '0' } });
    try {
      const [url] = (await once(createInterface(app.stdout), 'line')) as [string];
      const first = await fetch(`${url}/views`);
      const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      expect(await (await fetch(`${url}/views`, { headers: { cookie } })).json()).toMatchObject({ views: 2 });
    } finally {
      app.kill();
    }
  });
});
