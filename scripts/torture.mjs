// Tortures four processes of an application for as long as you like: see test/torture/.
//
//   node scripts/torture.mjs --minutes=10 --store=redis     one store; without --store all of them, one after the other
//   node scripts/torture.mjs --seed=466239290               the round of this seed, for each store
//   node scripts/torture.mjs --defects                      defects on purpose: the checker has to find each of them
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    store: { type: 'string' },
    seed: { type: 'string' },
    defects: { type: 'boolean' },
  },
});
for (const name of ['minutes', 'seed']) {
  if (values[name] === undefined || Number(values[name]) > 0) continue;
  console.error(`--${name} is "${values[name]}"; write a number above zero.`);
  process.exit(1);
}

const { minutes, store, seed, defects } = values;
const env = {
  ...process.env,
  ...(minutes !== undefined && { TORTURE_MINUTES: minutes }),
  ...(seed !== undefined && { TORTURE_SEED: seed }),
  ...(store !== undefined && { TEST_STORES: store }),
  ...(defects && { TORTURE_DEFECTS: '1' }),
};
const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = ['vitest', 'run', '--project', 'soak', 'test/torture/torture.spec.ts'];
const { status } = spawnSync('npx', vitest, { cwd: root, env, stdio: 'inherit' });
process.exit(status ?? 1);
