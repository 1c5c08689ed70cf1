// Runs more random schedules than `npm test` does, or a seed again:
//
//   npm run schedules -- --count=100000
//   npm run schedules -- --count=5000 --seed=1234 --on=fastify
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    /** How many schedules each adapter runs. */
    count: { type: 'string', default: '50000' },
    /** @default a random one, which is printed */
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    /** `express` or `fastify`. @default both */
    on: { type: 'string' },
  },
});
console.log(`${values.count} schedules of seed ${values.seed} on ${values.on ?? 'each adapter'}`);
const { status } = spawnSync(
  'npx',
  ['vitest', 'run', '--project', 'lib', `test/schedules/${values.on ?? ''}`],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, SCHEDULES_COUNT: values.count, SCHEDULES_SEED: values.seed },
    stdio: 'inherit',
  },
);
process.exitCode = status ?? 1;
