/**
 * A `MongoClient` of the driver `mongodb`, version 6 or 7. Only its shape is named here, so that an application without
 * the driver can compile.
 *
 * @publicApi
 */
export interface MongoClientLike {
  db(name?: string): { readonly databaseName: string; collection(name: string): unknown };
  connect(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * A `Collection` of the driver `mongodb`, version 6 or 7.
 *
 * @publicApi
 */
export interface MongoCollectionLike {
  readonly dbName: string;
  readonly collectionName: string;
  readonly namespace: string;
}

/** Where the documents are. @publicApi */
export interface MongoSessionStoreOptions {
  /**
   * A connection string, `mongodb://` or `mongodb+srv://`. The store makes a client for it, with time limits that suit
   * sessions (what the string says itself stands), and closes it.
   * @default 'mongodb://localhost:27017'
   */
  readonly url?: string;
  /** A `MongoClient` of yours, instead of `url`. It is used as it is, and stays open when the store is closed. */
  readonly client?: MongoClientLike;
  /**
   * The name of the database.
   * @default the one that the connection string names, else `test`, as the driver has it
   */
  readonly database?: string;
  /**
   * The name of the collection, which the store has for itself; or a `Collection` of yours, which says it all: then
   * `url`, `client` and `database` have no place.
   * @default 'sessions'
   */
  readonly collection?: string | MongoCollectionLike;
}
