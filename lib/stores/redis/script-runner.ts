import type { RedisConnection } from './redis-connection.js';
import { isUnknownScript } from './redis-errors.js';
import type { RedisScript } from './redis-scripts.js';

/** How long replicas have to confirm a write. Less than the module's deadline, so that the error tells the cause. */
const REPLICAS_MS = 500;

/** Runs scripts, each on one key, and waits for the replicas to have what they wrote when that is asked for. */
export class ScriptRunner {
  readonly #connection: RedisConnection;
  readonly #replicas: number | undefined;
  #confirmation: Promise<unknown> | undefined;

  constructor(connection: RedisConnection, replicas?: number) {
    this.#connection = connection;
    this.#replicas = replicas;
  }

  /** What the script answers; 0 means that it wrote nothing. */
  run(script: RedisScript, key: string, args: readonly (string | number)[]): Promise<unknown> {
    const reply = this.#evaluate(script, key, args);
    const replicas = this.#replicas;
    if (replicas === undefined) return reply;
    return reply.then(async said => {
      if (said !== 0) await this.#confirmed(replicas);
      return said;
    });
  }

  /**
   * A script is sent in full only when Redis does not know it: the first time, after `SCRIPT FLUSH`, on a server that
   * has just become the master. Redis has run nothing then, so this runs nothing twice.
   */
  #evaluate(script: RedisScript, key: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.call('evalsha', [script.hash, 1, key, ...args]).catch((error: unknown) => {
      if (!isUnknownScript(error)) throw error;
      return this.#connection.call('eval', [script.source, 1, key, ...args]);
    });
  }

  /**
   * WAIT speaks of all that came before it through the same connection. It is sent in the turn in which the write was
   * answered: there is no other connection by then, if this one is gone the call fails.
   */
  async #confirmed(replicas: number): Promise<void> {
    this.#confirmation ??= new Promise(resolve => {
      // Writes whose answers came together are confirmed together.
      setImmediate(() => {
        this.#confirmation = undefined;
        resolve(this.#connection.call('wait', [replicas, REPLICAS_MS]));
      });
    });
    const confirmed = Number(await this.#confirmation);
    if (confirmed >= replicas) return;
    throw new Error(
      `[session:redis] ${confirmed} of ${replicas} replicas confirmed the write within ${REPLICAS_MS} ms ("waitReplicas").`,
    );
  }
}
