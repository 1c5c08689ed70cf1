import type { ServerResponse } from 'node:http';
import { lockHead, unlockHead } from './lock-head.js';
import { slotOf } from './request-slot.js';
import { headOf, type ResponseHead } from './response-head.js';

/** Whoever has a say before a response's head leaves. It has to be in the slot of the request: held methods find it there. */
export interface HeadHolder {
  /** There from the first look or change on. */
  hold: ResponseHold | undefined;
  /**
   * Called with the final status before the head leaves, and again when Node refused that head. The head waits for the
   * promise; `undefined` means that it may go.
   */
  commit(status: number): Promise<void> | undefined;
  /** Called each time that the head may go, to add what it needs. */
  dress(head: ResponseHead): void;
  /** What is answered instead when `commit` failed. */
  answerTo(error: unknown): { readonly status: number; readonly body: string };
}

const METHODS = ['write', 'end', 'writeHead', 'flushHeaders'] as const;
type Method = (typeof METHODS)[number];
type AnyFunction = (...args: unknown[]) => unknown;

interface Call {
  readonly method: Method;
  readonly args: unknown[];
}

/** Headers that stay when an answer is replaced by an error: a browser needs them to be allowed to read it. */
const KEPT_HEADERS = /^(?:access-control-|vary$)/;

/**
 * Lets all responses with this prototype be held without a property of their own. Express changes the prototype of every
 * response, and what is added to such an object is dear (`lib/README.md`).
 */
export function makeHoldable(prototype: object): void {
  for (const method of METHODS) {
    const original = Reflect.get(prototype, method) as AnyFunction;
    Object.defineProperty(prototype, method, {
      configurable: true,
      writable: true,
      value: heldBy(method, original),
    });
  }
}

/**
 * Holds the response's head back until the holder has committed. The one place that does: it works on the raw response,
 * so it serves every style of answering on Express and Fastify alike. The first call that would send the head starts the
 * commit; calls that come while it runs are queued and replayed in order. A commit that has nothing to wait for costs
 * no turn of the event loop.
 */
export class ResponseHold {
  /** `open`: everything passes. Our methods are not taken off again: somebody may have wrapped them meanwhile. */
  #state: 'armed' | 'committing' | 'open' | 'failed' = 'armed';
  readonly #originals: Record<Method, AnyFunction>;
  #queue: Call[] | undefined;
  #isEndQueued = false;
  #owesDrain = false;

