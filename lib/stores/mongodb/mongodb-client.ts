import type * as mongodb from 'mongodb';
import { loadDriver } from '../../store/load-driver.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';

/**
 * How long a command waits for a server or for a connection of the pool, in milliseconds. Twice the default deadline of
 * the module, which answers first. So few commands are carried out late, after their request has been answered.
 */
const QUEUE_MS = 2_000;

/**
 * How long the driver waits for each answer while it connects, and for the check of a server. Two attempts that got no
 * answer keep the pool from opening more connections, so a longer limit keeps sessions away after the server's
 * return. With a shorter one, a busy server that many clients connect to at once would never finish with any of them.
 */
const CONNECT_MS = 2_000;

/**
 * How long a connection may owe the answer to a command. Longer than any request waits by default: a connection is
 * worth keeping when the server, or this process, only stood still for a while.
 */
const ANSWER_MS = 5_000;

/** The driver's own defaults are 30 s or no limit. A limit in the connection string wins over these. */
const LIMITS = {
  serverSelectionTimeoutMS: QUEUE_MS,
  waitQueueTimeoutMS: QUEUE_MS,
  connectTimeoutMS: CONNECT_MS,
  socketTimeoutMS: ANSWER_MS,
  appName: 'nestjs-http-session',
  // Otherwise the driver tries a refused connection twice more, with pauses, while the request waits.
  maxAdaptiveRetries: 0,
};

type Driver = Pick<typeof mongodb, 'MongoClient'>;

/**
 * Makes a client for a connection string, not connected yet. Loads the driver.
 *
 * @throws StoreRefusedError when the driver cannot be loaded, or the connection string cannot be used
 */
export async function makeClient(url: string): Promise<mongodb.MongoClient> {
  const driver = await loadDriver<Driver>('mongodb', 'mongodb', {
    byRequire: () => import('./driver.js'),
    byImport: () => import('mongodb'),
  });
  try {
    return newClient(driver, url);
  } catch (error) {
    const said = withoutSecrets(error, url);
    throw new StoreRefusedError(`[session:mongodb] the "url" cannot be used: ${said.message}`, {
      cause: said,
    });
  }
}

function newClient({ MongoClient }: Driver, url: string): mongodb.MongoClient {
  // An option wins over the connection string, so only those that the string does not name are given.
  const { maxAdaptiveRetries, ...others } = limitsNotIn(url);
  if (maxAdaptiveRetries === undefined) return new MongoClient(url, others);
  try {
    return new MongoClient(url, { ...others, maxAdaptiveRetries });
  } catch {
    return new MongoClient(url, others); // older drivers refuse the option, and do not try again anyway
  }
}

/** What every client of the driver 6 or 7 keeps its options in. */
interface Internals {
  readonly s: { readonly options: { hosts: readonly unknown[]; readonly autoEncryption?: unknown } };
}

/**
 * A new client with the options of one that was given, not connected yet.
 *
 * @throws Error with what to do when the client cannot be copied
 */
export function copyClient(given: mongodb.MongoClient): mongodb.MongoClient {
  try {
    const { options } = (given as unknown as Internals).s;
    if (options.autoEncryption !== undefined) throw new Error('it encrypts fields automatically');
    const Client = given.constructor as typeof mongodb.MongoClient;
    // The driver has no way to copy a client. The address is overwritten along with all other options.
    const copy = new Client('mongodb://localhost');
    Object.assign((copy as unknown as Internals).s.options, options, { hosts: [...options.hosts] });
    return copy;
  } catch (cause) {
    throw new Error(
      '[session:mongodb] the "client" does not answer, and it cannot be copied to find out why. ' +
        'If MongoDB is up, close the client and connect it again, or restart the application.',
      { cause },
    );
  }
}

function limitsNotIn(url: string): Partial<typeof LIMITS> {
  const query = url.slice(url.indexOf('?') + 1).toLowerCase();
  return Object.fromEntries(
    Object.entries(LIMITS).filter(([name]) => !query.includes(`${name.toLowerCase()}=`)),
  );
}

/** The message of the driver may contain the whole connection string, with the password. */
function withoutSecrets(error: unknown, url: string): Error {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof Error && !message.includes(url) ? error : new Error(message.replaceAll(url, 'it'));
}
