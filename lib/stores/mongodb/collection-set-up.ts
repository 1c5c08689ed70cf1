import type { Collection, Db } from 'mongodb';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { codeOf, INDEX_CONFLICTS, storeErrorOf, UNAUTHORIZED, UNKNOWN_COMMAND } from './mongodb-errors.js';
import type { StoredDocument } from './session-document.js';

/** What MongoDB 5.0 calls itself in the protocol. */
const WIRE_VERSION_5_0 = 13;

/**
 * How long MongoDB keeps a document beyond the moment that our clock goes by. So a server whose clock is ahead by less
 * ends no session early, and a session that just expired can be told from one that never was.
 */
const KEPT_SECONDS = 60;

const INDEX = { key: { x: 1 }, name: 'x_1', expireAfterSeconds: KEPT_SECONDS };

interface Place {
  readonly db: Db;
  readonly collection: Collection<StoredDocument>;
}

/**
 * Checks the server and makes the index by which MongoDB collects expired documents. Repeated calls change nothing.
 *
 * @returns warnings
 * @throws StoreRefusedError when the server is too old, or another index is in the way
 */
export async function setUpCollection({ db, collection }: Place): Promise<readonly string[]> {
  await assertVersion(db);
  try {
    await db.command({ createIndexes: collection.collectionName, indexes: [INDEX] });
    return [];
  } catch (error) {
    const { namespace } = collection;
    if (codeOf(error) === UNAUTHORIZED) {
      return [
        `[session:mongodb] the user may not create an index on "${namespace}", so expired sessions stay there until Sessions.prune() is called. ` +
          `Grant "createIndex", or create it: db.${collection.collectionName}.createIndex({ x: 1 }, { expireAfterSeconds: ${KEPT_SECONDS} })`,
      ];
    }
    if (!INDEX_CONFLICTS.includes(codeOf(error))) throw storeErrorOf(error);
    if (await hasSuchIndex(collection)) return [];
    throw new StoreRefusedError(
      `[session:mongodb] "${namespace}" has another index on "x" than the one that collects expired sessions. ` +
        `Drop it, db.${collection.collectionName}.dropIndex({ x: 1 }), or give the store a collection of its own.`,
      { cause: error },
    );
  }
}

/** @throws StoreRefusedError */
export async function assertVersion(db: Pick<Db, 'command'>): Promise<void> {
  let version: unknown;
  try {
    ({ maxWireVersion: version } = await db.command({ hello: 1 }));
  } catch (error) {
    if (codeOf(error) !== UNKNOWN_COMMAND) throw storeErrorOf(error);
  }
  if (typeof version === 'number' && version >= WIRE_VERSION_5_0) return;
  throw new StoreRefusedError(
    '[session:mongodb] this server is older than MongoDB 5.0, the oldest that sessions can be kept in.',
  );
}

/** The same index under another name is as good, whoever made it. */
async function hasSuchIndex(collection: Collection<StoredDocument>): Promise<boolean> {
  const indexes = await collection.indexes();
  return indexes.some(
    ({ key, expireAfterSeconds }) =>
      JSON.stringify(key) === JSON.stringify(INDEX.key) && expireAfterSeconds === KEPT_SECONDS,
  );
}
