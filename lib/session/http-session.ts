import { inspect, type InspectOptions } from 'node:util';
import type { FlashMessage, SessionCallback, SessionOf } from './session.interface.js';
import { facadeOf } from './session-facade.js';
import type { SessionState } from './session-state.js';
import { watchOperation } from './watch-operation.js';

/** The data that a rotation carries over: all of it, none, or these data keys. */
export type Keep = boolean | readonly string[];

interface KeepOption {
  readonly keep?: Keep;
}

/** What a session object needs of the request that it belongs to. */
export interface SessionHost {
  /** Called before data is read. @throws SessionStoreError when the session could not be loaded */
  look(): void;
  /** Called before data is changed. @throws SessionStoreError when the session could not be loaded */
  engage(): void;
  /** @throws SessionClosedError when the callback form of `regenerate()` has replaced this object */
  assertCurrent(session: HttpSession): void;
  /** Whether the session could be loaded. */
  readonly isReadable: boolean;
  readonly operations: SessionMethods;
  /** An operation failed, and the handler did not await its promise. */
  reportUnawaited(error: unknown): void;
}

/** What the methods of a session object do. */
export interface SessionMethods {
  flash(session: HttpSession, category: string, message: unknown): void;
  flashes(session: HttpSession, category: string | undefined): Promise<unknown[]>;
  update(session: HttpSession, key: string, change: (value: unknown) => unknown): Promise<unknown>;
  take(session: HttpSession, key: string): Promise<unknown>;
  login(session: HttpSession, userId: string, keep: Keep): Promise<void>;
  /** With `replaces`, a new object takes the place of this one, as the callback form promises. */
  regenerate(session: HttpSession, keep: Keep, replacesObject: boolean): Promise<void>;
  destroy(session: HttpSession): Promise<void>;
  save(session: HttpSession): Promise<void>;
  reload(session: HttpSession): Promise<void>;
  touch(session: HttpSession): Promise<void>;
}

/** Leads from the facade, which passes symbols on, to the object behind it. */
const SELF = Symbol('session');

/**
 * The object behind the session that a handler holds. The facade adds the data as plain properties. Reads and
 * assignments work on the state at once. Everything that reaches the store is an operation of the host.
 */
export class HttpSession<Host extends SessionHost = SessionHost> {
  /** What handlers get: the members of this object, and the data as plain properties. */
  readonly facade: SessionOf<Record<string, unknown>> = facadeOf(this);

  constructor(
    readonly host: Host,
    public state: SessionState,
    /** Whether the request came without a live session. */
    private cameWithoutSession: boolean,
  ) {}

  // --- facts --------------------------------------------------------------------------------------------------------

  get id(): string | undefined {
    return this.state.identity?.id;
  }

  get isNew(): boolean {
    this.look();
    return this.cameWithoutSession;
  }

  get createdAt(): Date | undefined {
    return dateOf(this.state.identity?.meta.createdAt);
  }

  get lastSeenAt(): Date | undefined {
    return dateOf(this.state.identity?.moments.lastSeenAt);
  }

  get expiresAt(): Date | undefined {
    return dateOf(this.state.identity?.moments.expiresAt);
  }

  get loggedInAs(): string | undefined {
    this.look();
    return this.state.identity?.meta.user;
  }

  get loggedInAt(): Date | undefined {
    this.look(); // like `loggedInAs`, it tells whether a user is signed in
    return dateOf(this.state.identity?.meta.loggedInAt);
  }

  // --- data ---------------------------------------------------------------------------------------------------------

  get(key: string): unknown {
    this.look();
    return this.state.get(key);
  }

  has(key: string): boolean {
    this.look();
    return this.state.has(key);
  }

  keys(): string[] {
    this.look();
    return this.state.keys();
  }

  set(key: string, value: unknown): void {
    this.#change();
    this.state.set(key, value);
  }

  delete(key: string): boolean {
    this.#change();
    const wasThere = this.state.has(key);
    if (wasThere) this.state.set(key, undefined);
    return wasThere;
  }

  clear(): void {
    this.#change();
    for (const key of this.state.keys()) this.state.set(key, undefined);
  }

  flash(category: string, message: unknown): void {
    this.#change();
    this.host.operations.flash(this, category, message);
  }

  // --- operations ---------------------------------------------------------------------------------------------------

  // The two overloads of the public type differ by their arguments only.
  flashes(): Promise<FlashMessage[]>;
  flashes(category: string): Promise<unknown[]>;
  flashes(category?: string): Promise<unknown[]> {
    return this.#watched(this.host.operations.flashes(this, category));
  }

