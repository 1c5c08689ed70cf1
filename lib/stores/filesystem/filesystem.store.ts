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
import { destroyThroughMarks, mismatchOf, type DestroyStep } from '../../store/record-operations.js';
import {
  assertSessionId,
  isSessionId,
  SessionStore,
  type DestroyOptions,
} from '../../store/session-store.js';
import { systemClock } from '../../time/clock.js';
import { codeOf, guarded } from './faults.js';
import { removeFile } from './file-access.js';
import { FileSessionIndex } from './file-session-index.js';
import type { FileSessionStoreOptions } from './file-session-store-options.interface.js';
import { Journals } from './journal.js';
import { Nonces } from './nonces.js';
import { SessionDirectory } from './session-directory.js';
import {
  createEntry,
  destroyEntry,
  markOrGone,
  presentRecord,
  sessionReplay,
  touchEntry,
  updateEntry,
  type JournaledSession,
} from './session-journal.js';
import { Sweeper } from './sweeper.js';
import { SweptJournals } from './swept-journals.js';
import { userReplay } from './user-journal.js';
import { destroyWithoutRoom, touchWithoutRoom } from './without-room.js';

export type { FileSessionStoreOptions } from './file-session-store-options.interface.js';

/**
 * Sessions in files, one journal each: for one machine, with any number of processes that name the same directory. They
 * outlive every process. Every verb answers at once. How several writers agree without locks is in the README.
 *
 * @example
 * ```ts
 * SessionModule.forRoot({ store: new FileSessionStore({ directory: '/var/lib/shop/sessions' }) });
 * ```
 *
 * @publicApi
 */
export class FileSessionStore
  extends SessionStore
  implements
    IndexedSessionStore,
    PrunableSessionStore,
    PingableSessionStore,
    OpenableSessionStore,
    ClosableSessionStore
{
  readonly index: SessionIndex;
  readonly #directory: SessionDirectory;
  readonly #journals: Journals<JournaledSession>;
  readonly #nonces = new Nonces();
  readonly #sweeper: Sweeper;
  readonly #isDurable: boolean;

  /** @throws TypeError when an option has the wrong type. */
  constructor({
    directory = './.sessions',
    durable = false,
    clock = systemClock,
  }: FileSessionStoreOptions = {}) {
    super();
    if (typeof directory !== 'string' || directory === '')
      throw new TypeError('[session:filesystem] "directory" has to be the path of a directory.');
    if (typeof durable !== 'boolean')
      throw new TypeError('[session:filesystem] "durable" has to be true or false.');
    const users = new Journals(userReplay, durable);
    this.#isDurable = durable;
    this.#journals = new Journals(sessionReplay, durable);
    this.#directory = new SessionDirectory(directory, () => this.#sweeper.start());
    this.index = new FileSessionIndex(this.#directory, users, this.#nonces);
    const swept = new SweptJournals(this.#journals, users, this.#nonces);
    this.#sweeper = new Sweeper(this.#directory, swept, clock, this.#nonces);
  }

  /**
   * Makes the directory, checks that nobody else can write there, and tries out what the store needs. Not needed: the
   * first call that finds nothing does the same, but then it is a request that fails.
   *
   * @throws `StoreRefusedError` when the path is something else, open to others, or not writable.
   */
  open(): readonly string[] {
    return guarded(() => this.#directory.setUp());
  }

  /** Stops sweeping. There is nothing else that stays open. */
  close(): void {
    this.#sweeper.stop();
  }

  ping(): void {
    guarded(() => this.#directory.ping());
  }

  /** Gives way to other work after each batch, so a million expired sessions do not stop the process. */
  prune(now: number): Promise<number> {
    return this.#sweeper.prune(now);
  }

  load(id: string): SessionRecord | 'broken' | undefined {
    if (!isSessionId(id)) return undefined;
    return guarded(() => {
      const reading = this.#journals.read(this.#directory.pathOf('sessions', id));
      if (reading === undefined) return this.#absent();
      if (reading === 'broken') return 'broken';
      return reading.state.isEnded ? undefined : reading.state.record;
    });
  }

  /** @throws TypeError when `id` is not an id. */
  create(id: string, record: SessionRecord): boolean {
    assertSessionId(id);
    const entry = createEntry(record);
    const path = this.#directory.pathOf('sessions', id);
    return guarded(() => {
      this.#directory.assertThere();
      try {
        return this.#journals.create(path, entry);
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
        this.#directory.makeFolderOf('sessions', id);
        return this.#journals.create(path, entry);
      }
    });
  }

  update(id: string, update: SessionUpdate, now: number): UpdateResult {
    if (!isSessionId(id)) return 'gone';
    const entry = updateEntry(this.#nonces.next(), now, update);
    return guarded(() => {
      const result = this.#journals.append<UpdateResult>(this.#directory.pathOf('sessions', id), {
        entry,
        decide: state => {
          const record = presentRecord(state, now);
          return record ? mismatchOf(record.data, update.expect) : 'gone';
        },
      });
      if (result === undefined) this.#absent();
      return result === undefined || result === 'broken' ? 'gone' : result;
    });
  }

  touch(id: string, moments: SessionMoments, now: number): boolean {
    if (!isSessionId(id)) return false;
    const entry = touchEntry(this.#nonces.next(), now, moments);
    return guarded(() => {
      const result = this.#journals.append<boolean>(this.#directory.pathOf('sessions', id), {
        entry,
        decide: state => {
          const record = presentRecord(state, now);
          if (!record) return false;
          const isThereAlready =
            moments.expiresAt <= record.expiresAt && moments.lastSeenAt <= record.lastSeenAt;
          return isThereAlready || undefined;
        },
        withoutRoom: journal => touchWithoutRoom(journal, moments, now, this.#isDurable),
      });
      if (result === undefined) this.#absent();
      return result === true;
    });
  }

  destroy(id: string, now: number, { successor }: DestroyOptions = {}): SessionRecord | undefined {
    return guarded(() => {
      if (successor === undefined) return destroyThroughMarks(id, each => this.#end(each, now));
      const step = isSessionId(id) ? this.#end(id, now, successor) : 'gone';
      return step !== 'gone' && 'data' in step ? step : undefined;
    });
  }

  #end(id: string, now: number, successor?: string): DestroyStep {
    const path = this.#directory.pathOf('sessions', id);
    const step = this.#journals.append<DestroyStep>(path, {
      entry: destroyEntry(this.#nonces.next(), now, successor),
      decide: state => (presentRecord(state, now) ? undefined : markOrGone(state, now)),
      withoutRoom: journal => destroyWithoutRoom(journal, now),
    });
    if (step === undefined) this.#absent();
    if (step === undefined || step === 'broken' || step === 'gone') return 'gone';
    // A rotation leaves the file as the mark that leads to its successor; sweeping takes it.
    if ('data' in step && successor === undefined) removeFile(path);
    return step;
  }

  /** Nothing there: nobody has such a session, or the whole directory is gone, which is a fault. */
  #absent(): undefined {
    this.#directory.assertThere();
  }
}
