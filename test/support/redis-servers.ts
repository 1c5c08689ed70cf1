import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { afterAll, describe, it } from 'vitest';

const HOW_TO_GET_IT =
  'there is no redis-server on the PATH. Get it with "apt-get install redis-server" or "brew install redis".';

const hasBinary = spawnSync('redis-server', ['--version']).status === 0;
const running = new Set<RedisServer>();

// Each test file has its own servers, and ends them.
afterAll(() => Promise.all([...running].map(server => server.stop())));
process.on('exit', () => {
  for (const server of running) void server.kill();
});

/** Tests that need servers of their own. Without `redis-server` they are skipped, with one line; in CI they fail. */
export function describeWithRedis(name: string, tests: () => void): void {
  describeIf(hasBinary, name, HOW_TO_GET_IT, tests);
}

/** Tests to which any Redis will do: the one at `REDIS_URL`, else one of their own. */
export function describeWithAnyRedis(name: string, tests: () => void): void {
  const hint = `${HOW_TO_GET_IT} Or set REDIS_URL.`;
  describeIf(hasBinary || process.env.REDIS_URL !== undefined, name, hint, tests);
}

function describeIf(isThere: boolean, name: string, hint: string, tests: () => void): void {
  if (!isThere && process.env.CI) {
    it(`${name}: needs a Redis`, () => {
      throw new Error(hint);
    });
    return;
  }
  if (!isThere) process.stderr.write(`skipped: ${name}: ${hint}\n`);
  describe.skipIf(!isThere)(name, () => {
    tests();
  });
}

let anyServer: Promise<RedisServer> | undefined;

/** The address of some Redis for tests that change no setting of it. A test file has one, and clears away its keys. */
export async function anyRedisUrl(): Promise<string> {
  return process.env.REDIS_URL ?? (await (anyServer ??= RedisServer.start())).url;
}

/** A `redis-server` of ours: a process, a port and a folder that nobody else uses. */
export class RedisServer {
  #process: ChildProcess | undefined;
  #hasPort = true;
  #login: RedisOptions = {};
  readonly #idle: Redis[] = [];

  private constructor(
    readonly port: number,
    readonly folder: string,
  ) {}

  /**
   * Starts a server that keeps nothing on disk. Settings are those of redis.conf: `['--maxmemory', '10mb']`, or made
   * once the folder is known.
   */
  static async start(
    settings: readonly string[] | ((folder: string) => Promise<readonly string[]>) = [],
  ): Promise<RedisServer> {
    for (;;) {
      const folder = await mkdtemp(join(tmpdir(), 'nestjs-http-session-redis-'));
      const server = new RedisServer(await freePort(), folder);
      running.add(server);
      await server.restart(typeof settings === 'function' ? await settings(folder) : settings);
      if (server.#hasPort) return server;
      await server.stop(); // somebody took the port meanwhile
    }
  }

  /** Starts a replica of this server, and waits until it confirms what the server writes. */
  async startReplica(): Promise<RedisServer> {
    const replica = await RedisServer.start(['--replicaof', `127.0.0.1 ${this.port}`]);
    const client = new Redis(this.port);
    do await client.set('replicated', 'once');
    while ((await client.wait(1, 100)) === 0);
    await client.del('replicated');
    client.disconnect();
    return replica;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it on its port and folder, and waits until it answers to everything unless told otherwise. */
  async restart(
    settings: readonly string[] = [],
    readyWhen = /Ready to accept|monitor master/,
  ): Promise<void> {
    await this.kill();
    // A Sentinel wants the name of its file first.
    const [file, rest] = settings[0]?.endsWith('.conf')
      ? [settings.slice(0, 1), settings.slice(1)]
      : [[], settings];
    const own = ['--port', String(this.port), '--dir', this.folder, '--bind', '127.0.0.1', '--save', ''];
    const child = spawn('redis-server', [...file, ...own, ...rest], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    this.#hasPort = await new Promise<boolean>((resolve, reject) => {
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (readyWhen.test(said)) resolve(true);
        if (said.includes('Address already in use')) resolve(false);
      });
      child.once('exit', () => reject(new Error(`redis-server did not start: ${said}`)));
    });
    child.stdout.removeAllListeners('data').resume();
    child.removeAllListeners('exit');
  }

  /** Asks it one thing, over a connection that nothing else uses at the time. */
  async ask(command: string, ...args: (string | number)[]): Promise<unknown> {
    const client = this.#idle.pop() ?? this.#connect();
    try {
      return await client.call(command, args);
    } finally {
      if (client.status === 'ready') this.#idle.push(client);
      else client.disconnect();
    }
  }

  /** How many connections it has, those that ask aside. */
  async connections(): Promise<number> {
    const list = String(await this.ask('CLIENT', 'LIST', 'TYPE', 'normal'));
    return list.split('\n').filter(line => line !== '' && !line.includes(' name=asks ')).length;
  }

  /** How `ask` signs in from now on. */
  set login(login: RedisOptions) {
    this.#login = login;
    this.#hangUp();
  }

  #connect(): Redis {
    const client = new Redis(this.port, {
      ...this.#login,
      connectionName: 'asks',
      retryStrategy: () => null,
      enableReadyCheck: false,
    });
    return client.on('error', () => undefined); // it comes with the answer, too
  }

  #hangUp(): void {
    for (const client of this.#idle.splice(0)) client.disconnect();
  }

  /** It accepts connections and answers nothing. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    this.#hangUp();
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill();
    running.delete(this);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Outside the range that outgoing connections use, as far as the Cluster's second port (10 000 further) allows. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 10_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>(resolve => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise(resolve => probe.close(resolve));
    return port;
  }
}
