import { setTimeout as wait } from 'node:timers/promises';
import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateResult,
} from '../store/session-record.interface.js';
import type { AnySessionStore, SessionIndex } from '../store/session-store-abilities.interface.js';
import { SessionStore, type Awaitable, type DestroyOptions } from '../store/session-store.js';
import { MemorySessionStore } from '../stores/memory/memory.store.js';

/** A call of a store. Those of its index begin with `index.`. @publicApi */
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

/** A call that reached a `FaultyStore`. @publicApi */
export interface StoreCall {
  readonly verb: StoreVerb;
  /** The arguments of the call, in order. */
  readonly args: readonly unknown[];
}

/** Which calls a fault hits. @publicApi */
export interface FaultOptions {
  /**
   * How many calls the fault hits. The calls after that reach the store.
   * @default no limit: all calls until the fault is removed
   */
  readonly times?: number;
  /**
   * Limits the fault to the calls for which this returns `true`.
   * @default all calls of the verb
   */
  readonly when?: (call: StoreCall) => boolean;
}

/** @publicApi */
export interface FailOptions extends FaultOptions {
  /**
   * What the call rejects with. With a `StoreRefusedError` the request gets `SESSION_STORE_REFUSED`.
   * @default an `Error` that says that the connection was lost
   */
  readonly error?: Error;
}

/** @publicApi */
export interface HoldOptions extends FaultOptions {
  /**
   * Whether a call waits before it takes effect, or after it and before it returns.
   * @default 'before'
   */
  readonly at?: 'before' | 'after';
}

/** Calls that wait until the test releases them. @publicApi */
export interface Hold {
  /** Resolves when the first call waits. */
  readonly reached: Promise<void>;
  /** Lets the waiting calls continue. Later calls do not wait. */
  release(): void;
}

/** Removes a fault. Removing it twice is no error. @publicApi */
export type RemoveFault = () => void;

interface Fault {
  readonly verb: StoreVerb | 'any';
  readonly options: FaultOptions;
  readonly replace: (apply: () => Awaitable<unknown>) => Awaitable<unknown>;
  /** How many more calls it hits. */
  left: number;
  /** Lets the calls that wait continue. */
  readonly release?: () => void;
}

/**
 * A store that fails when a test says so. It passes every call to a real store and records it, until a fault hits the
 * call: the call fails, loses its reply, hangs, is delayed, or waits for the test. If several faults match a call, the
 * one that was added first hits it.
 *
 * It has the optional abilities of the real store and no others.
 *
 * @example
 * ```ts
 * const store = new FaultyStore();
 * const testing = await Test.createTestingModule({ imports: [AppModule] })
 *   .overrideProvider(SESSION_OPTIONS)
 *   .useValue({ store })
 *   .compile();
 *
 * store.fail('load'); // a request that brings a session is answered with 503
 * store.restore();
 * ```
 *
 * @publicApi
 */
export class FaultyStore extends SessionStore {
  /** The calls that arrived, in order, those that a fault hit included. A test may empty the list. */
  readonly calls: StoreCall[] = [];
  declare readonly index?: SessionIndex;
  declare readonly prune?: (now: number) => Awaitable<number>;
  declare readonly ping?: () => Awaitable<void>;
  declare readonly open?: () => Awaitable<readonly string[]>;
  declare readonly close?: () => Awaitable<void>;
  #faults: Fault[] = [];

  /** @param inner the real store; by default a new `MemorySessionStore` */
  constructor(readonly inner: AnySessionStore = new MemorySessionStore()) {
    super();
    const { index } = inner;
    if (index) this.index = this.#watchedIndex(index);
    if (inner.prune) this.prune = now => this.#run('prune', [now], () => inner.prune?.(now) ?? 0);
    if (inner.ping) this.ping = () => this.#run('ping', [], () => inner.ping?.());
    if (inner.open) this.open = () => this.#run('open', [], () => inner.open?.() ?? []);
    if (inner.close) this.close = () => this.#run('close', [], () => inner.close?.());
  }

  /**
   * Makes calls reject before they take effect, as if the connection was lost before the command was sent.
   *
   * @example
   * ```ts
   * const store = new FaultyStore();
   * store.fail('update', { times: 1, error: new StoreRefusedError('the disk is full') });
   * ```
   */
  fail(verb: StoreVerb | 'any', { error, ...options }: FailOptions = {}): RemoveFault {
    return this.intercept(verb, () => Promise.reject(error ?? new Error('connection lost')), options);
  }

  /** Makes calls take effect and then reject, as if the connection was lost before the reply came. */
  loseReply(verb: StoreVerb | 'any', { error, ...options }: FailOptions = {}): RemoveFault {
    const lose = async (apply: () => Awaitable<unknown>): Promise<never> => {
      await apply();
      throw error ?? new Error('connection lost before the reply');
    };
    return this.intercept(verb, lose, options);
  }