  update(key: string, change: (value: unknown) => unknown): Promise<unknown> {
    return this.#watched(this.host.operations.update(this, key, change));
  }

  take(key: string): Promise<unknown> {
    return this.#watched(this.host.operations.take(this, key));
  }

  login(userId: string, options: KeepOption = {}): Promise<void> {
    const login = async (): Promise<void> => this.host.operations.login(this, userId, keepOf(options, true));
    return this.#watched(login());
  }

  regenerate(options?: KeepOption): Promise<void>;
  regenerate(callback: SessionCallback): void;
  regenerate(options: KeepOption, callback: SessionCallback): void;
  regenerate(
    first: KeepOption | readonly string[] | SessionCallback = {},
    second?: SessionCallback,
  ): Promise<void> | void {
    const [options, callback] = typeof first === 'function' ? [{}, first] : [first, second];
    return this.#start(callback, async () => {
      if (isList(options)) return this.#regenerateWith(options);
      return this.host.operations.regenerate(this, keepOf(options, false), callback !== undefined);
    });
  }

  destroy(): Promise<void>;
  destroy(callback: SessionCallback): void;
  destroy(callback?: SessionCallback): Promise<void> | void {
    return this.#start(callback, () => this.host.operations.destroy(this));
  }

  save(): Promise<void>;
  save(callback: SessionCallback): void;
  save(callback?: SessionCallback): Promise<void> | void {
    return this.#start(callback, () => this.host.operations.save(this));
  }

  reload(): Promise<void>;
  reload(callback: SessionCallback): void;
  reload(callback?: SessionCallback): Promise<void> | void {
    return this.#start(callback, () => this.host.operations.reload(this));
  }

  touch(): Promise<void> {
    return this.#watched(this.host.operations.touch(this));
  }

  // --- for the facade and the operations ----------------------------------------------------------------------------

  /** Continues with other data: that of a reloaded session, or none. */
  restart(state: SessionState, cameWithoutSession: boolean): void {
    this.state = state;
    this.cameWithoutSession = cameWithoutSession;
  }

  /** The object that takes the place of this one. This one stays readable. */
  successor(state: SessionState): HttpSession<Host> {
    return new HttpSession(this.host, state, this.cameWithoutSession);
  }

  look(): void {
    this.host.look();
  }

  /** Node calls this with the facade as `this`, and the facade shows nothing but data. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { host, state } = this[SELF];
    const data: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    if (host.isReadable) for (const key of state.keys()) data[key] = state.get(key);
    return `Session ${inspect({ ...data }, options)}`;
  }

  get [SELF](): this {
    return this;
  }

  /**
   * The form of @fastify/session, which @fastify/passport uses at each login: a new session, with the values of these
   * keys. Unlike `keep`, it does not keep the user: another one signs in.
   */
  async #regenerateWith(keys: readonly string[]): Promise<void> {
    const values = keys.map(key => [key, this.get(key)] as const);
    await this.host.operations.regenerate(this, false, false);
    for (const [key, value] of values) if (value !== undefined) this.set(key, value);
  }

  #change(): void {
    this.host.assertCurrent(this);
    this.host.engage();
  }

  /** Starts an operation. With a callback, calls that when it has ended, outside of any promise. */
  #start(callback: SessionCallback | undefined, operation: () => Promise<void>): Promise<void> | void {
    if (callback === undefined) return this.#watched(operation());
    if (typeof callback !== 'function') {
      const error = new TypeError('[session] the callback must be a function; leave it out to get a promise');
      return this.#watched(Promise.reject(error));
    }
    operation().then(
      () => process.nextTick(callback),
      (error: unknown) => process.nextTick(callback, error),
    );
  }

  #watched<T>(operation: Promise<T>): Promise<T> {
    return watchOperation(operation, error => this.host.reportUnawaited(error));
  }
}

/** @throws TypeError when these are not the options of `login()` and `regenerate()` */
function keepOf(options: unknown, otherwise: boolean): Keep {
  const { keep = otherwise } = (options ?? { keep: null }) as { readonly keep?: unknown };
  if (typeof keep === 'boolean') return keep;
  if (Array.isArray(keep) && keep.every(key => typeof key === 'string')) return keep;
  throw new TypeError(
    "[session] write { keep: true }, { keep: false } or { keep: ['key', …] } with the data keys to keep",
  );
}

const isList = (value: object): value is readonly string[] => Array.isArray(value);

const dateOf = (moment: number | undefined): Date | undefined =>
  moment === undefined ? undefined : new Date(moment);
