import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The packed package, as it would be published. */
    tarball: string;
    /** A folder whose `node_modules` holds the unpacked package beside this project's own dependencies. */
    consumer: string;
  }
}

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Builds and packs away from the work tree, so that runs at the same time do not meet in `dist/`. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'nestjs-http-session-')));
  const stage = join(folder, 'stage');
  const consumer = join(folder, 'consumer');

  await run(process.execPath, [join(root, 'scripts/build.mjs'), '--out', join(stage, 'dist')], { cwd: root });
  for (const file of ['package.json', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE', 'docs']) {
    await cp(join(root, file), join(stage, file), { recursive: true });
  }
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: stage });
  const tarball = join(folder, stdout.trim());

  await mkdir(join(consumer, 'node_modules'), { recursive: true });
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) {
      await symlink(join(root, 'node_modules', name), join(consumer, 'node_modules', name));
    }
  }
  await run('tar', ['-xzf', tarball, '-C', join(consumer, 'node_modules')]);
  await cp(join(consumer, 'node_modules/package'), join(consumer, 'node_modules/nestjs-http-session'), {
    recursive: true,
  });
  await rm(join(consumer, 'node_modules/package'), { recursive: true });

  project.provide('tarball', tarball);
  project.provide('consumer', consumer);
  return () => rm(folder, { recursive: true, force: true });
}
