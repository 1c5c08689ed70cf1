import type { RunCommandOptions } from 'mongodb';
import type { SessionDocuments } from './session-collection.js';
import type { StoredDocument } from './session-document.js';

/** Bytes that are no UTF-8 are a broken value, not a failed read. */
const PLAIN_REPLY: RunCommandOptions = { readPreference: 'primary', enableUtf8Validation: false };

/**
 * The document of this id. `findOne` sends the same command, with a cursor around it that a sixth of its time goes to;
 * but it asks once more when the primary has changed. So that is what is tried when the command fails.
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
    if (hasWaited(error)) throw error;
    return collection.findOne({ _id: id }, bounds);
  }
}

/** The time for this call was spent. */
function hasWaited(error: unknown): boolean {
  return error instanceof Error && /Timeout|ServerSelection/.test(error.name);
}
