import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import type { BuiltLib } from './built-lib.js';

const SOURCE = fileURLToPath(new URL('../../lib/stores/filesystem/index.ts', import.meta.url));

/** FileSessionStore as one JavaScript file that imports only Node, at the path that a build of the library uses. */
export async function buildFileStore(): Promise<BuiltLib> {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    build: { write: false, ssr: SOURCE, target: 'node20', rolldownOptions: { output: { format: 'es' } } },
  });
  if (!('output' in result)) throw new Error('the build of the store gave no output');
  const directory = mkdtempSync(join(tmpdir(), 'nestjs-http-session-'));
  const folder = join(directory, 'stores/filesystem');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'index.js'), result.output[0].code);
  return { directory, dispose: () => rmSync(directory, { recursive: true, force: true }) };
}
