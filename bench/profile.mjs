// Shows how the CPU time is divided between packages.
//   node bench/profile.mjs "express: ours, memory" read      profiles a contestant and prints the table
//   node bench/profile.mjs some.cpuprofile [requests]        prints the table of a profile
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Child } from './child.mjs';
import { measure } from './measure.mjs';
import { markdown } from './report.mjs';
import { startServers } from './servers.mjs';

const OURS = 'nestjs-http-session';
const ROOT = resolve(import.meta.dirname, '..');
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '5' },
    build: { type: 'string', default: join(ROOT, 'dist') },
    out: { type: 'string', default: join(tmpdir(), 'bench.cpuprofile') },
    'no-network': { type: 'boolean', default: false },
    functions: { type: 'string', default: '15' },
  },
});
const [subject = '', second = ''] = positionals;
const { file, requests } = existsSync(subject)
  ? { file: subject, requests: Number(second) || undefined }
  : await take(subject, second || 'read');
const own = resolve(flags.build);
print(JSON.parse(await readFile(file, 'utf8')), requests);

/** Profiles the measured window of one scenario, without the start and the warm-up. */
async function take(name, scenario) {
  const load = flags['no-network'] ? undefined : new Child('load.mjs');
  const servers = await startServers();
  const result = await measure({
    name,
    build: flags.build,
    servers,
    load,
    seconds: Number(flags.seconds),
    connections: 32,
    warmUp: 20_000,
    only: [scenario],
    profile: resolve(flags.out),
  });
  await load?.end();
  await servers.stop();
  const { requests: count, cpu } = result[scenario];
  console.log(
    `${name}, ${scenario}: ${count} requests, ${cpu.toFixed(1)} µs CPU each (with the profiler on)\n`,
  );
  return { file: flags.out, requests: count };
}

function print({ nodes, samples, timeDeltas }, count) {
  const byId = new Map(nodes.map(node => [node.id, node]));
  const packages = new Map();
  const functions = new Map();
  for (const [i, id] of samples.entries()) {
    const { functionName, url, lineNumber } = byId.get(id).callFrame;
    if (functionName === '(idle)') continue;
    const owner = ownerOf(functionName, url);
    add(packages, owner, timeDeltas[i]);
    if (owner === OURS)
      add(
        functions,
        `${functionName === '' ? '(anonymous)' : functionName} ${placeOf(url)}:${lineNumber + 1}`,
        timeDeltas[i],
      );
  }
  const total = [...packages.values()].reduce((sum, time) => sum + time, 0);
  const rowsOf = (times, most) =>
    [...times]
      .sort(([, a], [, b]) => b - a)
      .slice(0, most)
      .map(([name, time]) => [
        name,
        count ? (time / count).toFixed(2) : (time / 1000).toFixed(1),
        `${((100 * time) / total).toFixed(1)} %`,
      ]);
  const unit = count ? 'µs per request' : 'ms';
  console.log(markdown(['self time', unit, 'share'], rowsOf(packages, 25)).join('\n'));
  console.log();
  console.log(
    markdown(['our functions', unit, 'share'], rowsOf(functions, Number(flags.functions))).join('\n'),
  );
}

/** The package that a function belongs to. */
function ownerOf(functionName, url) {
  if (functionName === '(garbage collector)') return 'garbage collector';
  // Work outside JavaScript: system calls and compilation.
  if (url === '') return 'native';
  if (url.startsWith('node:'))
    return /^node:(?:_http|internal\/http|_)/.test(url) ? 'node http' : 'node, other';
  const path = pathOf(url);
  const inPackage = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
  if (inPackage) return inPackage;
  return path.startsWith(own) ? OURS : 'bench';
}

function placeOf(url) {
  return relative(own, pathOf(url));
}

function pathOf(url) {
  return url.startsWith('file:') ? fileURLToPath(url) : url;
}

function add(times, name, time) {
  times.set(name, (times.get(name) ?? 0) + time);
}
