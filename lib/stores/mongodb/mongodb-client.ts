import type * as mongodb from 'mongodb';
import { StoreRefusedError } from '../../store/store-refused.error.js';

/**
 * How long a call waits for a server or for a connection of the pool, in milliseconds: twice the default deadline of
 * the module, which answers first. So little waits behind requests that have their answer, to be carried out late.
 */
const QUEUE_MS = 2_000;

/**
 * How long the driver waits for bytes. Longer than anybody waits for an answer: when it is over the connection is given
 * up, and it is better kept where the server, or this process, only stood still for a while.
 */
const WIRE_MS = 5_000;

/** Instead of the driver's defaults, which are 30 s or no limit at all. What the connection string says stands. */
const LIMITS = {
  serverSelectionTimeoutMS: QUEUE_MS,
  waitQueueTimeoutMS: QUEUE_MS,
  connectTimeoutMS: WIRE_MS,
  socketTimeoutMS: WIRE_MS,
  appName: 'nestjs-http-session',
  // A connection that is refused would be tried again after a pause, and once more, while the request waits.
  maxAdaptiveRetries: 0,
};

/**
 * A client of our own, not connected yet. The driver is loaded here and nowhere else.
 *
 * @throws StoreRefusedError when the driver is not installed, or the connection string cannot be used
 */
export async function makeClient(url: string): Promise<mongodb.MongoClient> {
  const driver = await importDriver();
  try {
    return newClient(driver, url);
  } catch (error) {
    const said = withoutSecrets(error, url);
    throw new StoreRefusedError(`[session:mongodb] the "url" cannot be used: ${said.message}`, {
      cause: said,
    });
  }
}

function newClient({ MongoClient }: typeof mongodb, url: string): mongodb.MongoClient {
  // Options that are given beside a connection string would win over it.
  const { maxAdaptiveRetries, ...others } = unnamedIn(url);
  if (maxAdaptiveRetries === undefined) return new MongoClient(url, others);
  try {
    return new MongoClient(url, { ...others, maxAdaptiveRetries });
  } catch {
    return new MongoClient(url, others); // older drivers refuse an option that they do not know, and try nothing again
  }
}

async function importDriver(): Promise<typeof mongodb> {
  try {
    return await import('mongodb');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isMissing = /^(?:ERR_)?MODULE_NOT_FOUND$/.test(code ?? '') && /['"]mongodb['"]/.test(message);
    if (!isMissing) throw error;
    throw new StoreRefusedError(
      '[session:mongodb] the driver "mongodb" is not installed. Run: npm install mongodb',
      { cause: error },
    );
  }
}

function unnamedIn(url: string): Partial<typeof LIMITS> {
  const query = url.slice(url.indexOf('?') + 1).toLowerCase();
  return Object.fromEntries(
    Object.entries(LIMITS).filter(([name]) => !query.includes(`${name.toLowerCase()}=`)),
  );
}

/** The driver repeats a connection string that it cannot read, password included. */
function withoutSecrets(error: unknown, url: string): Error {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof Error && !message.includes(url) ? error : new Error(message.replaceAll(url, 'it'));
}
