import { OptionProblems } from '../../store/option-problems.js';
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
import { codeOf, withFaults } from './faults.js';
import { removeFile } from './file-access.js';
import { FileSessionIndex } from './file-session-index.js';
import type { FileSessionStoreOptions } from './file-session-store-options.interface.js';
import { Journals, Nonces } from './journal.js';
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
 * Keeps each session in a file, for any number of processes on one machine. The sessions survive restarts and
 * crashes. All methods answer synchronously. The README of this folder explains how several processes write one file
 * without locks.
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

  /** @throws TypeError that names every wrong option and its remedy */
  constructor({
    directory = './.sessions',
    durable = false,
    clock = systemClock,
  }: FileSessionStoreOptions = {}) {
    super();
    const problems = new OptionProblems('filesystem');
    if (typeof directory !== 'string' || directory === '') {
      problems.add('directory', 'is not a path; write the path of a directory.');
    }
    if (typeof durable !== 'boolean') {
      problems.add('durable', 'is not a boolean; write true or false, without quotes.');
    }
    problems.throwIfAny();
    const users = new Journals(userReplay, durable);
    this.#isDurable = durable;
    this.#journals = new Journals(sessionReplay, durable);
    this.#directory = new SessionDirectory(directory, () => this.#sweeper.start());
    this.index = new FileSessionIndex(this.#directory, users, this.#nonces);
    const swept = new SweptJournals(this.#journals, users, this.#nonces);
    this.#sweeper = new Sweeper(this.#directory, swept, clock, this.#nonces);
  }

  /**
   * Creates the directory, checks that no other user can write to it, and tries the operations that the store needs. If
   * `open()` is not called, the first request that finds no file does this, and then a problem makes that request fail.
   *
   * @returns warnings for the log
   * @throws StoreRefusedError if the path is not a directory, is writable by others, or cannot be written
   */
  open(): readonly string[] {
    return withFaults(() => this.#directory.setUp());
  }

  /** Stops the sweep. The store keeps nothing else open. */
  close(): void {
    this.#sweeper.stop();
  }

  ping(): void {
    withFaults(() => this.#directory.ping());
  }

  /**
   * Removes expired sessions. Other work runs between the batches, so a million expired sessions do not block the
   * process.
   */
  prune(now: number): Promise<number> {
    return this.#sweeper.prune(now);
  }

  load(id: string): SessionRecord | 'broken' | undefined {
    if (!isSessionId(id)) return undefined;
    return withFaults(() => {
      const reading = this.#journals.read(this.#directory.pathOf('sessions', id));
      if (reading === undefined) return this.#absent();
      if (reading === 'broken') return 'broken';
      return reading.state.isEnded ? undefined : reading.state.record;
    });
  }

  /** @throws TypeError if `id` is not an id */
  create(id: string, record: SessionRecord): boolean {
    assertSessionId(id);
    const entry = createEntry(record);
    const path = this.#directory.pathOf('sessions', id);
    return withFaults(() => {
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
    return withFaults(() => {
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
    return withFaults(() => {
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
    return withFaults(() => {
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
    // After a rotation the file remains as the mark that names the successor. The sweep removes it.
    if ('data' in step && successor === undefined) removeFile(path);
    return step;
  }

  /** For a file that does not exist: the session is absent. But if the whole directory is gone, that is a fault. */
  #absent(): undefined {
    this.#directory.assertThere();
  }
}
