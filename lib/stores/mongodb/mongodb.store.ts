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
import { isSessionId, SessionStore, type DestroyOptions } from '../../store/session-store.js';
import { checkOptions } from './check-options.js';
import { endSession, replaceSession } from './document-ending.js';
import { pruneDocuments } from './document-pruning.js';
import { readDocument } from './document-reading.js';
import { expectedOnly, expectingUpdate, mismatchIn, plainUpdate } from './document-update.js';
import { isDuplicate, storeErrorOf } from './mongodb-errors.js';
import { MongoSessionIndex } from './mongodb-session-index.js';
import type { MongoSessionStoreOptions } from './mongo-session-store-options.interface.js';
import { SessionCollection } from './session-collection.js';
import { documentOf, forward, present, recordOf } from './session-document.js';

/** An id that nobody has. */
const NOBODY = '0'.repeat(64);

/**
 * Sessions in MongoDB 5.0 or newer, one document each: standalone, replica set or sharded by `_id`. Needs the package
 * `mongodb`, 6 or 7. Each verb is one command.
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

  /** @throws TypeError for options of the wrong type, and for options that exclude each other */
  constructor(options: MongoSessionStoreOptions = {}) {
    super();
    checkOptions(options);
    this.#place = new SessionCollection(options);
    this.index = new MongoSessionIndex(commands => this.#place.run(commands));
  }

  /**
   * Connects, checks the server's version and makes the index by which MongoDB collects expired sessions.
   *
   * @throws StoreRefusedError when the server refuses us, is older than 5.0, or holds another index in its place
   */
  async open(): Promise<readonly string[]> {
    try {
      return await this.#place.open();
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  /** Closes the client that the store made. One that it was given stays open. */
  close(): Promise<void> {
    return this.#place.close();
  }

  async ping(): Promise<void> {
    await this.load(NOBODY);
    this.#place.assertSetUp();
  }

  /** Removes what is expired at `now`, a thousand documents at a time. MongoDB's index does that by itself. */
  prune(now: number): Promise<number> {
    return this.#place.run(documents => pruneDocuments(documents, now));
  }

  async load(id: string): Promise<SessionRecord | 'broken' | undefined> {
    if (!isSessionId(id)) return undefined;
    const found = await this.#place.run(documents => readDocument(documents, id));
    return found === null ? undefined : recordOf(found);
  }

  /** @throws TypeError when `id` is not an id. */
  async create(id: string, record: SessionRecord): Promise<boolean> {
    if (!isSessionId(id))
      throw new TypeError('[session:mongodb] an id is 64 lower-case hex digits; this one is not.');
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
        forUpdates.updateOne(present(id, now), plainUpdate(update), bounds),
      );
      return matchedCount > 0 ? 'done' : 'gone';
    }
    const before = await this.#place.run(({ forUpdates, bounds }) =>
      forUpdates.findOneAndUpdate(present(id, now), expectingUpdate(update, expect), {
        ...bounds,
        returnDocument: 'before',
        projection: expectedOnly(expect),
      }),
    );
    if (before === null) return 'gone';
    return mismatchIn(before, expect) ?? 'done';
  }

  async touch(id: string, moments: SessionMoments, now: number): Promise<boolean> {
    if (!isSessionId(id)) return false;
    const { matchedCount } = await this.#place.run(({ forUpdates, bounds }) =>
      forUpdates.updateOne(present(id, now), { $max: forward(moments) }, bounds),
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
