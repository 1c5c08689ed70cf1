// npm run bench: CPU per request, throughput and latency of the platform, of ours and of the peers. See README.md.
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Child } from './child.mjs';
import { contestants } from './contestants.mjs';
import { measure, scenarios } from './measure.mjs';
import { report, shuffled } from './report.mjs';
import { startServers } from './servers.mjs';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    'warm-up': { type: 'string', default: '8000' },
    connections: { type: 'string', default: '32' },
    only: { type: 'string', default: '' },
    'no-network': { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    builds: { type: 'string', default: join(import.meta.dirname, '../dist') },
  },
});
const rounds = flags.quick ? 1 : Number(flags.rounds);
const seconds = flags.quick ? 0.05 : Number(flags.seconds);
const warmUp = flags.quick ? 64 : Number(flags['warm-up']);
const connections = Number(flags.connections);
const builds = flags.builds.split(',');
const only = flags.only.split(',').filter(Boolean);

for (const build of builds) {
  if (!existsSync(join(build, 'index.js'))) throw new Error(`there is no build in ${build}: npm run build`);
}
const servers = await startServers();
const onlyScenarios = only.filter(word => word in scenarios);
const chosen = entrants(only.filter(word => !(word in scenarios)));
for (const hint of Object.values(servers.missing)) process.stderr.write(`${hint}\n`);
if (chosen.length === 0) throw new Error(`--only=${flags.only} leaves nobody`);

const load = flags['no-network'] ? undefined : new Child('load.mjs');
/** @type {Map<string, Record<string, { cpu: number, throughput: number, p50: number }[]>>} */
const results = new Map(chosen.map(({ title }) => [title, {}]));
for (let round = 1; round <= rounds; round++) {
  // Every contestant is measured once in each round, so that other work on the machine affects all of them.
  for (const { title, name, build } of shuffled(chosen)) {
    process.stderr.write(`\r\x1b[Kround ${round} of ${rounds}: ${title}`);
    const measured = await measure({
      name,
      build,
      servers,
      load,
      seconds,
      connections,
      warmUp,
      only: onlyScenarios.length > 0 ? onlyScenarios : undefined,
    });
    for (const [scenario, result] of Object.entries(measured))
      (results.get(title)[scenario] ??= []).push(result);
  }
}
process.stderr.write('\r\x1b[K');
await load?.end();
await servers.stop();
console.log(report(results, { rounds, seconds, connections, hasNetwork: load !== undefined }));

/** Selects by names of platforms, kinds and stores. Ours takes part once for each build. */
function entrants(words) {
  const isWanted = ({ platform, kind, store }) =>
    matches(words, ['express', 'fastify'], platform) &&
    matches(words, ['memory', 'filesystem', 'redis', 'mongodb'], store, kind === 'platform') &&
    matches(words, ['platform', 'driver', 'ours', 'peer'], kind) &&
    servers.missing[store] === undefined;
  return Object.entries(contestants)
    .filter(([, contestant]) => isWanted(contestant))
    .flatMap(([name, { kind }]) =>
      (kind === 'ours' ? builds : builds.slice(0, 1)).map(build => ({
        title: builds.length > 1 && kind === 'ours' ? `${name} [${basename(build)}]` : name,
        name,
        build,
      })),
    );
}

/** Words of one kind widen the choice, words of different kinds narrow it. */
function matches(words, known, value, isExempt = false) {
  const given = known.filter(word => words.includes(word));
  return isExempt || given.length === 0 || given.includes(value);
}
