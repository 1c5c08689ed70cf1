// Compiles and runs one sample: node scripts/sample.mjs 01-quick-start
import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [name] = process.argv.slice(2);
if (!name) {
  console.error('Which sample? For instance: node scripts/sample.mjs 01-quick-start');
  process.exit(1);
}
const sample = fileURLToPath(new URL(`../sample/${name}`, import.meta.url));
const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));

execFileSync(process.execPath, [tsc, '--project', sample], { stdio: 'inherit' });
const app = spawn(process.execPath, ['dist/main.js'], { cwd: sample, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => app.kill(signal));
app.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