  constructor(
    readonly response: ServerResponse,
    readonly holder: HeadHolder,
  ) {
    // Each is looked up once and by name: a loop over the names takes several times as long.
    const methods = response as unknown as Record<Method, AnyFunction>;
    const { write, end, writeHead, flushHeaders } = methods;
    this.#originals = {
      write: originalOf(write),
      end: originalOf(end),
      writeHead: originalOf(writeHead),
      flushHeaders: originalOf(flushHeaders),
    };
    // One that the prototype holds needs nothing; one that somebody wrapped on the response is held on the response.
    if (this.#originals.write === write) methods.write = HELD.write;
    if (this.#originals.end === end) methods.end = HELD.end;
    if (this.#originals.writeHead === writeHead) methods.writeHead = HELD.writeHead;
    if (this.#originals.flushHeaders === flushHeaders) methods.flushHeaders = HELD.flushHeaders;
  }

  /**
   * Whether a call of a prototype's method is this hold's to decide. It is not when somebody wrapped the method before
   * us: then we stand in front of that wrapper, and what it calls has been decided.
   */
  holds(method: Method, original: AnyFunction): boolean {
    return this.#state !== 'open' && this.#originals[method] === original;
  }

  get isCommitting(): boolean {
    return this.#state === 'committing';
  }

  get isEndQueued(): boolean {
    return this.isCommitting && this.#isEndQueued;
  }

  call(method: Method, args: unknown[]): unknown {
    if (this.#state === 'armed') return this.#start(method, args);
    if (this.#state === 'committing') return this.#enqueue(method, args);
    if (this.#state === 'failed') return this.#swallow(method, args);
    return this.#original(method, args);
  }

  #start(method: Method, args: unknown[]): unknown {
    this.#state = 'committing';
    const status = method === 'writeHead' ? Number(args[0]) : this.response.statusCode;
    let pending: Promise<void> | undefined;
    try {
      pending = this.holder.commit(status);
    } catch (error) {
      this.#fail(error);
      return this.#swallow(method, args);
    }
    if (!pending) {
      this.#state = 'open';
      return this.#send(method, args);
    }
    lockHead(this.response, this);
    const answer = this.#enqueue(method, args);
    pending.then(
      () => this.#replay(),
      (error: unknown) => this.#fail(error),
    );
    return answer;
  }

  #enqueue(method: Method, args: unknown[]): unknown {
    (this.#queue ??= []).push({ method, args });
    if (method === 'write') {
      this.#owesDrain = true;
      return false; // the writer waits for `drain`
    }
    if (method === 'end') this.#isEndQueued = true;
    return this.response;
  }

  #replay(): void {
    unlockHead(this.response);
    this.#state = 'open';
    try {
      const [first, ...others] = this.#queue ?? [];
      if (first) this.#send(first.method, first.args);
      for (const { method, args } of others) this.#original(method, args);
    } catch (error) {
      // What the caller would have been told had the head not been held: an invalid header, for instance.
      if (this.response.headersSent) this.response.destroy(error as Error);
      else this.#fail(error);
      return;
    }
    this.#drain();
  }

  /** The first call that gets through: the head leaves with it. */
  #send(method: Method, args: unknown[]): unknown {
    this.holder.dress(headOf(this.response, method === 'writeHead' ? args : undefined));
    try {
      return this.#original(method, args);
    } catch (error) {
      // Node refuses this head (an invalid value, for instance). What is answered instead is dressed again.
      if (!this.response.headersSent) this.#state = 'armed';
      throw error;
    }
  }

  #fail(error: unknown): void {
    unlockHead(this.response);
    this.#state = 'open';
    const { response } = this;
    const { status, body } = this.holder.answerTo(error);
    for (const name of response.getHeaderNames()) if (!KEPT_HEADERS.test(name)) response.removeHeader(name);
    response.statusCode = status;
    if (response.req.httpVersionMajor < 2) response.statusMessage = ''; // HTTP/2 has none, and Node warns
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.setHeader('content-length', Buffer.byteLength(body));
    this.holder.dress(headOf(response, undefined));
    this.#originals.end.call(response, body);
    this.#state = 'failed'; // what still comes belongs to the answer that was replaced
    for (const { method, args } of this.#queue ?? []) this.#swallow(method, args);
    this.#drain();
  }

  /** A call of an answer that was replaced: nothing is sent, and whoever waits for it goes on. */
  #swallow(method: Method, args: unknown[]): unknown {
    const callback = args.find(arg => typeof arg === 'function') as AnyFunction | undefined;
    if (callback) process.nextTick(callback);
    return method === 'write' ? true : this.response;
  }

  #original(method: Method, args: unknown[]): unknown {
    return this.#originals[method].apply(this.response, args);
  }

  #drain(): void {
    if (this.#owesDrain && !this.response.writableNeedDrain) this.response.emit('drain');
  }
}

/** What a method of `makeHoldable` stands in front of. */
const ORIGINALS = new WeakMap<AnyFunction, AnyFunction>();
const originalOf = (method: AnyFunction): AnyFunction => ORIGINALS.get(method) ?? method;

function holdOf(response: ServerResponse): ResponseHold | undefined {
  return (slotOf(response.req) as HeadHolder | undefined)?.hold;
}

function held(method: Method): AnyFunction {
  return function (this: ServerResponse, ...args) {
    return holdOf(this)?.call(method, args);
  };
}

function heldBy(method: Method, original: AnyFunction): AnyFunction {
  const holdable = function (this: ServerResponse, ...args: unknown[]): unknown {
    const hold = holdOf(this);
    return hold?.holds(method, original) === true ? hold.call(method, args) : original.apply(this, args);
  };
  ORIGINALS.set(holdable, original);
  return holdable;
}

const HELD: Record<Method, AnyFunction> = {
  write: held('write'),
  end: held('end'),
  writeHead: held('writeHead'),
  flushHeaders: held('flushHeaders'),
};
