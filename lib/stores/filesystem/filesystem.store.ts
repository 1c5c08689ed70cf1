import { randomHex } from '../../crypto/random.js';
import type {
  ClosableSessionStore,
  IndexedSessionStore,
  OpenableSessionStore,
  PingableSessionStore,
  PrunableSessionStore,
  SessionIndex,
} from '../../store/session-store-abilities.interface.js';
import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateResult,
} from '../../store/session-record.interface.js';
import { isSessionId, SessionStore, type DestroyOptions } from '../../store/session-store.js';
import { systemClock, type Clock } from '../../time/clock.js';
import { codeOf } from './file-access.js';
import { FileSessionIndex } from './file-session-index.js';
import { isOutOfRoom, Journals, remove } from './journal.js';
import { SessionDirectory } from './session-directory.js';
import {
  createEntry,
  destroyEntry,
  mismatchOf,
  presentRecord,
  sessionReplay,
  touchEntry,
  updateEntry,
  type SessionState,
} from './session-journal.js';
import { Sweeper } from './sweeper.js';

/** Where the files are and how safe they are. @publicApi */
export interface FileSessionStoreOptions {
  /**
   * The directory that holds the sessions, made with mode 0700 when it is not there. All processes of one machine that
   * name it share the sessions. Not for network file systems.
   * @default './.sessions'
   */
  readonly directory?: string;
  /**
   * Whether each write is forced to the disk before it counts. Without it sessions survive any crash of the process,
   * with it also a power cut; a write then takes as long as the disk does.
   * @default false
   */
  readonly durable?: boolean;
  /** Where the time for sweeping comes from. @default the machine's clock */
  readonly clock?: Clock;
}

/** A session cannot be rotated in a circle by us; somebody who writes files could. */
const MAX_HOPS = 16;

/**
 * Sessions in files, one journal each: for one machine, with any number of processes. See the README for how several
 * writers agree without locks.
 *
 * @example
 * ```ts
 * const store = new FileSessionStore({ directory: '/var/lib/shop/sessions' });
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
  readonly #journals: Journals<SessionState>;
  readonly #sweeper: Sweeper;

  /** @throws TypeError for options of the wrong type */
  constructor(options: FileSessionStoreOptions = {}) {
    super();
    const { directory = './.sessions', durable = false, clock = systemClock } = options;
    if (typeof directory !== 'string' || directory === '') {
      throw new TypeError('[session:filesystem] "directory" must be the path of a directory');
    }
    if (typeof durable !== 'boolean')
      throw new TypeError('[session:filesystem] "durable" must be true or false');
    this.#directory = new SessionDirectory(directory);
    this.#journals = new Journals(sessionReplay, durable);
    this.index = new FileSessionIndex(this.#directory, durable);
    this.#sweeper = new Sweeper(this.#directory.path, this.#journals, clock);
  }

  open(): readonly string[] {
    const warnings = this.#directory.setUp();
    this.#sweeper.start();
    return warnings;
  }

  close(): void {
    this.#sweeper.stop();
  }

  ping(): void {
    this.#directory.ping();
  }

  prune(now: number): Promise<number> {
    return this.#sweeper.sweep(now);
  }

  load(id: string): SessionRecord | 'broken' | undefined {
    if (!isSessionId(id)) return undefined;
    const reading = this.#journals.read(this.#directory.sessionPath(id));
    if (reading === undefined) return this.#absent();
    if (reading === 'broken' || (!reading.state.record && !reading.state.isEnded)) return 'broken';
    return reading.state.isEnded ? undefined : reading.state.record;
  }

  create(id: string, record: SessionRecord): boolean {
    if (!isSessionId(id))
      throw new TypeError('[session:filesystem] create() needs an id of 64 lower-case hex digits');
    this.#sweeper.start();
    const path = this.#directory.sessionPath(id);
    try {
      return this.#journals.create(path, [createEntry(record)]);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      this.#directory.makeFolderOf(path);
      return this.#journals.create(path, [createEntry(record)]);
    }
  }

  update(id: string, update: SessionUpdate, now: number): UpdateResult {
    if (!isSessionId(id)) return 'gone';
    const { set, delete: removed, expect, expiresAt, lastSeenAt } = update;
    const entry = updateEntry(nonce(), now, {
      set,
      delete: removed,
      ...(expect && { expect }),
      expiresAt,
      lastSeenAt,
    });
    const result = this.#journals.append<UpdateResult>(this.#directory.sessionPath(id), entry, state => {
      const record = presentRecord(state, now);
      if (!record) return 'gone';
      const current = mismatchOf(record, update);
      return current && { current };
    });
    if (result === undefined) this.#absent();
    return result === undefined || result === 'broken' ? 'gone' : result;
  }

  touch(id: string, moments: SessionMoments, now: number): boolean {
    if (!isSessionId(id)) return false;
    const path = this.#directory.sessionPath(id);
    const result = this.#journals.append<boolean>(path, touchEntry(nonce(), now, moments), state => {
      const record = presentRecord(state, now);
      if (!record) return false;
      // Nothing to move: the moments only go forward.
      return moments.expiresAt <= record.expiresAt && moments.lastSeenAt <= record.lastSeenAt
        ? true
        : undefined;
    });
    if (result === undefined) this.#absent();
    return result === true;
  }

  destroy(id: string, now: number, { successor }: DestroyOptions = {}): SessionRecord | undefined {
    const seen = new Set<string>();
    for (let next: string | undefined = id; next !== undefined && !seen.has(next) && seen.size < MAX_HOPS;) {
      if (!isSessionId(next)) return undefined;
      seen.add(next);
      const ended = this.#end(next, now, successor);
      if (ended === undefined || typeof ended === 'object') return ended;
      next = successor === undefined ? ended : undefined;
    }
    return undefined;
  }

  /** The record that this call ended; or the id that it was rotated into. */
  #end(id: string, now: number, successor: string | undefined): SessionRecord | string | undefined {
    const path = this.#directory.sessionPath(id);
    let mark: string | undefined;
    let seen: SessionRecord | undefined;
    let ended: SessionRecord | 'none' | 'broken' | undefined;
    try {
      ended = this.#journals.append<SessionRecord | 'none'>(
        path,
        destroyEntry(nonce(), now, successor),
        state => {
          mark = state.isEnded && now < state.markUntil ? state.successor : undefined;
          seen = presentRecord(state, now);
          return seen ? undefined : 'none';
        },
      );
    } catch (error) {
      // A logout must work on a full disk, where there is no room for its entry: the file itself goes.
      if (!isOutOfRoom(error) || !seen) throw error;
      return remove(path) ? seen : undefined;
    }
    if (ended === undefined) return this.#absent();
    if (typeof ended === 'string') return mark;
    if (successor === undefined) remove(path);
    return ended;
  }

  /** Nothing there: because nobody has such a session, or because the whole directory is gone, which is a fault. */
  #absent(): undefined {
    this.#directory.assertThere();
  }
}

const nonce = (): string => randomHex(8);
