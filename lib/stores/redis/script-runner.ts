import type { RedisConnection } from './redis-connection.js';
import { isUnknownScript } from './redis-errors.js';
import type { RedisScript } from './redis-scripts.js';

/**
 * How long replicas have to confirm a write. Less than the deadline of the module, so that the error names the cause.
 */
const REPLICAS_MS = 500;

/** Runs scripts, each on one key. If `replicas` is given, waits until so many replicas have what a script wrote. */
export class ScriptRunner {
  readonly #connection: RedisConnection;
  readonly #replicas: number | undefined;
  #confirmation: Promise<unknown> | undefined;

  constructor(connection: RedisConnection, replicas?: number) {
    this.#connection = connection;
    this.#replicas = replicas;
  }

  /** Runs a script and returns its answer. The answer 0 means that it wrote nothing. */
  run(script: RedisScript, key: string, args: readonly (string | number)[]): Promise<unknown> {
    const reply = this.#evaluate(script, key, args);
    const replicas = this.#replicas;
    if (replicas === undefined) return reply;
    return reply.then(async said => {
      if (said !== 0) await this.#waitForReplicas(replicas);
      return said;
    });
  }

  /**
   * Sends the hash of a script, and its source only if Redis does not know it: the first time, after `SCRIPT FLUSH`,
   * and on a server that has just become the master. Redis has run nothing then, so nothing runs twice.
   */
  #evaluate(script: RedisScript, key: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.call('evalsha', [script.hash, 1, key, ...args]).catch((error: unknown) => {
      if (!isUnknownScript(error)) throw error;
      return this.#connection.call('eval', [script.source, 1, key, ...args]);
    });
  }

  /**
   * `WAIT` covers all earlier writes of the same connection. It is sent in the turn in which the write was answered, so
   * it cannot go through a newer connection: if the connection is gone, the call fails.
   */
  async #waitForReplicas(replicas: number): Promise<void> {
    this.#confirmation ??= new Promise(resolve => {
      // One `WAIT` serves all writes that were answered in the same turn.
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
