import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { loadDriver } from '../../store/load-driver.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import type { Clock } from '../../time/clock.js';
import { isReadOnly } from './redis-errors.js';
import type { RedisSessionStoreOptions } from './redis-session-store-options.interface.js';

/** The longest pause between two attempts to connect, so that we are back soon after Redis is. */
const LONGEST_PAUSE_MS = 500;
/** How long an attempt to connect may take. */
const CONNECT_MS = 1_000;
/**
 * A connection that owes an answer and delivers nothing for this long is given up: the server behind it may be gone.
 * Longer than the default deadline of the module, and short enough to be back within two seconds of the server's
 * return.
 */
const SILENCE_MS = 1_250;
/** How often READONLY may make us look for the master again. */
const REDIRECT_MS = 1_000;

export type Client = Redis | Cluster;

/**
 * A client of our own that has not connected yet: no call waits for a Redis that is away, and none is sent twice.
 *
 * @throws StoreRefusedError when ioredis cannot be loaded, or cannot be used with these options
 */
export async function makeClient(options: RedisSessionStoreOptions, clock: Clock): Promise<Client> {
  const source = (options.client as Client | undefined) ?? (await newClient(options));
  if (!isCluster(source)) {
    // The driver would report it in a promise that nobody can catch, and go on in another database.
    if (!Number.isInteger(source.options.db)) {
      throw new StoreRefusedError(
        '[session:redis] the database is no number: write redis://localhost:6379/1.',
      );
    }
    return source.duplicate({ ...singleRules, ...nodeRules(source.options, clock) });
  }
  return source.duplicate([], {
    ...clusterRules,
    redisOptions: nodeRules(source.options.redisOptions, clock),
  });
}

export function isCluster(client: Client): client is Cluster {
  return client.isCluster;
}

async function newClient({
  url = 'redis://localhost:6379',
  connection,
}: RedisSessionStoreOptions): Promise<Redis> {
  const Redis = await importRedis();
  try {
    // By the duplicate, because what is given beside an address loses to it, to its default port even.
    return new Redis(url, { lazyConnect: true }).duplicate({ ...connection, lazyConnect: true });
  } catch (cause) {
    const remedy = 'percent-encode the user name and the password, as encodeURIComponent() does';
    throw new StoreRefusedError(`[session:redis] the "url" cannot be used: ${remedy}.`, { cause });
  }
}

interface Driver {
  readonly Redis?: typeof Redis;
  readonly default: unknown;
}

async function importRedis(): Promise<typeof Redis> {
  const driver = await loadDriver<Driver>('redis', 'ioredis', {
    require: () => import('./driver.js'),
    import: () => import('ioredis'),
  });
  // Before 5.3 the class has no name, it is what the package exports.
  return driver.Redis ?? (driver.default as typeof Redis);
}

const pause = (attempt: number): number => Math.min(attempt * 50, LONGEST_PAUSE_MS);

/** What is true of every connection, that to a node of a Cluster included. */
function nodeRules(given: RedisOptions | undefined, clock: Clock): RedisOptions {
  let redirectedAt = -Infinity;
  return {
    autoResendUnfulfilledCommands: false,
    // Zero: what was under way fails at once when the connection breaks. Nobody else would settle it.
    maxRetriesPerRequest: 0,
    // `true` connects anew without sending anything again. A master that became a replica keeps its connections.
    reconnectOnError(error) {
      if (!isReadOnly(error) || Math.abs(clock.now() - redirectedAt) < REDIRECT_MS) return false;
      redirectedAt = clock.now();
      return true;
    },
    connectTimeout: Math.min(given?.connectTimeout ?? CONNECT_MS, CONNECT_MS),
    socketTimeout: given?.socketTimeout ?? SILENCE_MS,
    disconnectTimeout: LONGEST_PAUSE_MS,
    maxLoadingRetryTime: LONGEST_PAUSE_MS,
    // The deadline of a call is the module's. One of the driver's would leave the call under way all the same.
    commandTimeout: undefined,
    enableAutoPipelining: false,
    // The shape of the answers.
    protocol: 2,
    replyMapping: 'legacy',
    stringNumbers: false,
    monitor: false,
  };
}

const singleRules: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  // Ready is who has the data, and with Sentinels who is the master.
  enableReadyCheck: true,
  retryStrategy: pause,
  // A replica is behind: it would show a session that has ended.
  role: 'master',
  readOnly: false,
  // Told by the Sentinels, we leave an old master at once. It would take writes, and lose them, for ten seconds more.
  failoverDetector: true,
  sentinelRetryStrategy: pause,
  sentinelCommandTimeout: CONNECT_MS,
};

const clusterRules: ClusterOptions = {
  lazyConnect: true,
  // Nothing is asked of a Cluster that is not ready. A call that is redirected to a node we have no connection to yet
  // waits for that one, as long as an attempt to connect takes; without this it would fail.
  enableOfflineQueue: true,
  clusterRetryStrategy: pause,
  // A node that is lost is found again through the others, and is asked nothing meanwhile.
  clusterNodeRetryStrategy: null,
  scaleReads: 'master',
  // What a node redirects it has not run, so following MOVED and ASK sends nothing twice. All else is not sent again.
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  retryDelayOnMoved: 0,
  enableAutoPipelining: false,
};
