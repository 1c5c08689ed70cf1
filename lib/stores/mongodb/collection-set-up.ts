import type { Collection, Db } from 'mongodb';
import { EXPIRED_KEPT_MS } from '../../store/session-store.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { codeOf, INDEX_CONFLICTS, storeErrorOf, UNAUTHORIZED, UNKNOWN_COMMAND } from './mongodb-errors.js';
import type { StoredDocument } from './session-document.js';

/** The number of MongoDB 5.0 in the wire protocol. */
const WIRE_VERSION_5_0 = 13;

const KEPT_SECONDS = EXPIRED_KEPT_MS / 1_000;

const INDEX = { key: { x: 1 }, name: 'x_1', expireAfterSeconds: KEPT_SECONDS };

interface Place {
  readonly db: Db;
  readonly collection: Collection<StoredDocument>;
}

/**
 * Checks the server's version and creates the index with which MongoDB removes expired documents. Repeated calls change
 * nothing.
 *
 * @returns warnings
 * @throws StoreRefusedError when the server is older than 5.0, or when a different index on `x` exists
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
    if (await hasEqualIndex(collection)) return [];
    throw new StoreRefusedError(
      `[session:mongodb] "${namespace}" has a different index on "x". The store needs the one that removes expired sessions. ` +
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
    '[session:mongodb] this server is older than MongoDB 5.0. Use MongoDB 5.0 or newer.',
  );
}

/** Whether the same index exists under another name. It works as well. */
async function hasEqualIndex(collection: Collection<StoredDocument>): Promise<boolean> {
  const indexes = await collection.indexes();
  return indexes.some(
    ({ key, expireAfterSeconds }) =>
      JSON.stringify(key) === JSON.stringify(INDEX.key) && expireAfterSeconds === KEPT_SECONDS,
  );
}
