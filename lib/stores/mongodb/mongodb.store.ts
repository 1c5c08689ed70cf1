import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateResult,
} from '../../store/session-record.interface.js';
import type {
  ClosableSessionStore,
  IndexedSessionStore,
  OpenableSessionStore,
  PingableSessionStore,
  PrunableSessionStore,
  SessionIndex,
} from '../../store/session-store-abilities.interface.js';
import {
  assertSessionId,
  isSessionId,
  SessionStore,
  type DestroyOptions,
  UNUSED_ID,
} from '../../store/session-store.js';
import { checkOptions } from './check-options.js';
import { endSession, replaceSession } from './document-ending.js';
import { pruneDocuments } from './document-pruning.js';
import { readDocument } from './document-reading.js';
import { projectExpected, expectingUpdate, mismatchIn, plainUpdate } from './document-update.js';
import { isDuplicate, storeErrorOf } from './mongodb-errors.js';
import { MongoSessionIndex } from './mongodb-session-index.js';
import type { MongoSessionStoreOptions } from './mongodb-session-store-options.interface.js';
import { SessionCollection } from './session-collection.js';
import { documentOf, momentsForMax, presentAt, recordOf } from './session-document.js';

/**
 * Keeps sessions in MongoDB 5.0 or newer, one document per session: standalone, a replica set, or sharded by `_id`.
 * Needs the package `mongodb`, version 6 or 7. Each method is one command.
 *
 * @example
 * ```ts
 * const store = new MongoSessionStore({ url: 'mongodb://localhost:27017/shop' });
 * ```
 *
 * @publicApi
 */
export class MongoSessionStore
  extends SessionStore
  implements
    IndexedSessionStore,
    PrunableSessionStore,
    PingableSessionStore,
    OpenableSessionStore,
    ClosableSessionStore
{
  readonly index: SessionIndex;
  readonly #place: SessionCollection;

  /** @throws TypeError when an option has the wrong type, or when two options exclude each other */
  constructor(options: MongoSessionStoreOptions = {}) {
    super();
    checkOptions(options);
    this.#place = new SessionCollection(options);
    this.index = new MongoSessionIndex(commands => this.#place.run(commands));
  }

  /**
   * Connects, checks the server's version and creates the index with which MongoDB removes expired sessions.
   *
   * @throws StoreRefusedError when the server refuses access, is older than 5.0, or has a different index on `x`
   */
  async open(): Promise<readonly string[]> {
    try {
      return await this.#place.open();
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  /** Closes the client that the store made. A client that it was given stays open. */
  close(): Promise<void> {
    return this.#place.close();
  }

  async ping(): Promise<void> {
    await this.load(UNUSED_ID);
    this.#place.assertSetUp();
  }

  /**
   * Removes what has expired at `now`, a thousand documents at a time. MongoDB's index does the same without this call.
   */
  prune(now: number): Promise<number> {
    return this.#place.run(documents => pruneDocuments(documents, now));
  }

  async load(id: string): Promise<SessionRecord | 'broken' | undefined> {
    if (!isSessionId(id)) return undefined;
    const found = await this.#place.run(documents => readDocument(documents, id));
    return found === null ? undefined : recordOf(found);
  }

  /** @throws TypeError when `id` does not have the form of an id */
  async create(id: string, record: SessionRecord): Promise<boolean> {
    assertSessionId(id);
    return this.#place.run(async ({ collection, bounds }) => {
      try {
        await collection.insertOne(documentOf(id, record), bounds);
        return true;
      } catch (error) {
        if (isDuplicate(error)) return false;
        throw error;
      }
    });
  }

  async update(id: string, update: SessionUpdate, now: number): Promise<UpdateResult> {
    if (!isSessionId(id)) return 'gone';
    const { expect } = update;
    if (expect === undefined) {
      const { matchedCount } = await this.#place.run(({ forUpdates, bounds }) =>
        forUpdates.updateOne(presentAt(id, now), plainUpdate(update), bounds),
      );
      return matchedCount > 0 ? 'done' : 'gone';
    }
    const before = await this.#place.run(({ forUpdates, bounds }) =>
      forUpdates.findOneAndUpdate(presentAt(id, now), expectingUpdate(update, expect), {
        ...bounds,
        returnDocument: 'before',
        projection: projectExpected(expect),
      }),
    );
    if (before === null) return 'gone';
    return mismatchIn(before, expect) ?? 'done';
  }

  async touch(id: string, moments: SessionMoments, now: number): Promise<boolean> {
    if (!isSessionId(id)) return false;
    const { matchedCount } = await this.#place.run(({ forUpdates, bounds }) =>
      forUpdates.updateOne(presentAt(id, now), { $max: momentsForMax(moments) }, bounds),
    );
    return matchedCount > 0;
  }

  async destroy(
    id: string,
    now: number,
    { successor }: DestroyOptions = {},
  ): Promise<SessionRecord | undefined> {
    if (!isSessionId(id)) return undefined;
    const ended = await this.#place.run(documents =>
      successor === undefined
        ? endSession(documents, id, now)
        : replaceSession(documents, id, now, successor),
    );
    const record = ended === null ? undefined : recordOf(ended);
    return record === 'broken' ? undefined : record;
  }
}
