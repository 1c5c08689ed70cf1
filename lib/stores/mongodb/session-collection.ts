import type { Collection, CollectionOptions, Db, MongoClient } from 'mongodb';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { setUpCollection } from './collection-set-up.js';
import { withDeadline } from '../../time/with-deadline.js';
import { ClientWatch } from './client-watch.js';
import { copyClient, makeClient } from './mongodb-client.js';
import { storeErrorOf } from './mongodb-errors.js';
import type {
  MongoCollectionLike,
  MongoSessionStoreOptions,
} from './mongodb-session-store-options.interface.js';
import type { StoredDocument } from './session-document.js';

/** The collection and what commands need of it. */
export interface SessionDocuments {
  readonly db: Db;
  /** Writes are acknowledged by a majority. */
  readonly collection: Collection<StoredDocument>;
  /** For updates and touches: the same, unless the given client, database or collection has a write concern. */
  readonly forUpdates: Collection<StoredDocument>;
  /** Options of every command. */
  readonly bounds: { readonly maxTimeMS: number };
}

/**
 * How long a write waits for the majority, in milliseconds. Less than the deadline of the module, because a missed
 * deadline makes reads fail for a second as well.
 */
const MAJORITY_MS = 800;

/** How long the start waits for the connection, and for the set-up. A client that was given may have no limits. */
const OPEN_MS = 3_000;

/** How long `close()` waits for the driver. */
const CLOSE_MS = 500;

/** How long the server may work on a command if the client has no limit for answers. No caller waits that long. */
const MAX_TIME_MS = 5_000;

/** The connection to MongoDB. */
type Connection =
  | { readonly is: 'none' }
  | { readonly is: 'connecting'; readonly documents: Promise<SessionDocuments> }
  | {
      readonly is: 'connected';
      readonly used: UsedClient;
      readonly documents: SessionDocuments;
      readonly watch: ClientWatch;
    }
  | { readonly is: 'closed' };

/** The set-up of the collection. A refusal leaves sessions working and the collection not as it should be. */
type SetUp = 'due' | 'running' | 'done' | StoreRefusedError;

interface UsedClient {
  readonly client: MongoClient;
  /** Whether this store made the client and closes it. */
  readonly isOurs: boolean;
}

/** Where the documents are: finds or makes the client, connects it, sets the collection up once, and runs commands. */
export class SessionCollection {
  #connection: Connection = { is: 'none' };
  #setUp: SetUp = 'due';
  #client: Promise<UsedClient> | undefined;

  constructor(readonly options: MongoSessionStoreOptions) {}

  /**
   * Connects and sets the collection up, each within a limit.
   *
   * @returns warnings
   * @throws StoreRefusedError
   */
  async open(): Promise<readonly string[]> {
    const documents = await inTime(this.#connect());
    const warnings = await inTime(setUpCollection(documents));
    this.#setUp = 'done';
    return warnings;
  }

  /**
   * Runs commands, connected.
   *
   * @throws what a store may throw
   */
  run<T>(commands: (documents: SessionDocuments) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    if (connection.is !== 'connected') return this.#connect().then(() => this.run(commands), fail);
    if (this.#setUp === 'due') this.#setUpInBackground(connection.documents);
    return commands(connection.documents).catch(fail);
  }

  /** @throws StoreRefusedError when the set-up was refused after the start */
  assertSetUp(): void {
    if (this.#setUp instanceof StoreRefusedError) throw this.#setUp;
  }

  /** Closes the client if it is ours. A connection that is being made is closed as well. */
  async close(): Promise<void> {
    const connection = this.#connection;
    if (connection.is === 'connected') await connection.watch.stop();
    const isOurs = connection.is === 'connected' ? connection.used.isOurs : !isClientGiven(this.options);
    if (!isOurs) return;
    this.#connection = { is: 'closed' };
    // If the client could not be made, the caller that asked for it was told.
    const used = await this.#client?.catch(() => undefined);
    if (used) await closeClient(used.client);
  }

  #connect(): Promise<SessionDocuments> {
    const connection = this.#connection;
    if (connection.is === 'connected') return Promise.resolve(connection.documents);
    if (connection.is === 'connecting') return connection.documents;
    if (connection.is === 'closed') return Promise.reject(closedError());
    const documents = this.#connectNow();
    const connecting: Connection = { is: 'connecting', documents };
    this.#connection = connecting;
    documents.catch(() => {
      if (this.#connection === connecting) this.#connection = { is: 'none' }; // the next command tries again
    });
    return documents;
  }

  async #connectNow(): Promise<SessionDocuments> {
    this.#client ??= findClient(this.options);
    const used = await this.#client;
    this.#assertOpen();
    // The driver does not do this itself: a client whose first connection failed refuses everything until it is told
    // to connect again.
    await used.client.connect();
    if (this.#connection.is === 'closed') await closeClient(used.client);
    this.#assertOpen();
    return this.#use(used);
  }

  #use(used: UsedClient): SessionDocuments {
    const documents = documentsOf(used.client, this.options);
    const watch = new ClientWatch(used.client, {
      makeSpare: () =>
        isClientGiven(this.options)
          ? Promise.resolve(copyClient(used.client))
          : makeClient(urlOf(this.options)),
      replaceBy: spare => this.#replace(used, spare),
      warn: reason => process.emitWarning(reason.message),
    });
    this.#client = Promise.resolve(used);
    this.#connection = { is: 'connected', used, documents, watch };
    return documents;
  }

  #replace({ client, isOurs }: UsedClient, spare: MongoClient): void {
    this.#use({ client: spare, isOurs: true });
    if (isOurs) {
      // Rejects the commands that wait in it, so no caller waits for its deadline. Its failure to close changes
      // nothing.
      client.close(true).catch(() => undefined);
      return;
    }
    process.emitWarning(
      '[session:mongodb] the "client" no longer reaches MongoDB, although a new client with the same options does. ' +
        'Sessions use the new client from now on. Close the old one and connect it again, or restart the application: ' +
        'everything else that uses the old one waits in vain.',
    );
  }

  #assertOpen(): void {
    if (this.#connection.is === 'closed') throw closedError();
  }

  /** The database did not answer at the start, or the store was never opened. Sessions do not wait for the set-up. */
  #setUpInBackground(documents: SessionDocuments): void {
    this.#setUp = 'running';
    setUpCollection(documents).then(
      warnings => {
        this.#setUp = 'done';
        for (const warning of warnings) process.emitWarning(warning);
      },
      (error: unknown) => {
        const problem = storeErrorOf(error);
        const isRefused = problem instanceof StoreRefusedError;
        this.#setUp = isRefused ? problem : 'due'; // if it is due, the next command tries again
        if (isRefused) process.emitWarning(problem.message);
      },
    );
  }
}

