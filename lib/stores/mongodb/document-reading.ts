import type { RunCommandOptions } from 'mongodb';
import type { SessionDocuments } from './session-collection.js';
import type { StoredDocument } from './session-document.js';

/** Without validation, bytes that are not UTF-8 make one value broken and not the whole read fail. */
const PLAIN_REPLY: RunCommandOptions = { readPreference: 'primary', enableUtf8Validation: false };

/**
 * Reads the document of an id. `findOne` sends the same command inside a cursor, which takes a sixth longer. But
 * `findOne` also asks a second time when the primary has changed, so it is used when the plain command fails.
 */
export async function readDocument(documents: SessionDocuments, id: string): Promise<StoredDocument | null> {
  const { db, collection, bounds } = documents;
  const find = {
    find: collection.collectionName,
    filter: { _id: id },
    limit: 1,
    singleBatch: true,
    readConcern: { level: 'local' },
    ...bounds,
  };
  try {
    const { cursor } = (await db.command(find, PLAIN_REPLY)) as { cursor: { firstBatch: StoredDocument[] } };
    return cursor.firstBatch[0] ?? null;
  } catch (error) {
    if (isTimeout(error)) throw error;
    return collection.findOne({ _id: id }, bounds);
  }
}

/** Whether the driver waited for its whole limit, so there is no time for a second attempt. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && /Timeout|ServerSelection/.test(error.name);
}
