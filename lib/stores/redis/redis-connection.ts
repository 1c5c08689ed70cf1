import { setTimeout as after } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Clock, systemClock } from '../../time/clock.js';
import { type Client, isCluster, makeClient } from './redis-client.js';
import { isForbidden, storeErrorOf } from './redis-errors.js';
import type { RedisSessionStoreOptions } from './redis-session-store-options.interface.js';

/** How long the first calls wait for the first connection. Later ones wait for none. */
const FIRST_WAIT_MS = 800;
/** How long start-up waits for the first connection. */
const OPEN_WAIT_MS = 3_000;
/** How long `close` waits for calls that are under way. */
const CLOSE_WAIT_MS = 1_000;
/** When to try again what the driver does not by itself. */
const RETRY_MS = 500;

/** A connection of our own to one Redis or one Cluster. Every error it throws is one that a store may throw. */
export class RedisConnection {
  readonly #options: RedisSessionStoreOptions;
  readonly #clock: Clock;
  #client: Client | undefined;
  /** The first attempt to connect. Never rejects. */
  #attempt: Promise<void> | undefined;
  #firstWait: Promise<void> | undefined;
  /** Why there is no connection. */
  #trouble: unknown;
  /** Redis would not give us our database, and the driver went on with another. */
  #isMisled = false;
  #isClosed = false;
  /** The socket whose commands of this turn wait for each other. */
  #gathering: Redis['stream'] | undefined;

  constructor(options: RedisSessionStoreOptions, clock: Clock = systemClock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Connects. Rejects when that does not succeed soon; it is tried further all the same. */
  async open(): Promise<void> {
    this.#start();
    await within(OPEN_WAIT_MS, this.#attempt);
    this.#ready();
  }

  /** One command; the key it is about, if any, has to be where Redis expects it. */
  call(command: string, args: readonly (string | number)[] = []): Promise<unknown> {
    const client = this.#client;
    const isReady = client?.status === 'ready' && !this.#isMisled;
    return isReady ? this.#send(client, command, args) : this.#callWhenReady(command, args);
  }

  async #callWhenReady(command: string, args: readonly (string | number)[]): Promise<unknown> {
    this.#start();
    await this.#firstWait;
    return this.#send(this.#ready(), command, args);
  }

  #send(client: Client, command: string, args: readonly (string | number)[]): Promise<unknown> {
    try {
      if (!isCluster(client)) this.#gather(client);
      return client.call(command, args as (string | number)[]).catch(failed);
    } catch (error) {
      return Promise.reject(storeErrorOf(error)); // the driver writes to its socket here and now
    }
  }

  /**
   * Commands that come in one turn of the event loop leave together: a write to a socket costs more than what it
   * carries. Nothing waits for others to come.
   */
  #gather({ stream }: Redis): void {
    if (this.#gathering === stream) return;
    this.#gathering = stream;
    stream.cork();
    setImmediate(() => {
      this.#gathering = undefined;
      stream.uncork();
    });
  }

  /** All fields and texts of a hash, alternating. One command. */
  hash(key: string): Promise<readonly string[]> {
    // The driver turns the answer to `hgetall` into an object, which only costs time; to `HGETALL` it does not. But in
    // a command in capitals its older versions do not find the key, and a Cluster and a `keyPrefix` need it: those take
    // the slow way.
    const client = this.#client;
    const isPlain = client !== undefined && !isCluster(client) && !client.options.keyPrefix;
    return isPlain
      ? (this.call('HGETALL', [key]) as Promise<string[]>)
      : this.call('hgetall', [key]).then(alternating);
  }

  /** Every master answers. */
  async ping(): Promise<void> {
    await this.#askMasters('ping');
  }

  /** What every master says of itself; nothing, if we may not ask. */
  async infos(): Promise<readonly string[]> {
    try {
      return await this.#askMasters('info');
    } catch (error) {
      if (isForbidden(error)) return [];
      throw error;
    }
  }

  /** Lets calls that are under way finish, then disconnects. */
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
      this.#trouble ??= error;
    });
    this.#firstWait ??= within(FIRST_WAIT_MS, this.#attempt);
  }

  async #connect(): Promise<void> {
    const client = await makeClient(this.#options, this.#clock);
    if (this.#isClosed) return;
    this.#client = client;
    client.on('error', this.#onTrouble);
    client.on('node error', this.#onTrouble);
    client.on('ready', () => this.#onReady(client));
    client.on('close', () => (this.#isMisled = false));
    client.on('end', () => this.#revive(client));
    client.on('+node', (node: Redis) => this.#warmUp(node));
    await client.connect();
    // The nodes of a Cluster connect when they are first asked something, and refuse what comes until they have.
    if (isCluster(client)) await Promise.all(client.nodes('master').map(node => node.ping()));
  }

  #ready(): Client {
    const isUsable = !this.#isClosed && !this.#isMisled;
    if (this.#client?.status === 'ready' && isUsable) return this.#client;
    if (this.#isClosed) throw new Error('[session:redis] the store is closed.');
    throw storeErrorOf(this.#trouble ?? new Error('not connected to Redis.'));
  }

  readonly #onTrouble = (error: unknown): void => {
    this.#trouble = error;
    const { command } = error as { command?: { name: string } };
    if (command?.name === 'select') this.#isMisled = true;
  };

  #onReady(client: Client): void {
    if (this.#isMisled) setTimeout(() => client.disconnect(true), RETRY_MS).unref();
    else this.#trouble = undefined;
  }

  /** The driver gives up for good when it is disturbed at a bad moment, as by a Sentinel that changes its mind. */
  #revive(client: Client): void {
    if (this.#isClosed) return;
    setTimeout(() => {
      if (!this.#isClosed && client.status === 'end') client.connect().catch(this.#onTrouble);
    }, RETRY_MS).unref();
  }

  /** Connects to a master of a Cluster that just came in sight, unless a call that was redirected to it does. */
  #warmUp(node: Redis): void {
    setImmediate(() => {
      if (node.status === 'wait' && !node.options.readOnly) node.connect().catch(this.#onTrouble);
    });
  }
}

function failed(error: unknown): never {
  throw storeErrorOf(error);
}

/** The driver gives an object, or a list of pairs when the application has taught it so, as its README shows. */
function alternating(reply: unknown): string[] {
  return (Array.isArray(reply) ? reply : Object.entries(reply as object)).flat() as string[];
}

/** Waits for the promise to settle, however it does, but no longer than this. */
async function within(ms: number, promise: Promise<unknown> | undefined): Promise<void> {
  const timer = new AbortController();
  const { signal } = timer;
  await Promise.race(
    [promise, after(ms, undefined, { ref: false, signal })].map(one => one?.catch(() => undefined)),
  );
  timer.abort();
}
