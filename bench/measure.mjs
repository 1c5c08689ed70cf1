// Measures one contestant in a fresh process.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { Child } from './child.mjs';
import { contestants } from './contestants.mjs';

/** The path of each scenario, the path that starts its sessions, and whether requests send their cookies. */
export const scenarios = {
  'plain-anon': { path: '/plain', start: '/start', hasCookie: false },
  'plain-cookie': { path: '/plain', start: '/start', hasCookie: true },
  read: { path: '/read', start: '/start', hasCookie: true },
  write: { path: '/write', start: '/start', hasCookie: true },
  'read-10k': { path: '/read-one', start: '/start-10k', hasCookie: true },
  'read-100k': { path: '/read-one', start: '/start-100k', hasCookie: true },
};

/** The limit of the warm-up, for scenarios in which a request takes milliseconds. */
const LONGEST_WARM_UP_S = 4;

/** A cookie for contestants without sessions, because parsing the header is not a cost of the session. */
const DUMMY_COOKIE = `sid=${'x'.repeat(43)}`;

/**
 * All scenarios are warmed up before the first is measured, because an application uses all of its routes. The warm-up
 * is counted in requests where that does not take too long, because the compiled code depends on their number. The
 * counted window begins and ends without a running request, so its CPU time belongs to the counted requests.
 *
 * @param {object} how
 * @param {string} how.name the contestant
 * @param {string} how.build the folder of ours
 * @param {{ redisUrl?: string, mongodbUrl?: string }} how.servers
 * @param {Child} [how.load] the load generator; without one the server process sends the requests itself, without a network
 * @param {number} how.seconds the length of the counted window
 * @param {number} how.connections the number of concurrent requests; each has its own session
 * @param {number} how.warmUp requests for each scenario before the first window
 * @param {string[]} [how.only] scenarios
 * @param {string} [how.profile] a file for the CPU profile of the counted window
 * @returns {Promise<Record<string, { requests: number, cpu: number, throughput: number, p50: number }>>} by scenario: CPU
 *   of the server process in µs per request, requests per second, and the median latency in µs
 */
export async function measure({ name, build, servers, load, seconds, connections, warmUp, only, profile }) {
  const folder = await mkdtemp(join(tmpdir(), 'session-bench-'));
  const place = { ...servers, folder, name: `session-bench-${randomUUID()}` };
  const server = new Child('server.mjs', [name, build, JSON.stringify(place)]);
  try {
    const { port } = await server.answer();
    const started = new Map();
    const generator = load ?? server;
    const run = async ({ path, start, hasCookie }, limit, phase = 'window') => {
      if (!started.has(start)) started.set(start, await startSessions(port, start, connections));
      const cookies = started.get(start);
      const sent = hasCookie ? cookies : cookies.map(() => '');
      await generator.ask({ command: 'open', port, path, cookies: sent });
      const isProfiled = profile !== undefined && phase === 'window';
      if (isProfiled) await server.ask({ command: 'startProfile' });
      const before = await server.ask({ command: 'cpu' });
      const { done } = await generator.ask({ command: 'run', ...limit });
      const after = await server.ask({ command: 'cpu' });
      if (isProfiled) await server.ask({ command: 'stopProfile', file: profile });
      await generator.ask({ command: 'close' });
      return {
        requests: done.requests,
        cpu: (after.done - before.done) / done.requests,
        throughput: (done.requests / done.elapsed) * 1000,
        p50: done.p50 * 1000,
      };
    };
    const own = contestants[name].scenarios;
    const chosen = Object.entries(scenarios).filter(
      ([scenario]) =>
        (own ?? only ?? [scenario]).includes(scenario) && (only ?? [scenario]).includes(scenario),
    );
    for (const [, scenario] of chosen)
      await run(scenario, { requests: warmUp, seconds: LONGEST_WARM_UP_S }, 'warm-up');
    const results = {};
    for (const [title, scenario] of chosen) results[title] = await run(scenario, { seconds });
    const [cookie] = started.get('/start') ?? [];
    if (cookie !== undefined && contestants[name].kind !== 'driver') await checkSession(name, port, cookie);
    return results;
  } finally {
    await server.end();
    await servers.clear?.(place.name);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Starts one session for each connection. @returns the values of the `Cookie` header */
export async function startSessions(port, path, connections) {
  const start = async () => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    if (!response.ok) throw new Error(`${path} was answered ${response.status}`);
    return response.headers.getSetCookie()[0]?.split(';', 1)[0] ?? DUMMY_COOKIE;
  };
  return Promise.all(Array.from({ length: connections }, start));
}

/** Checks that sessions are really saved. A contestant that is fast because it saves nothing fails here. */
async function checkSession(name, port, cookie) {
  const read = async path => (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } })).json();
  const { views: before } = await read('/read');
  await read('/write');
  const { views: after, name: user } = await read('/read');
  if (!(before >= 1_000_000) || after !== before + 1 || user !== 'Ada Lovelace')
    throw new Error(`${name} does not keep its sessions`);
}
