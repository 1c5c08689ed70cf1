// Measures one contestant in a fresh process.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.mjs';

/** What is asked, and whether a cookie comes along. */
export const scenarios = {
  'plain-anon': { path: '/plain', hasCookie: false },
  'plain-cookie': { path: '/plain', hasCookie: true },
  read: { path: '/read', hasCookie: true },
  write: { path: '/write', hasCookie: true },
};

/** Where there are no sessions a cookie is sent too: parsing the header is not the session's cost. */
const DUMMY_COOKIE = `sid=${'x'.repeat(43)}`;

/**
 * Each scenario is warmed up before the first is measured, as in an application all routes are in use; by requests and
 * not by time, because what has been compiled depends on them. The counted window begins and ends with no request under
 * way, so its CPU time belongs to the counted requests.
 *
 * @param {object} how
 * @param {string} how.name the contestant
 * @param {string} how.build the folder of ours
 * @param {Child} [how.load] the load generator; without one the server drives itself, without a network
 * @param {number} how.seconds the length of the counted window
 * @param {number} how.connections how many requests are under way at a time; each has a session of its own
 * @param {number} how.warmUp requests for each scenario before the first window
 * @param {string[]} [how.only] scenarios
 * @param {string} [how.profile] a file for the CPU profile of the counted window
 * @returns {Promise<Record<string, { requests: number, cpu: number, throughput: number, p50: number }>>} by scenario: CPU
 *   of the server process in µs per request, requests per second, and the median latency in µs
 */
export async function measure({ name, build, load, seconds, connections, warmUp, only, profile }) {
  const folder = await mkdtemp(join(tmpdir(), 'session-bench-'));
  const server = new Child('server.mjs', [name, build, folder]);
  try {
    const { port } = await server.answer();
    const cookies = await startSessions(port, connections);
    const generator = load ?? server;
    const run = async ({ path, hasCookie }, limit) => {
      const sent = hasCookie ? cookies : cookies.map(() => '');
      await generator.ask({ command: 'open', port, path, cookies: sent });
      const isProfiled = profile !== undefined && limit.seconds !== undefined;
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
    const chosen = Object.entries(scenarios).filter(([scenario]) => !only || only.includes(scenario));
    for (const [, scenario] of chosen) await run(scenario, { requests: warmUp });
    const results = {};
    for (const [title, scenario] of chosen) results[title] = await run(scenario, { seconds });
    await checkSession(name, port, cookies[0]);
    return results;
  } finally {
    await server.end();
    await rm(folder, { recursive: true, force: true });
  }
}

/** One session for each connection. @returns the cookies, as they are sent back */
async function startSessions(port, connections) {
  const start = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/start`);
    if (!response.ok) throw new Error(`/start was answered ${response.status}`);
    return response.headers.getSetCookie()[0]?.split(';', 1)[0] ?? DUMMY_COOKIE;
  };
  return Promise.all(Array.from({ length: connections }, start));
}

/** Whoever is fast because nothing is kept does not take part. */
async function checkSession(name, port, cookie) {
  const read = async path => (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } })).json();
  const { views: before } = await read('/read');
  await read('/write');
  const { views: after, name: user } = await read('/read');
  if (!(before >= 1_000_000) || after !== before + 1 || user !== 'Ada Lovelace')
    throw new Error(`${name} does not keep its sessions`);
}
