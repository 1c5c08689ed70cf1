/**
 * A client of the package `ioredis`, 5 or 6: a `Redis` (Sentinel included) or a `Cluster`. Only its `duplicate()` is
 * used; what it is connected to, and whether it is connected at all, is left as it is.
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
   * More options for ioredis, which go before what the `url` says: TLS, Sentinels, timeouts. Some have to be what they
   * are and are overwritten (see the README): nothing is queued while Redis is away, and nothing is ever sent twice.
   */
  readonly connection?: Readonly<Record<string, unknown>>;
  /**
   * A client of yours, instead of `url` and `connection`: an ioredis `Redis`, with Sentinels or without, or a
   * `Cluster`. A duplicate of it does the work, with connections of its own, and only the duplicate is closed at the
   * end.
   */
  readonly client?: RedisClientLike;
  /**
   * What the names of all keys begin with. Give every application its own, and let nothing else write below it: whoever
   * chooses the name of another key there chooses a session.
   * @default 'session:'
   */
  readonly prefix?: string;
  /**
   * How many replicas must have a new session, a change or a logout before it counts as done; it fails when they do not
   * within half a second. So what was acknowledged survives a failover to one of them. Costs a second connection and
   * one more round trip per write. Not for a `Cluster`.
   * @default none: a failover may lose what was acknowledged just before
   */
  readonly waitReplicas?: number;
}
