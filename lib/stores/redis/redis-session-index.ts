import { hashOf } from '../../crypto/hash.js';
import type { SessionIndex } from '../../store/session-store-abilities.interface.js';
import type { RedisConnection } from './redis-connection.js';
import { addScript } from './redis-scripts.js';
import type { ScriptRunner } from './script-runner.js';

/**
 * The sessions of each user: one sorted set per user, whose ids are ranked by their limit. The records are other keys,
 * which may be on other nodes of a Cluster.
 */
export class RedisSessionIndex implements SessionIndex {
  readonly #connection: RedisConnection;
  readonly #scripts: ScriptRunner;
  readonly #prefix: string;

  constructor(connection: RedisConnection, scripts: ScriptRunner, prefix: string) {
    this.#connection = connection;
    this.#scripts = scripts;
    this.#prefix = `${prefix}user:`;
  }

  async add(user: string, id: string, until: number, now: number): Promise<void> {
    await this.#scripts.run(addScript, this.#keyOf(user), [id, until, now]);
  }

  async confirm(user: string, id: string): Promise<boolean> {
    return (await this.#connection.call('zscore', [this.#keyOf(user), id])) !== null;
  }

  async remove(user: string, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#connection.call('zrem', [this.#keyOf(user), ...ids]);
  }

  async list(user: string, now: number): Promise<readonly string[]> {
    return (await this.#connection.call('zrangebyscore', [this.#keyOf(user), `(${now}`, '+inf'])) as string[];
  }

  #keyOf(user: string): string {
    return this.#prefix + hashOf(user);
  }
}
