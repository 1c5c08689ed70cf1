import {
  SessionStore,
  type DestroyOptions,
  type SessionMoments,
  type SessionRecord,
  type SessionUpdate,
  type UpdateResult,
} from '../../lib/index.js';
import { MemorySessionStore } from '../../lib/stores/memory/index.js';
import { Deferred } from './deferred.js';

export type Verb = 'load' | 'create' | 'update' | 'touch' | 'destroy';

/** A call of the store that waits until the test opens the gate. */
export class Gate {
  readonly #arrived = new Deferred();
  readonly #opened = new Deferred<Error | undefined>();

  /** Resolves when a call waits at the gate. */
  readonly arrived: Promise<void> = this.#arrived.promise;

  open(): void {
    this.#opened.resolve(undefined);
  }

  /** Makes the waiting call fail. */
  fail(error: Error): void {
    this.#opened.resolve(error);
  }

  async pass(): Promise<void> {
    this.#arrived.resolve();
    const error = await this.#opened.promise;
    if (error) throw error;
  }
}

/** A memory store that records its calls, and whose calls can be held. */
export class WatchedStore extends SessionStore {
  readonly inner = new MemorySessionStore();
  readonly index = this.inner.index;
  /** The verbs that were called, in order. */
  readonly calls: Verb[] = [];
  /** The ids that were created and not yet destroyed. */
  readonly ids = new Set<string>();
  readonly #gates = new Map<Verb, Gate>();

  /** Makes the next call of this verb wait. */
  hold(verb: Verb): Gate {
    const gate = new Gate();
    this.#gates.set(verb, gate);
    return gate;
  }

  override async load(id: string): Promise<SessionRecord | 'broken' | undefined> {
    await this.#called('load');
    return this.inner.load(id);
  }

  override async create(id: string, record: SessionRecord): Promise<boolean> {
    await this.#called('create');
    this.ids.add(id);
    return this.inner.create(id, record);
  }

  override async update(id: string, update: SessionUpdate, now: number): Promise<UpdateResult> {
    await this.#called('update');
    return this.inner.update(id, update, now);
  }

  override async touch(id: string, moments: SessionMoments, now: number): Promise<boolean> {
    await this.#called('touch');
    return this.inner.touch(id, moments, now);
  }

  override async destroy(
    id: string,
    now: number,
    options?: DestroyOptions,
  ): Promise<SessionRecord | undefined> {
    await this.#called('destroy');
    const ended = this.inner.destroy(id, now, options);
    if (ended) this.ids.delete(id);
    return ended;
  }

  async #called(verb: Verb): Promise<void> {
    this.calls.push(verb);
    const gate = this.#gates.get(verb);
    this.#gates.delete(verb);
    await gate?.pass();
  }
}
