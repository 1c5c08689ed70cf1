// Runs contestants in one process, without a network, in short windows that take turns. Other work on the machine affects
// the windows of a round equally, so this shows differences of a few microseconds, which `run.mjs` cannot show.
//   node bench/paired.mjs read "fastify: platform + no-op" "fastify: ours, redis"
//   node bench/paired.mjs read "fastify: ours, redis" "fastify: ours, redis=some/other/build"
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startApplication } from './application.mjs';
import { drive } from './drive.mjs';
import { scenarios, startSessions } from './measure.mjs';
import { markdown, medianOf, signed, shuffled } from './report.mjs';
import { startServers } from './servers.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    windows: { type: 'string', default: '60' },
    seconds: { type: 'string', default: '0.15' },
    'warm-up': { type: 'string', default: '16000' },
    connections: { type: 'string', default: '32' },
  },
});
const [scenario, ...titles] = positionals;
if (!scenarios[scenario] || titles.length === 0) {
  throw new Error(
    `paired.mjs <${Object.keys(scenarios).join('|')}> <contestant[=build]> <contestant[=build]> …`,
  );
}
process.env.NODE_ENV = 'production';
const servers = await startServers();
const folder = await mkdtemp(join(tmpdir(), 'session-bench-'));
const { path, start, hasCookie } = scenarios[scenario];

const entrants = [];
for (const title of titles) entrants.push(await enter(title));
// The warm-up takes turns too, because the compiled code depends on the other code in use.
for (let i = 0; i < 4; i++) {
  for (const entrant of entrants) await run(entrant, { requests: Number(flags['warm-up']) / 4 });
}
for (let i = 0; i < Number(flags.windows); i++) {
  for (const entrant of shuffled(entrants)) {
    const before = process.cpuUsage();
    const { requests } = await run(entrant, { seconds: Number(flags.seconds) });
    const { user, system } = process.cpuUsage(before);
    entrant.windows.push((user + system) / requests);
  }
}
console.log(
  `Node ${process.version}, ${scenario}, ${flags.windows} windows of ${flags.seconds} s each, in one process.\nCPU per request in µs, of what sends the requests too; the difference is that of windows of one round.\n`,
);
console.log(
  markdown(['', 'least', 'lower quartile', 'median', 'median difference to the first'], rows()).join('\n'),
);
for (const { name } of entrants) await servers.clear(name);
await rm(folder, { recursive: true, force: true });
process.exit(); // this also ends a server that the bench started; some clients would fail if it ended before them

async function enter(title) {
  const [contestant, build = join(import.meta.dirname, '../dist')] = title.split('=', 2);
  const name = `session-bench-${randomUUID()}`;
  const place = { ...servers, folder: join(folder, name), name };
  const app = await startApplication(contestant, build, place);
  const { port } = app.getHttpServer().address();
  const started = await startSessions(port, start, Number(flags.connections));
  const cookies = hasCookie ? started : started.map(() => '');
  return { title, name, app, cookies, windows: [] };
}

function run({ app, cookies }, limit) {
  return drive(app.getHttpServer(), { path, cookies, ...limit });
}

function rows() {
  const [{ windows: first }] = entrants;
  return entrants.map(({ title, windows }) => {
    const sorted = windows.toSorted((a, b) => a - b);
    const differences = windows.map((cpu, i) => cpu - first[i]).toSorted((a, b) => a - b);
    const figures = [sorted[0], sorted[sorted.length >> 2], medianOf(sorted)].map(cpu => cpu.toFixed(1));
    return [title, ...figures, signed(medianOf(differences))];
  });
}
