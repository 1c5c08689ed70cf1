/**
 * A `MongoClient` of the driver `mongodb`, version 6 or 7. This type names only its shape, so that an application
 * without the driver compiles.
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
   * A connection string, `mongodb://` or `mongodb+srv://`. The store makes a client for it and closes it. The client
   * has time limits that suit sessions. A limit in the string wins.
   * @default 'mongodb://localhost:27017'
   */
  readonly url?: string;
  /**
   * A `MongoClient` of yours, instead of `url`. It keeps its options, and stays open when the store is closed. If its
   * driver gets stuck, the store makes a copy for itself and warns.
   */
  readonly client?: MongoClientLike;
  /**
   * The name of the database.
   * @default the database in the connection string, else `test`
   */
  readonly database?: string;
  /**
   * The name of the collection, which only the store may write to. Or a `Collection` of yours: it has its client and
   * its database, so `url`, `client` and `database` are refused beside it.
   * @default 'sessions'
   */
  readonly collection?: string | MongoCollectionLike;
}
