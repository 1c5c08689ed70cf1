import { inspect, type InspectOptions } from 'node:util';
import type { FlashMessage, SessionCallback, SessionOf } from './session.interface.js';
import { facadeOf } from './session-facade.js';
import type { SessionState } from './session-state.js';

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
    return catchUnawaited(this.host.operations.flashes(this, category));
  }

  update(key: string, change: (value: unknown) => unknown): Promise<unknown> {
    return catchUnawaited(this.host.operations.update(this, key, change));
  }

  take(key: string): Promise<unknown> {
    return catchUnawaited(this.host.operations.take(this, key));
  }

  login(userId: string, options: KeepOption = {}): Promise<void> {
    return catchUnawaited(this.host.operations.login(this, userId, options.keep ?? true));
  }

  regenerate(options?: KeepOption): Promise<void>;
  regenerate(callback: SessionCallback): void;
  regenerate(options: KeepOption, callback: SessionCallback): void;
  regenerate(
    first: KeepOption | readonly string[] | SessionCallback = {},
    second?: SessionCallback,
  ): Promise<void> | void {
    const callback = typeof first === 'function' ? first : second;
    if (isList(first)) return passToCallback(this.#regenerateWith(first), callback);
    const keep = typeof first === 'function' ? false : (first.keep ?? false);
    const replacesObject = callback !== undefined;
    return passToCallback(this.host.operations.regenerate(this, keep, replacesObject), callback);
  }

  destroy(): Promise<void>;
  destroy(callback: SessionCallback): void;
  destroy(callback?: SessionCallback): Promise<void> | void {
    return passToCallback(this.host.operations.destroy(this), callback);
  }

  save(): Promise<void>;
  save(callback: SessionCallback): void;
  save(callback?: SessionCallback): Promise<void> | void {
    return passToCallback(this.host.operations.save(this), callback);
  }

  reload(): Promise<void>;
  reload(callback: SessionCallback): void;
  reload(callback?: SessionCallback): Promise<void> | void {
    return passToCallback(this.host.operations.reload(this), callback);
  }

  touch(): Promise<void> {
    return catchUnawaited(this.host.operations.touch(this));
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
}

const isList = (value: object): value is readonly string[] => Array.isArray(value);

const dateOf = (moment: number | undefined): Date | undefined =>
  moment === undefined ? undefined : new Date(moment);

const reportedElsewhere = (): void => undefined;

/**
 * A failed operation must not end the process if the handler did not await it. The failure is reported all the same: as
 * an event of the store, and as the answer of the commit that waits for the operation.
 */
function catchUnawaited<T>(operation: Promise<T>): Promise<T> {
  operation.catch(reportedElsewhere);
  return operation;
}

/** Returns the promise; with a callback, calls that instead, outside of any promise. */
function passToCallback(
  operation: Promise<void>,
  callback: SessionCallback | undefined,
): Promise<void> | void {
  if (!callback) return catchUnawaited(operation);
  operation.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  );
}
