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

// Each test file starts its own servers, and stops them at the end.
afterAll(() => Promise.all([...running].map(server => server.stop())));
process.on('exit', () => {
  for (const server of running) void server.kill();
});

/** Tests that start servers. Without `redis-server` they are skipped, with one line of output; in CI they fail. */
export function describeWithRedis(name: string, tests: () => void): void {
  describeIf(hasBinary, name, HOW_TO_GET_IT, tests);
}

/** Tests that can use any Redis: the one at `REDIS_URL`, otherwise one that they start. */
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

/** The address of a Redis for tests that change none of its settings. A test file uses one, and deletes its keys. */
export async function anyRedisUrl(): Promise<string> {
  return process.env.REDIS_URL ?? (await (anyServer ??= RedisServer.start())).url;
}

/** A `redis-server` for these tests, with its own process, port and folder. */
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
   * Starts a server without persistence. The settings are those of redis.conf, such as `['--maxmemory', '10mb']`, or a
   * function that makes them from the folder.
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
      await server.stop(); // another process has taken the port
    }
  }

  /** Starts a replica of this server, and waits until it confirms the writes of this server. */
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

  /** Starts the server with the same port and folder, and waits until its log matches `readyWhen`. */
  async restart(
    settings: readonly string[] = [],
    readyWhen = /Ready to accept|monitor master/,
  ): Promise<void> {
    await this.kill();
    // For a Sentinel the name of its file has to come first.
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

  /** Sends one command, over a connection that no other call uses at the same time. */
  async ask(command: string, ...args: (string | number)[]): Promise<unknown> {
    const client = this.#idle.pop() ?? this.#connect();
    try {
      return await client.call(command, args);
    } finally {
      if (client.status === 'ready') this.#idle.push(client);
      else client.disconnect();
    }
  }

  /** The number of its connections, without those of `ask`. */
  async connections(): Promise<number> {
    const list = String(await this.ask('CLIENT', 'LIST', 'TYPE', 'normal'));
    return list.split('\n').filter(line => line !== '' && !line.includes(' name=asks ')).length;
  }

  /** The credentials that `ask` uses from now on. */
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
    return client.on('error', () => undefined); // the command rejects with the same error
  }

  #hangUp(): void {
    for (const client of this.#idle.splice(0)) client.disconnect();
  }

  /** Stops the process: the kernel still accepts connections, but nothing is answered. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Ends the process without a shutdown, like a crash. */
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

/** A port below the range of outgoing connections, and so low that the Cluster's second port (+10 000) is valid. */
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
