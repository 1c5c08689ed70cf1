import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Browser } from '../support/browser.js';
import { buildLib, type BuiltLib } from '../support/built-lib.js';
import { platforms } from '../support/platforms.js';

const WORKER = fileURLToPath(new URL('../support/memory-use-worker.mjs', import.meta.url));
const MB = 2 ** 20;

/** The shares of the routes, in requests of a hundred; as visitors, and with the cookies of sessions. */
const VISITORS = { '/untouched': 25, '/read': 15, '/comeAndGo': 2 };
const USERS = { '/untouched': 15, '/read': 25, '/write': 10, '/update': 4, '/flashes': 3, '/fail': 1 };
const SESSIONS = 20;
/** Requests that one connection sends before it waits for their answers. */
const BATCH = 50;

function spread(shares: Record<string, number>): string[] {
  return Object.entries(shares).flatMap(([path, share]) => Array<string>(share).fill(path));
}

/** A hundred requests of a mixed kind, of this session and of visitors. */
function hundred(cookie: string): string[] {
  const users = spread(USERS).map(path => `GET ${path} HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`);
  const visitors = spread(VISITORS).map(path => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const all = [...users, ...visitors];
  return all.map((_, i) => all[(i * 37) % all.length]!); // mixed, and the same each time
}

/** Sends them down one connection, each batch at once, and says how many answers came by status. */
async function send(port: number, requests: readonly string[]): Promise<Map<string, number>> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  await once(socket, 'connect');
  const statuses = new Map<string, number>();
  let rest = '';
  for (let at = 0; at < requests.length; at += BATCH) {
    const batch = requests.slice(at, at + BATCH);
    socket.write(batch.join(''));
    for (let answered = 0; answered < batch.length;) {
      const [chunk] = (await once(socket, 'data')) as [string];
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const status = /HTTP\/1\.1 (\d+)/.exec(line)?.[1];
        if (status === undefined) continue;
        answered++;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }
  }
  socket.destroy();
  return statuses;
}

let lib: BuiltLib;
beforeAll(() => {
  lib = buildLib();
});
afterAll(() => lib.dispose());

// Side by side, since each is a process of its own.
it.concurrent.each(platforms)(
  '100 000 requests on $name leave nothing behind',
  { timeout: 180_000 },
  async ({ name }) => {
    const child = fork(WORKER, [lib.directory, name], { execArgv: ['--expose-gc'] });
    try {
      const [{ port }] = (await once(child, 'message')) as [{ port: number }];
      await traffic(port, 100); // everything is compiled, and every cache is warm
      const before = await heapUsed(child);
      const statuses = await traffic(port, 1_000);
      const after = await heapUsed(child);
      expect(Object.fromEntries(statuses)).toEqual({ 200: 99_000, 500: 1_000 });
      expect((after - before) / MB).toBeLessThan(5);
    } finally {
      child.kill('SIGKILL');
    }
  },
);

/** So many hundreds of requests, spread over some sessions. */
async function traffic(port: number, hundreds: number): Promise<Map<string, number>> {
  const all = new Map<string, number>();
  const lines = Array.from({ length: SESSIONS }, async () => {
    const browser = new Browser(`http://127.0.0.1:${port}`);
    await browser.get('/begin');
    const requests = Array<string[]>(hundreds / SESSIONS)
      .fill(hundred(browser.cookie))
      .flat();
    for (const [status, count] of await send(port, requests)) all.set(status, (all.get(status) ?? 0) + count);
  });
  await Promise.all(lines);
  return all;
}

async function heapUsed(child: ChildProcess): Promise<number> {
  const said = once(child, 'message');
  child.send('measure');
  return ((await said)[0] as { heapUsed: number }).heapUsed;
}
