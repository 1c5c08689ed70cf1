import { setImmediate as letOtherWorkRun } from 'node:timers/promises';
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
import {
  applyUpdate,
  destroyThroughMarks,
  mismatchOf,
  moveForward,
  presentAt,
  type DestroyStep,
  type SuccessorMark,
} from '../../store/record-operations.js';
import {
  assertSessionId,
  SessionStore,
  SUCCESSOR_MARK_MS,
  type DestroyOptions,
} from '../../store/session-store.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { type Clock, systemClock } from '../../time/clock.js';
import type { Due } from './due-heap.js';
import { MemorySessionIndex } from './memory-session-index.js';
import { SWEEP_BATCH, Sweeper } from './sweeper.js';

/** @publicApi */
export interface MemorySessionStoreOptions {
  /**
   * How many sessions the store may hold. When the limit is reached, expired sessions are removed to make room. If
   * there are none, a new session is refused with a 503, and existing sessions continue to work. A live session is
   * never removed to make room.
   * @default no limit: a client that starts many sessions can fill the memory
   */
  readonly maxSessions?: number;
  /**
   * The clock that decides which expired sessions are removed. All other methods use the `now` of their call.
   * @default the clock of the machine
   */
  readonly clock?: Clock;
}

/** What the store holds under one id: a session, or the mark that a rotation left in its place. */
class Entry implements Due {
  /** When the session expires, or the mark ends. */
  dueAt: number;
  place = 0;

  constructor(
    readonly id: string,
    public content: SessionRecord | SuccessorMark,
    dueAt: number,
  ) {
    this.dueAt = dueAt;
  }

  get record(): SessionRecord | undefined {
    return 'successor' in this.content ? undefined : this.content;
  }
}

/**
 * Keeps sessions in the memory of this process. They are lost when the process ends, and no other process sees them.
 * For tests, for development, and for a single process whose sessions may be lost. All methods answer synchronously.
 *
 * @example
 * ```ts
 * SessionModule.forRoot({ store: new MemorySessionStore({ maxSessions: 100_000 }) });
 * ```
 *
 * @publicApi
 */
export class MemorySessionStore
  extends SessionStore
  implements
    IndexedSessionStore,
    PrunableSessionStore,
    PingableSessionStore,
    OpenableSessionStore,
    ClosableSessionStore
{
  readonly index: SessionIndex;
  readonly #index: MemorySessionIndex;
  readonly #entries = new Map<string, Entry>();
  readonly #sweeper: Sweeper<Entry>;
  readonly #clock: Clock;
  readonly #maxSessions: number;
  /** How many entries are sessions. Marks of rotations do not count: they are few and small. */
  #sessions = 0;

  /** @throws TypeError if `maxSessions` is not a positive integer */
  constructor({ maxSessions, clock = systemClock }: MemorySessionStoreOptions = {}) {
    super();
    const problems = new OptionProblems('memory');
    if (maxSessions !== undefined && !(Number.isSafeInteger(maxSessions) && maxSessions > 0)) {
      problems.add(
        'maxSessions',
        `is ${String(maxSessions)}; write a whole number above zero, or leave it out for no limit.`,
      );
    }
    problems.throwIfAny();
    this.#maxSessions = maxSessions ?? Infinity;
    this.#clock = clock;
    this.#sweeper = new Sweeper(clock, entry => this.#forget(entry));
    this.index = this.#index = new MemorySessionIndex(clock);
  }

  override load(id: string): SessionRecord | undefined {
    return this.#entries.get(id)?.record;
  }

  /**
   * @throws StoreRefusedError if the store holds `maxSessions` live sessions
   * @throws TypeError if `id` is not an id
   */
  override create(id: string, record: SessionRecord): boolean {
    assertSessionId(id);
    if (this.#entries.has(id)) return false;
    this.#makeRoom();
    const entry = new Entry(id, frozen({ ...record, data: { ...record.data } }), record.expiresAt);
    this.#entries.set(id, entry);
    this.#sessions++;
    this.#sweeper.add(entry);
    return true;
  }

  override update(id: string, update: SessionUpdate, now: number): UpdateResult {
    const entry = this.#entries.get(id);
    const record = presentAt(entry?.record, now);
    if (entry === undefined || record === undefined) return 'gone';
    const mismatch = mismatchOf(record.data, update.expect);
    if (mismatch !== undefined) return mismatch;
    this.#replace(entry, applyUpdate(record, update));
    return 'done';
  }

  override touch(id: string, moments: SessionMoments, now: number): boolean {
    const entry = this.#entries.get(id);
    const record = presentAt(entry?.record, now);
    if (entry === undefined || record === undefined) return false;
    this.#replace(entry, moveForward(record, moments));
    return true;
  }

  override destroy(id: string, now: number, { successor }: DestroyOptions = {}): SessionRecord | undefined {
    if (successor === undefined) return destroyThroughMarks(id, each => this.#endAt(each, now));
    const entry = this.#entries.get(id);
    const record = presentAt(entry?.record, now);
    if (entry === undefined || record === undefined) return undefined;
    this.#mark(entry, successor, now + SUCCESSOR_MARK_MS);
    return record;
  }

  /**
   * Removes expired sessions. Other work runs between the batches, so a million expired sessions do not block the
   * process.
   */
  async prune(now: number): Promise<number> {
    let pruned = 0;
    for (let more = true; more;) {
      const before = this.#sessions;
      more = this.#sweeper.sweep(now, SWEEP_BATCH);
      pruned += before - this.#sessions;
      if (more) await letOtherWorkRun();
    }
    while (this.#index.sweep(now, SWEEP_BATCH)) await letOtherWorkRun();
    return pruned;
  }

  /** @returns a warning in production (`NODE_ENV`): there, sessions that end at every restart are seldom meant. */
  open(): readonly string[] {
    if (process.env.NODE_ENV !== 'production') return [];
    return [
      'The memory store is for development and tests: sessions are lost at every restart and not shared between processes. Set "type" to a store that keeps them.',
    ];
  }

  /** Always succeeds: there is no backend. */
  ping(): void {}

  /** Stops the timers. The sessions stay readable, and expired ones are no longer removed. */
  close(): void {
    this.#sweeper.close();
    this.#index.close();
  }

  #endAt(id: string, now: number): DestroyStep {
    const entry = this.#entries.get(id);
    if (entry === undefined || now >= entry.dueAt) return 'gone';
    if (!('successor' in entry.content)) {
      this.#sweeper.remove(entry);
      this.#forget(entry);
    }
    return entry.content;
  }

  #replace(entry: Entry, record: SessionRecord): void {
    entry.content = frozen(record);
    this.#sweeper.move(entry, record.expiresAt);
  }

  #mark(entry: Entry, successor: string, until: number): void {
    entry.content = { successor };
    this.#sessions--;
    this.#sweeper.move(entry, until);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.id);
    if (entry.record !== undefined) this.#sessions--;
  }

  #makeRoom(): void {
    const now = this.#clock.now();
    for (let more = true; more && this.#sessions >= this.#maxSessions;) more = this.#sweeper.sweep(now, 1);
    if (this.#sessions < this.#maxSessions) return;
    throw new StoreRefusedError(
      `[session:memory] the store is full: it holds ${this.#maxSessions} live sessions, the limit of "maxSessions". ` +
        'Raise the limit, or use a shorter "idleTimeout".',
    );
  }
}

/**
 * Records are frozen and replaced as a whole, so a read costs no copy: a record never changes under its reader, and
 * nothing that a reader does reaches the store.
 */
function frozen(record: SessionRecord): SessionRecord {
  Object.freeze(record.data);
  return Object.freeze(record);
}
