import { setTimeout as after } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Clock, systemClock } from '../../time/clock.js';
import { type Client, isCluster, makeClient } from './redis-client.js';
import { isForbidden, storeErrorOf } from './redis-errors.js';
import type { RedisSessionStoreOptions } from './redis-session-store-options.interface.js';

/** How long the first calls wait for the first connection. Later calls do not wait for a connection. */
const FIRST_WAIT_MS = 800;
/** How long start-up waits for the first connection. */
const OPEN_WAIT_MS = 3_000;
/** How long `close` waits for calls in flight. */
const CLOSE_WAIT_MS = 1_000;
/** After what time to connect again where the driver has given up. */
const RETRY_MS = 500;

/** A connection of our own to one Redis or one Cluster. It throws only errors that a store may throw. */
export class RedisConnection {
  readonly #options: RedisSessionStoreOptions;
  readonly #clock: Clock;
  #client: Client | undefined;
  /** The first attempt to connect. Never rejects. */
  #attempt: Promise<void> | undefined;
  #firstWait: Promise<void> | undefined;
  /** Why there is no connection. */
  #failure: unknown;
  /** `SELECT` failed, so the driver is connected to the wrong database. */
  #isInWrongDatabase = false;
  #isClosed = false;
  /** The corked socket: it collects the commands of this turn of the event loop. */
  #corked: Redis['stream'] | undefined;

  constructor(options: RedisSessionStoreOptions, clock: Clock = systemClock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Connects. Rejects if that does not succeed soon. The driver goes on trying. */
  async open(): Promise<void> {
    this.#start();
    await within(OPEN_WAIT_MS, this.#attempt);
    this.#ready();
  }

  /** Sends one command. Its key, if it has one, must be where Redis expects it. */
  call(command: string, args: readonly (string | number)[] = []): Promise<unknown> {
    const client = this.#client;
    const isReady = client?.status === 'ready' && !this.#isInWrongDatabase;
    return isReady ? this.#send(client, command, args) : this.#callWhenReady(command, args);
  }

  async #callWhenReady(command: string, args: readonly (string | number)[]): Promise<unknown> {
    this.#start();
    await this.#firstWait;
    return this.#send(this.#ready(), command, args);
  }

  #send(client: Client, command: string, args: readonly (string | number)[]): Promise<unknown> {
    try {
      if (!isCluster(client)) this.#sendTogether(client);
      return client.call(command, args as (string | number)[]).catch(fail);
    } catch (error) {
      return Promise.reject(storeErrorOf(error)); // the driver writes to its socket synchronously
    }
  }

  /**
   * Sends the commands of one turn of the event loop in one write, because a write costs more than the bytes it
   * carries. No command waits for a later turn.
   */
  #sendTogether({ stream }: Redis): void {
    if (this.#corked === stream) return;
    this.#corked = stream;
    stream.cork();
    setImmediate(() => {
      this.#corked = undefined;
      stream.uncork();
    });
  }

  /** Reads all fields and texts of a hash, alternating, with one command. */
  hash(key: string): Promise<readonly string[]> {
    // The driver turns the answer to `hgetall` into an object, which costs time. It does not do that for `HGETALL`. But
    // its older versions do not find the key of a command in capitals, and a Cluster and a `keyPrefix` need the key. So
    // these two use the slow command.
    const client = this.#client;
    const isPlain = client !== undefined && !isCluster(client) && !client.options.keyPrefix;
    return isPlain
      ? (this.call('HGETALL', [key]) as Promise<string[]>)
      : this.call('hgetall', [key]).then(flatten);
  }

  /** Resolves when every master answers. */
  async ping(): Promise<void> {
    await this.#askMasters('ping');
  }

  /** The `INFO` of every master; an empty list if the user may not ask. */
  async infos(): Promise<readonly string[]> {
    try {
      return await this.#askMasters('info');
    } catch (error) {
      if (isForbidden(error)) return [];
      throw error;
    }
  }

  /** Lets calls in flight finish, then disconnects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const client = this.#client;
    if (client?.status === 'ready') await within(CLOSE_WAIT_MS, client.quit());
    if (client !== undefined && client.status !== 'end') client.disconnect();
  }

  async #askMasters(command: 'ping' | 'info'): Promise<readonly string[]> {
    const client = this.#client;
    if (client === undefined || !isCluster(client)) return [(await this.call(command)) as string];
    this.#ready();
    try {
      return await Promise.all(client.nodes('master').map(node => node[command]()));
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  #start(): void {
    this.#attempt ??= this.#connect().catch((error: unknown) => {
      this.#failure ??= error;
    });
    this.#firstWait ??= within(FIRST_WAIT_MS, this.#attempt);
  }

  async #connect(): Promise<void> {
    const client = await makeClient(this.#options, this.#clock);
    if (this.#isClosed) return;
    this.#client = client;
    client.on('error', this.#rememberFailure);
    client.on('node error', this.#rememberFailure);
    client.on('ready', () => this.#onReady(client));
    client.on('close', () => (this.#isInWrongDatabase = false));
    client.on('end', () => this.#connectAgain(client));
    client.on('+node', (node: Redis) => this.#connectNode(node));
    await client.connect();
    // A node of a Cluster connects at its first command and refuses others until it has connected.
    if (isCluster(client)) await Promise.all(client.nodes('master').map(node => node.ping()));
  }

  #ready(): Client {
    const isUsable = !this.#isClosed && !this.#isInWrongDatabase;
    if (this.#client?.status === 'ready' && isUsable) return this.#client;
    if (this.#isClosed) throw new Error('[session:redis] the store is closed.');
    throw storeErrorOf(this.#failure ?? new Error('not connected to Redis.'));
  }

  readonly #rememberFailure = (error: unknown): void => {
    this.#failure = error;
    const { command } = error as { command?: { name: string } };
    if (command?.name === 'select') this.#isInWrongDatabase = true;
  };

  #onReady(client: Client): void {
    if (this.#isInWrongDatabase) setTimeout(() => client.disconnect(true), RETRY_MS).unref();
    else this.#failure = undefined;
  }

  /** Connects again when the driver has given up for good, for example because a Sentinel changed its answer. */
  #connectAgain(client: Client): void {
    if (this.#isClosed) return;
    setTimeout(() => {
      if (!this.#isClosed && client.status === 'end') client.connect().catch(this.#rememberFailure);
    }, RETRY_MS).unref();
  }

  /** Connects to a new master of a Cluster, unless a call that was redirected to it does so already. */
  #connectNode(node: Redis): void {
    setImmediate(() => {
      if (node.status === 'wait' && !node.options.readOnly) node.connect().catch(this.#rememberFailure);
    });
  }
}

function fail(error: unknown): never {
  throw storeErrorOf(error);
}

/** Flattens an object, or a list of pairs: applications may change the driver's reply, as its README shows. */
function flatten(reply: unknown): string[] {
  return (Array.isArray(reply) ? reply : Object.entries(reply as object)).flat() as string[];
}

/** Waits until the promise has settled, in either way, or the time is over. */
async function within(ms: number, promise: Promise<unknown> | undefined): Promise<void> {
  const timer = new AbortController();
  const { signal } = timer;
  await Promise.race(
    [promise, after(ms, undefined, { ref: false, signal })].map(one => one?.catch(() => undefined)),
  );
  timer.abort();
}
