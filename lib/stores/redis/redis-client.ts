import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { loadDriver } from '../../store/load-driver.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import type { Clock } from '../../time/clock.js';
import { isReadOnly } from './redis-errors.js';
import type { RedisSessionStoreOptions } from './redis-session-store-options.interface.js';

/** The longest pause between two attempts to connect: sessions work again soon after Redis is back. */
const LONGEST_PAUSE_MS = 500;
/** How long an attempt to connect may take. */
const CONNECT_MS = 1_000;
/**
 * A connection that owes an answer and delivers nothing for this long is given up: the server behind it may be gone.
 * Longer than the default deadline of the module, and short enough to be back within two seconds of the server's
 * return.
 */
const SILENCE_MS = 1_250;
/** How often a READONLY error may make the driver look for the master again. */
const REDIRECT_MS = 1_000;

export type Client = Redis | Cluster;

/**
 * Makes a client of our own, not connected yet. It queues no call while Redis is away and sends no call twice.
 *
 * @throws StoreRefusedError when ioredis cannot be loaded, or cannot be used with these options
 */
export async function makeClient(options: RedisSessionStoreOptions, clock: Clock): Promise<Client> {
  const source = (options.client as Client | undefined) ?? (await newClient(options));
  if (!isCluster(source)) {
    // The driver would reject a promise that cannot be caught, and go on in another database.
    if (!Number.isInteger(source.options.db)) {
      throw new StoreRefusedError(
        '[session:redis] the database in the "url" is not a number; write redis://localhost:6379/1.',
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
    // The options go to the duplicate, because an address wins over options given with it, even with its default port.
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
    byRequire: () => import('./driver.js'),
    byImport: () => import('ioredis'),
  });
  // Before 5.3 the class has no name, it is what the package exports.
  return driver.Redis ?? (driver.default as typeof Redis);
}

const pause = (attempt: number): number => Math.min(attempt * 50, LONGEST_PAUSE_MS);

/** The options of every connection, those to the nodes of a Cluster included. */
function nodeRules(given: RedisOptions | undefined, clock: Clock): RedisOptions {
  let redirectedAt = -Infinity;
  return {
    autoResendUnfulfilledCommands: false,
    // Zero: calls in flight fail at once when the connection breaks. Otherwise they would never settle.
    maxRetriesPerRequest: 0,
    // `true` connects again and sends nothing again. A master that became a replica keeps its connections open.
    reconnectOnError(error) {
      if (!isReadOnly(error) || Math.abs(clock.now() - redirectedAt) < REDIRECT_MS) return false;
      redirectedAt = clock.now();
      return true;
    },
    connectTimeout: Math.min(given?.connectTimeout ?? CONNECT_MS, CONNECT_MS),
    socketTimeout: given?.socketTimeout ?? SILENCE_MS,
    disconnectTimeout: LONGEST_PAUSE_MS,
    maxLoadingRetryTime: LONGEST_PAUSE_MS,
    // The module has the deadline. The driver's would not stop the call either.
    commandTimeout: undefined,
    enableAutoPipelining: false,
    // These decide the shape of the answers.
    protocol: 2,
    replyMapping: 'legacy',
    stringNumbers: false,
    monitor: false,
  };
}

const singleRules: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  // A server is ready when it has loaded its data, and with Sentinels when it is the master.
  enableReadyCheck: true,
  retryStrategy: pause,
  // A replica lags behind: it would show a session that has ended.
  role: 'master',
  readOnly: false,
  // Leaves an old master as soon as the Sentinels say so. For ten more seconds it would accept writes and lose them.
  failoverDetector: true,
  sentinelRetryStrategy: pause,
  sentinelCommandTimeout: CONNECT_MS,
};

const clusterRules: ClusterOptions = {
  lazyConnect: true,
  // The store sends nothing to a Cluster that is not ready. So the queue only holds calls that are redirected to a node
  // without a connection. They wait as long as an attempt to connect takes. Without the queue they would fail.
  enableOfflineQueue: true,
  clusterRetryStrategy: pause,
  // A lost node is found again through the other nodes. Until then nothing is sent to it.
  clusterNodeRetryStrategy: null,
  scaleReads: 'master',
  // A node has not run what it redirects, so following MOVED and ASK sends nothing twice. Nothing else is sent again.
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  retryDelayOnMoved: 0,
  enableAutoPipelining: false,
};
