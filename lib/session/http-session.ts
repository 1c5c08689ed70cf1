import { inspect, type InspectOptions } from 'node:util';
import { SessionClosedError } from '../errors/session.error.js';
import type { HttpExchange } from '../lifecycle/http-exchange.js';
import type { FlashMessage, SessionCallback, SessionOf } from './session.interface.js';
import { facadeOf } from './session-facade.js';
import type { SessionState } from './session-state.js';

interface Keep {
  readonly keep?: boolean | readonly string[];
}

/** Leads from the facade, which lets symbols through, to the object behind it. */
const SELF = Symbol('session');

/**
 * The session that a handler holds, without its plain properties: those are the facade's. Reading and assigning work on
 * the state at once; everything that reaches the store is an operation of the lifecycle.
 */
export class HttpSession {
  /** What handlers get: this object, with the data as plain properties. */
  readonly facade: SessionOf<Record<string, unknown>> = facadeOf(this);
  /** The callback form of `regenerate()` put another object in this one's place. */
  isReplaced = false;

  constructor(
    readonly exchange: HttpExchange,
    public state: SessionState,
    private isFresh: boolean,
  ) {}

  // --- facts --------------------------------------------------------------------------------------------------------

  get id(): string | undefined {
    return this.state.stored?.id;
  }

  get isNew(): boolean {
    this.look();
    return this.isFresh;
  }

  get createdAt(): Date | undefined {
    return dateOf(this.state.stored?.meta.createdAt);
  }

  get lastSeenAt(): Date | undefined {
    return dateOf(this.state.stored?.moments.lastSeenAt);
  }

  get expiresAt(): Date | undefined {
    return dateOf(this.state.stored?.moments.expiresAt);
  }

  get loggedInAs(): string | undefined {
    this.look();
    return this.state.stored?.meta.user;
  }

  get loggedInAt(): Date | undefined {
    this.look(); // it tells who is signed in as much as `loggedInAs` does
    return dateOf(this.state.stored?.meta.loggedInAt);
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
    this.#lifecycle.operations.flash(this, category, message);
  }

  // --- operations ---------------------------------------------------------------------------------------------------

  // The two overloads of the public type differ by their arguments only.
  flashes(): Promise<FlashMessage[]>;
  flashes(category: string): Promise<unknown[]>;
  flashes(category?: string): Promise<unknown[]> {
    return waitedFor(this.#lifecycle.operations.flashes(this, category));
  }

  update(key: string, change: (value: unknown) => unknown): Promise<unknown> {
    return waitedFor(this.#lifecycle.operations.update(this, key, change));
  }

  take(key: string): Promise<unknown> {
    return waitedFor(this.#lifecycle.operations.take(this, key));
  }

  login(userId: string, options: Keep = {}): Promise<void> {
    return waitedFor(this.#lifecycle.operations.login(this, userId, options.keep ?? true));
  }

  regenerate(options?: Keep): Promise<void>;
  regenerate(callback: SessionCallback): void;
  regenerate(options: Keep, callback: SessionCallback): void;
  regenerate(first: Keep | SessionCallback = {}, second?: SessionCallback): Promise<void> | void {
    const callback = typeof first === 'function' ? first : second;
    const keep = typeof first === 'function' ? false : (first.keep ?? false);
    const replaces = callback !== undefined;
    return answering(this.#lifecycle.operations.regenerate(this, keep, replaces), callback);
  }

  destroy(): Promise<void>;
  destroy(callback: SessionCallback): void;
  destroy(callback?: SessionCallback): Promise<void> | void {
    return answering(this.#lifecycle.operations.destroy(this), callback);
  }

  save(): Promise<void>;
  save(callback: SessionCallback): void;
  save(callback?: SessionCallback): Promise<void> | void {
    return answering(this.#lifecycle.operations.save(this), callback);
  }

  reload(): Promise<void>;
  reload(callback: SessionCallback): void;
  reload(callback?: SessionCallback): Promise<void> | void {
    return answering(this.#lifecycle.operations.reload(this), callback);
  }

  touch(): Promise<void> {
    return waitedFor(this.#lifecycle.operations.touch(this));
  }

  // --- for the facade and the operations ----------------------------------------------------------------------------

  /** The session goes on with other data, or none. */
  begin(state: SessionState, isFresh: boolean): void {
    this.state = state;
    this.isFresh = isFresh;
  }

  /** The object that takes this one's place. This one stays readable. */
  successor(state: SessionState): HttpSession {
    this.isReplaced = true;
    return new HttpSession(this.exchange, state, this.isFresh);
  }

  /** Somebody is about to see data. */
  look(): void {
    this.exchange.lifecycle.look(this.exchange);
  }

  /** @throws SessionClosedError when this object was left behind */
  assertCurrent(): void {
    if (!this.isReplaced) return;
    throw new SessionClosedError(
      'SESSION_REPLACED',
      'regenerate(callback) has replaced this session object: use request.session',
    );
  }

  /** `this` is the facade when Node calls this, and the facade has nothing but data. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { exchange, state } = this[SELF];
    const data: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    if (!exchange.failure) for (const key of state.keys()) data[key] = state.get(key);
    return `Session ${inspect({ ...data }, options)}`;
  }

  get [SELF](): this {
    return this;
  }

  #change(): void {
    this.assertCurrent();
    this.exchange.lifecycle.engage(this.exchange);
  }

  get #lifecycle() {
    return this.exchange.lifecycle;
  }
}

const dateOf = (moment: number | undefined): Date | undefined =>
  moment === undefined ? undefined : new Date(moment);

const reportedElsewhere = (): void => undefined;

/**
 * An operation whose promise nobody awaits must not end the process when it fails: its fault is an event, and the commit
 * that waits for it answers with it.
 */
function waitedFor<T>(operation: Promise<T>): Promise<T> {
  operation.catch(reportedElsewhere);
  return operation;
}

/** The promise; or, with a callback, nothing, and the callback is called outside of any promise. */
function answering(operation: Promise<void>, callback: SessionCallback | undefined): Promise<void> | void {
  if (!callback) return waitedFor(operation);
  operation.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  );
}
