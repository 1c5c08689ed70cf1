// Builds dist/ (ES modules) and dist/cjs/ (the same code as CommonJS, for tools without support for "module-sync").
// To build into another folder: node scripts/build.mjs --out <folder>
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } });
const out = resolve(values.out);
const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));

rmSync(out, { recursive: true, force: true });
for (const [project, folder] of [
  ['tsconfig.build.json', out],
  ['tsconfig.cjs.json', join(out, 'cjs')],
]) {
  execFileSync(process.execPath, [tsc, '--project', project, '--outDir', folder], {
    cwd: root,
    stdio: 'inherit',
  });
}
// Node and TypeScript take the format of a .js or .d.ts file from the nearest package.json.
writeFileSync(join(out, 'cjs/package.json'), '{ "type": "commonjs" }\n');
