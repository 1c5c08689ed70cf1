/**
 * A client of the package `ioredis`, version 5 or 6: a `Redis` (Sentinel included) or a `Cluster`. The store only calls
 * its `duplicate()`, and does not connect, use or close the client itself.
 *
 * @publicApi
 */
export interface RedisClientLike {
  readonly status: string;
  readonly isCluster: boolean;
  duplicate(...overrides: readonly never[]): object;
  disconnect(): void;
}

/** @publicApi */
export interface RedisSessionStoreOptions {
  /**
   * Where Redis is: `redis://user:password@host:port/database`, `rediss://` for TLS, or the path of a socket.
   * @default 'redis://localhost:6379'
   */
  readonly url?: string;
  /**
   * More options for ioredis: TLS, Sentinels, timeouts. They win over the `url`. The store overwrites some of them (see
   * the README), so that nothing is queued while Redis is away and nothing is sent twice.
   */
  readonly connection?: Readonly<Record<string, unknown>>;
  /**
   * A client of yours, instead of `url` and `connection`: an ioredis `Redis`, with Sentinels or without, or a
   * `Cluster`. The store works with a duplicate, which has connections of its own, and closes only the duplicate.
   */
  readonly client?: RedisClientLike;
  /**
   * The beginning of all key names. Give each application its own prefix, and let nothing else write keys with it: such
   * a key could be read as a session.
   * @default 'session:'
   */
  readonly prefix?: string;
  /**
   * How many replicas must confirm a new session, a change or a logout before it counts as done. The call fails if they
   * do not confirm within half a second. An acknowledged write then survives a failover to one of these replicas. Costs
   * a second connection and one more round trip per write. Does not work with a `Cluster`.
   * @default none: a failover may lose writes that were acknowledged just before it
   */
  readonly waitReplicas?: number;
}
