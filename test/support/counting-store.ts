import { MemorySessionStore, type MemorySessionStoreOptions } from '../../lib/stores/memory/memory.store.js';
import {
  SessionStore,
  type Awaitable,
  type ClosableSessionStore,
  type DestroyOptions,
  type IndexedSessionStore,
  type OpenableSessionStore,
  type PingableSessionStore,
  type PrunableSessionStore,
  type SessionIndex,
  type SessionMoments,
  type SessionRecord,
  type SessionUpdate,
  type UpdateResult,
} from '../../lib/index.js';

export type StoreVerb =
  | 'load'
  | 'create'
  | 'update'
  | 'touch'
  | 'destroy'
  | 'index.add'
  | 'index.confirm'
  | 'index.remove'
  | 'index.list'
  | 'prune'
  | 'ping'
  | 'open'
  | 'close';

export interface StoreCall {
  readonly verb: StoreVerb;
  readonly args: readonly unknown[];
}

/** Any store, with its optional abilities. */
export type AnyStore = SessionStore &
  Partial<
    IndexedSessionStore &
      PrunableSessionStore &
      PingableSessionStore &
      OpenableSessionStore &
      ClosableSessionStore
  >;

/** A real store that records the calls that reach it. */
export class CountingStore
  extends SessionStore
  implements
    IndexedSessionStore,
    PrunableSessionStore,
    PingableSessionStore,
    OpenableSessionStore,
    ClosableSessionStore
{
  readonly calls: StoreCall[] = [];
  readonly index: SessionIndex;

  constructor(readonly inner: AnyStore = new MemorySessionStore({} satisfies MemorySessionStoreOptions)) {
    super();
    this.index = {
      add: (...args) => this.run('index.add', args, () => this.#innerIndex.add(...args)),
      confirm: (...args) => this.run('index.confirm', args, () => this.#innerIndex.confirm(...args)),
      remove: (...args) => this.run('index.remove', args, () => this.#innerIndex.remove(...args)),
      list: (...args) => this.run('index.list', args, () => this.#innerIndex.list(...args)),
    };
  }

  /** Returns the verbs called since the last `taken()`, in order. */
  taken(): StoreVerb[] {
    return this.calls.splice(0).map(({ verb }) => verb);
  }

  load(...args: [string]): Awaitable<SessionRecord | 'broken' | undefined> {
    return this.run('load', args, () => this.inner.load(...args));
  }

  create(...args: [string, SessionRecord]): Awaitable<boolean> {
    return this.run('create', args, () => this.inner.create(...args));
  }

  update(...args: [string, SessionUpdate, number]): Awaitable<UpdateResult> {
    return this.run('update', args, () => this.inner.update(...args));
  }

  touch(...args: [string, SessionMoments, number]): Awaitable<boolean> {
    return this.run('touch', args, () => this.inner.touch(...args));
  }

  destroy(...args: [string, number, DestroyOptions?]): Awaitable<SessionRecord | undefined> {
    return this.run('destroy', args, () => this.inner.destroy(...args));
  }

  prune(now: number): Awaitable<number> {
    return this.run('prune', [now], () => this.inner.prune?.(now) ?? 0);
  }

  ping(): Awaitable<void> {
    return this.run('ping', [], () => this.inner.ping?.());
  }

  open(): Awaitable<readonly string[]> {
    return this.run('open', [], () => this.inner.open?.() ?? []);
  }

  close(): Awaitable<void> {
    return this.run('close', [], () => this.inner.close?.());
  }

  protected run<T>(verb: StoreVerb, args: readonly unknown[], call: () => Awaitable<T>): Awaitable<T> {
    this.calls.push({ verb, args });
    return call();
  }

  get #innerIndex(): SessionIndex {
    const { index } = this.inner;
    if (!index) throw new TypeError('the store under test keeps no index');
    return index;
  }
}
