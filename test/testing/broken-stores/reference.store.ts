import {
  applyUpdate,
  destroyThroughMarks,
  isRecord,
  mismatchOf,
  moveForward,
  presentAt,
  type DestroyStep,
} from '../../../lib/store/record-operations.js';
import { assertSessionId, isSessionId, SUCCESSOR_MARK_MS } from '../../../lib/store/session-store.js';
import {
  SessionStore,
  StoreRefusedError,
  type DestroyOptions,
  type SessionIndex,
  type SessionMoments,
  type SessionRecord,
  type SessionUpdate,
  type UpdateResult,
} from '../../../lib/index.js';

export interface Mark {
  readonly successor: string;
  readonly until: number;
}

export type Cells = Map<string, string>;

/** A backend in memory that stores of several processes could share. One `step` is atomic. */
export class Backend {
  readonly cells: Cells = new Map();
  readonly users = new Map<string, Map<string, number>>();
  state: 'up' | 'full' | 'down' | 'refusing' = 'up';

  async step<T>(run: (cells: Cells) => T): Promise<T> {
    await Promise.resolve(); // other calls run in between
    if (this.state === 'down') throw new Error('connection refused');
    if (this.state === 'refusing') throw new StoreRefusedError('wrong password');
    return run(this.cells);
  }
}

/** A correct store, whose parts the broken stores replace one at a time. */
export class ReferenceStore extends SessionStore {
  readonly index: SessionIndex;

  constructor(
    readonly backend: Backend,
    readonly prefix = 'first:',
  ) {
    super();
    this.index = this.makeIndex();
  }

  async load(id: string): Promise<SessionRecord | 'broken' | undefined> {
    if (!isSessionId(id)) return undefined;
    return this.backend.step(cells => {
      const held = this.heldIn(cells, id);
      return isMark(held) ? undefined : held;
    });
  }

  async create(id: string, record: SessionRecord): Promise<boolean> {
    assertSessionId(id);
    return this.backend.step(cells => {
      if (cells.has(this.keyOf(id))) return false;
      this.write(cells, id, record);
      return true;
    });
  }

  async update(id: string, update: SessionUpdate, now: number): Promise<UpdateResult> {
    if (!isSessionId(id)) return 'gone';
    return this.backend.step(cells => this.updateIn(cells, id, update, now));
  }

  async touch(id: string, moments: SessionMoments, now: number): Promise<boolean> {
    if (!isSessionId(id)) return false;
    return this.backend.step(cells => {
      const record = this.presentIn(cells, id, now);
      if (record) this.move(cells, id, moveForward(record, moments));
      return record !== undefined;
    });
  }

  async destroy(
    id: string,
    now: number,
    { successor }: DestroyOptions = {},
  ): Promise<SessionRecord | undefined> {
    if (!isSessionId(id)) return undefined;
    return this.backend.step(cells => {
      if (successor === undefined) return destroyThroughMarks(id, each => this.endIn(cells, each, now));
      const record = this.presentIn(cells, id, now);
      if (record) this.mark(cells, id, { successor, until: now + SUCCESSOR_MARK_MS });
      return record;
    });
  }

  async prune(now: number): Promise<number> {
    return this.backend.step(cells => {
      let count = 0;
      for (const key of cells.keys()) {
        if (!key.startsWith(this.prefix)) continue;
        const held = this.heldIn(cells, key.slice(this.prefix.length));
        if (isMark(held) && held.until <= now) cells.delete(key);
        if (!isRecord(held) || presentAt(held, now)) continue;
        cells.delete(key);
        count++;
      }
      return count;
    });
  }

  async ping(): Promise<void> {
    await this.backend.step(() => undefined);
  }

  async open(): Promise<readonly string[]> {
    return this.backend.step(() => []);
  }

  async close(): Promise<void> {}

  protected makeIndex(): SessionIndex {
    return new ReferenceIndex(this.backend, this.prefix);
  }

  protected keyOf(id: string): string {
    return this.prefix + id;
  }

  protected heldIn(cells: Cells, id: string): SessionRecord | Mark | 'broken' | undefined {
    const text = cells.get(this.keyOf(id));
    if (text === undefined) return undefined;
    try {
      const held: unknown = JSON.parse(text);
      return isRecord(held) || isMark(held) ? held : 'broken';
    } catch {
      return 'broken';
    }
  }

  protected recordIn(cells: Cells, id: string): SessionRecord | undefined {
    const held = this.heldIn(cells, id);
    return isRecord(held) ? held : undefined;
  }

  protected presentIn(cells: Cells, id: string, now: number): SessionRecord | undefined {
    return presentAt(this.recordIn(cells, id), now);
  }

  protected write(cells: Cells, id: string, record: SessionRecord): void {
    if (this.backend.state === 'full') throw new StoreRefusedError('no space left');
    this.move(cells, id, record);
  }

  /** Writes a record that takes no more room than the one before. */
  protected move(cells: Cells, id: string, record: SessionRecord): void {
    cells.set(this.keyOf(id), JSON.stringify(record));
  }

  protected mark(cells: Cells, id: string, mark: Mark): void {
    cells.set(this.keyOf(id), JSON.stringify(mark));
  }

  protected updateIn(cells: Cells, id: string, update: SessionUpdate, now: number): UpdateResult {
    const record = this.presentIn(cells, id, now);
    if (!record) return 'gone';
    const mismatch = mismatchOf(record.data, update.expect);
    if (mismatch) return mismatch;
    this.write(cells, id, applyUpdate(record, update));
    return 'done';
  }

  protected endIn(cells: Cells, id: string, now: number): DestroyStep {
    const held = this.heldIn(cells, id);
    if (isMark(held)) return now < held.until ? held : 'gone';
    const record = this.presentIn(cells, id, now);
    if (record) cells.delete(this.keyOf(id));
    return record ?? 'gone';
  }
}

export class ReferenceIndex implements SessionIndex {
  constructor(
    readonly backend: Backend,
    readonly prefix: string,
  ) {}

  async add(user: string, id: string, until: number, now: number): Promise<void> {
    await this.backend.step(() => {
      const entries = this.entriesOf(user);
      for (const [other, end] of entries) if (end <= now) entries.delete(other);
      entries.set(id, Math.max(until, entries.get(id) ?? 0));
      this.backend.users.set(this.keyOf(user), entries);
    });
  }

  async confirm(user: string, id: string): Promise<boolean> {
    return this.backend.step(() => this.entriesOf(user).has(id));
  }

  async remove(user: string, ids: readonly string[]): Promise<void> {
    await this.backend.step(() => {
      for (const id of ids) this.entriesOf(user).delete(id);
    });
  }

  async list(user: string, now: number): Promise<readonly string[]> {
    return this.backend.step(() =>
      [...this.entriesOf(user)].filter(([, until]) => now < until).map(([id]) => id),
    );
  }

  protected keyOf(user: string): string {
    return this.prefix + user;
  }

  protected entriesOf(user: string): Map<string, number> {
    return this.backend.users.get(this.keyOf(user)) ?? new Map<string, number>();
  }
}

export function isMark(held: unknown): held is Mark {
  return typeof held === 'object' && held !== null && 'successor' in held;
}