function fail(error: unknown): never {
  throw storeErrorOf(error);
}

function closedError(): Error {
  return new Error('[session:mongodb] the store is closed');
}

function isClientGiven({ client, collection }: MongoSessionStoreOptions): boolean {
  return client !== undefined || isCollection(collection);
}

function urlOf({ url = 'mongodb://localhost:27017' }: MongoSessionStoreOptions): string {
  return url;
}

async function findClient(options: MongoSessionStoreOptions): Promise<UsedClient> {
  const { client, collection } = options;
  if (isCollection(collection)) return { client: clientOf(collection), isOurs: false };
  if (client !== undefined) return { client: client as MongoClient, isOurs: false };
  return { client: await makeClient(urlOf(options)), isOurs: true };
}

function inTime<T>(promise: Promise<T>): Promise<T> {
  return withDeadline(
    promise,
    OPEN_MS,
    () => new Error(`[session:mongodb] MongoDB did not answer within ${OPEN_MS} ms`),
  );
}

/** The driver may first wait for a server that stands still, to end its sessions there. It closes after that. */
async function closeClient(client: MongoClient): Promise<void> {
  const isSlow = new Error('the client is still closing');
  await withDeadline(client.close(true), CLOSE_MS, () => isSlow).catch((error: unknown) => {
    if (error !== isSlow) throw error;
  });
}

export function isCollection(collection: unknown): collection is MongoCollectionLike {
  return typeof collection === 'object' && collection !== null;
}

/** The client of a collection. Every version of the driver has it there, but only newer ones have it in their types. */
function clientOf(collection: MongoCollectionLike): MongoClient {
  const { client, db } = collection as { client?: MongoClient; db?: { client?: MongoClient } };
  const found = db?.client ?? client;
  if (found) return found;
  throw new StoreRefusedError(
    '[session:mongodb] "collection" has no client. Give the client as "client", and the name of the collection.',
  );
}

function documentsOf(client: MongoClient, options: MongoSessionStoreOptions): SessionDocuments {
  const { collection: given = 'sessions', database } = options;
  const db = client.db(isCollection(given) ? given.dbName : database);
  const name = isCollection(given) ? given.collectionName : given;
  const asked = isCollection(given) ? (given as Collection).writeConcern : db.writeConcern;
  const wtimeoutMS = asked?.wtimeoutMS ?? MAJORITY_MS;
  const journal = asked?.journal === undefined ? {} : { journal: asked.journal };
  const acknowledgedBy = (w: string | number) =>
    db.collection<StoredDocument>(name, {
      ...OURS,
      writeConcern: { w: w as 'majority', wtimeoutMS, ...journal },
    });
  return {
    db,
    collection: acknowledgedBy('majority'),
    // Without an acknowledgement (0) the store could not tell that a session is gone.
    forUpdates: acknowledgedBy(asked?.w === undefined || asked.w === 0 ? 'majority' : asked.w),
    bounds: { maxTimeMS: client.options.socketTimeoutMS || MAX_TIME_MS },
  };
}

/**
 * These win over the defaults of a given client. Reads go to the primary, so a session that just ended reads as ended.
 * Documents are plain objects with plain values. Bytes that are not UTF-8 make one value broken, not the read fail.
 */
const OURS: CollectionOptions = {
  readPreference: 'primary',
  readConcern: { level: 'local' },
  raw: false,
  useBigInt64: false,
  promoteLongs: true,
  promoteValues: true,
  promoteBuffers: false,
  fieldsAsRaw: {},
  enableUtf8Validation: false,
};