  /**
   * Makes calls never settle and never take effect, as if the backend was frozen. Calls that hang stay so after
   * `restore()`; the module gives them up after `storeTimeout`.
   */
  hang(verb: StoreVerb | 'any', options: FaultOptions = {}): RemoveFault {
    return this.intercept(verb, () => new Promise(() => undefined), options);
  }

  /** Makes calls wait before they take effect, in milliseconds of real time. */
  delay(verb: StoreVerb | 'any', ms: number, options: FaultOptions = {}): RemoveFault {
    const late = async (apply: () => Awaitable<unknown>): Promise<unknown> => {
      await wait(ms);
      return apply();
    };
    return this.intercept(verb, late, options);
  }

  /**
   * Makes calls wait until the test releases them: for a test in which two requests have to overlap.
   *
   * @example
   * ```ts
   * const store = new FaultyStore();
   * const held = store.hold('update', { times: 1 });
   * const answer = fetch('http://localhost:3000/cart', { method: 'POST' });
   * await held.reached; // the request is about to save
   * held.release();
   * await answer;
   * ```
   */
  hold(verb: StoreVerb | 'any', { at = 'before', ...options }: HoldOptions = {}): Hold {
    let reach!: () => void;
    let release!: () => void;
    const reached = new Promise<void>(resolve => (reach = resolve));
    const released = new Promise<void>(resolve => (release = resolve));
    const holdOne = async (apply: () => Awaitable<unknown>): Promise<unknown> => {
      const early = at === 'after' ? { result: await apply() } : undefined;
      reach();
      await released;
      return early ? early.result : apply();
    };
    return { reached, release: this.#add(verb, holdOne, options, release) };
  }

  /**
   * Replaces calls by a function, for every fault that has no method of its own. The function gets `apply`, which calls
   * the real store. The result of the function is the result of the call.
   *
   * @example
   * ```ts
   * const store = new FaultyStore();
   * store.intercept('create', () => false, { times: 1 }); // the id is taken
   * ```
   */
  intercept(
    verb: StoreVerb | 'any',
    replace: (apply: () => Awaitable<unknown>) => Awaitable<unknown>,
    options: FaultOptions = {},
  ): RemoveFault {
    return this.#add(verb, replace, options);
  }

  /** Removes all faults, and releases the calls of every `hold()`. */
  restore(): void {
    for (const { release } of this.#faults.splice(0)) release?.();
  }

  /** The verbs of the recorded calls, in order. Empties `calls`. */
  takeVerbs(): StoreVerb[] {
    return this.calls.splice(0).map(({ verb }) => verb);
  }

  load(...args: [string]): Awaitable<SessionRecord | 'broken' | undefined> {
    return this.#run('load', args, () => this.inner.load(...args));
  }

  create(...args: [string, SessionRecord]): Awaitable<boolean> {
    return this.#run('create', args, () => this.inner.create(...args));
  }

  update(...args: [string, SessionUpdate, number]): Awaitable<UpdateResult> {
    return this.#run('update', args, () => this.inner.update(...args));
  }

  touch(...args: [string, SessionMoments, number]): Awaitable<boolean> {
    return this.#run('touch', args, () => this.inner.touch(...args));
  }

  destroy(...args: [string, number, DestroyOptions?]): Awaitable<SessionRecord | undefined> {
    return this.#run('destroy', args, () => this.inner.destroy(...args));
  }

  #watchedIndex(index: SessionIndex): SessionIndex {
    return {
      add: (...args) => this.#run('index.add', args, () => index.add(...args)),
      confirm: (...args) => this.#run('index.confirm', args, () => index.confirm(...args)),
      remove: (...args) => this.#run('index.remove', args, () => index.remove(...args)),
      list: (...args) => this.#run('index.list', args, () => index.list(...args)),
    };
  }

  #add(
    verb: StoreVerb | 'any',
    replace: Fault['replace'],
    options: FaultOptions,
    release?: () => void,
  ): RemoveFault {
    const fault: Fault = { verb, replace, options, left: options.times ?? Infinity, release };
    this.#faults.push(fault);
    return () => {
      this.#faults = this.#faults.filter(other => other !== fault);
      release?.();
    };
  }

  #run<T>(verb: StoreVerb, args: readonly unknown[], apply: () => Awaitable<T>): Awaitable<T> {
    const call: StoreCall = { verb, args };
    this.calls.push(call);
    const fault = this.#faults.find(
      one => (one.verb === 'any' || one.verb === verb) && one.left > 0 && (one.options.when?.(call) ?? true),
    );
    if (!fault) return apply();
    fault.left--;
    return fault.replace(apply) as Awaitable<T>;
  }
}
