// Compiles the samples against dist/ and runs one, by default the first: node scripts/sample.mjs 02-fastify
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [name = '01-quick-start'] = process.argv.slice(2);
const samples = new URL('../sample/', import.meta.url);
const cwd = fileURLToPath(new URL(name, samples));
if (!existsSync(cwd)) {
  console.error(`There is no sample ${name}. Look into ${fileURLToPath(samples)}`);
  process.exit(1);
}
const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));
const project = fileURLToPath(new URL('tsconfig.build.json', samples));

execFileSync(process.execPath, [tsc, '--project', project], { stdio: 'inherit' });
const main = fileURLToPath(new URL(`dist/${name}/src/main.js`, samples));
const app = spawn(process.execPath, [main], { cwd, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => app.kill(signal));
app.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
