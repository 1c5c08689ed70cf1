import type { Collection, CollectionOptions, Db, MongoClient } from 'mongodb';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { setUpCollection } from './collection-set-up.js';
import { makeClient } from './mongodb-client.js';
import { storeErrorOf } from './mongodb-errors.js';
import type {
  MongoCollectionLike,
  MongoSessionStoreOptions,
} from './mongo-session-store-options.interface.js';
import type { StoredDocument } from './session-document.js';

/** The collection, ready for use. */
export interface SessionDocuments {
  readonly db: Db;
  /** Writes are acknowledged by a majority. */
  readonly collection: Collection<StoredDocument>;
  /** For updates and touches: the same, unless the user's client, database or collection asks for something else. */
  readonly forUpdates: Collection<StoredDocument>;
  /** What every command carries. */
  readonly bounds: { readonly maxTimeMS: number };
}

/** How long a write waits for the majority: less than the module's deadline, which would stop reads as well. */
const MAJORITY_MS = 800;

/** How long the start waits for the connection, and for the collection. A client of the user might wait for ever. */
const OPEN_MS = 3_000;

/** How long the server works on a command when the client sets no limit for replies: nobody waits that long. */
const MAX_TIME_MS = 5_000;

/** Where the documents are: finds or makes the client, connects it, and sets the collection up once. */
export class SessionCollection {
  /** Set when nothing is left to be done before a command. */
  ready: SessionDocuments | undefined;
  /** Why the collection is not as it should be, though sessions work. */
  #refusal: StoreRefusedError | undefined;
  #documents: SessionDocuments | undefined;
  #client: Promise<MongoClient> | undefined;
  #isConnected = false;
  #isSettingUp = false;
  #isClosed = false;

  constructor(readonly options: MongoSessionStoreOptions) {}

  /** Connects and sets up, while the caller waits, but not for long. @returns warnings @throws StoreRefusedError */
  async open(): Promise<readonly string[]> {
    const documents = await inTime(this.#connect());
    const warnings = await inTime(setUpCollection(documents));
    this.ready = documents;
    return warnings;
  }

  /** The collection for a command, when it is not `ready`. */
  async reach(): Promise<SessionDocuments> {
    const documents = await this.#connect();
    this.#setUpBeside(documents);
    return documents;
  }

  /** @throws StoreRefusedError when setting up was refused after the start */
  assertSetUp(): void {
    if (this.#refusal) throw this.#refusal;
  }

  /** Closes the client if it is ours, a connection that is just being made included. */
  async close(): Promise<void> {
    if (!this.#isOwnClient()) return;
    this.#isClosed = true;
    this.ready = undefined;
    // What kept the client from being made was reported to whoever asked for it.
    const client = await this.#client?.catch(() => undefined);
    await client?.close(true);
  }

  async #connect(): Promise<SessionDocuments> {
    this.#assertOpen();
    this.#client ??= this.#findClient();
    const client = await this.#client;
    this.#assertOpen();
    if (!this.#isConnected) {
      // Not left to the driver: a client whose first connection failed refuses everything until it is told again.
      await client.connect();
      if (this.#isClosed) await client.close(true);
      this.#assertOpen();
      this.#isConnected = true;
    }
    return (this.#documents ??= documentsOf(client, this.options));
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error('[session:mongodb] the store is closed');
  }

  #isOwnClient(): boolean {
    return this.options.client === undefined && !isCollection(this.options.collection);
  }

  #findClient(): Promise<MongoClient> {
    const { url, client, collection } = this.options;
    if (isCollection(collection)) return Promise.resolve(clientOf(collection));
    if (client !== undefined) return Promise.resolve(client as MongoClient);
    return makeClient(url ?? 'mongodb://localhost:27017');
  }

  /** The database did not answer at the start, or nobody opened the store: sessions need not wait for this. */
  #setUpBeside(documents: SessionDocuments): void {
    if (this.#isSettingUp) return;
    this.#isSettingUp = true;
    const settled = (warnings: readonly string[]): void => {
      for (const warning of warnings) process.emitWarning(warning);
      this.ready = documents;
    };
    setUpCollection(documents).then(settled, (error: unknown) => {
      this.#isSettingUp = false; // the next command tries again
      const problem = storeErrorOf(error);
      if (!(problem instanceof StoreRefusedError)) return;
      this.#refusal = problem;
      settled([problem.message]);
    });
  }
}

async function inTime<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`[session:mongodb] MongoDB did not answer within ${OPEN_MS} ms`);
    timer = setTimeout(reject, OPEN_MS, error).unref();
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export function isCollection(collection: unknown): collection is MongoCollectionLike {
  return typeof collection === 'object' && collection !== null;
}

/** Every version of the driver notes the client on its collections; only newer ones say so in their types. */
function clientOf(collection: MongoCollectionLike): MongoClient {
  const { client, db } = collection as { client?: MongoClient; db?: { client?: MongoClient } };
  const found = db?.client ?? client;
  if (found) return found;
  throw new StoreRefusedError(
    '[session:mongodb] "collection" is no Collection of the driver: give its client as "client".',
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
    // Without an acknowledgement (0) nobody could tell a session that is gone.
    forUpdates: acknowledgedBy(asked?.w === undefined || asked.w === 0 ? 'majority' : asked.w),
    bounds: { maxTimeMS: client.options.socketTimeoutMS || MAX_TIME_MS },
  };
}

/**
 * Whatever the defaults of the user's client are: a session that just ended is read as ended, and documents come as
 * plain objects with plain values. Bytes that are no UTF-8 are a broken value, not a failed read.
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
