import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The library as JavaScript, for tests with other processes. It is inside the project, so that its imports resolve. */
export interface BuiltLib {
  readonly directory: string;
  dispose(): void;
}

export function buildLib(): BuiltLib {
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'nestjs-http-session-'));
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), '--out', directory], { stdio: 'pipe' });
  return { directory, dispose: () => rmSync(directory, { recursive: true, force: true }) };
}
