import type { ServerResponse } from 'node:http';
import { headOf, type ResponseHead } from './response-head.js';

/** Whoever wants to have a say before a response's head leaves. */
export interface HeadHolder {
  /** Called once, with the final status. The head waits for the promise; `undefined` means that it may go. */
  commit(status: number): Promise<void> | undefined;
  /** Called once the head may go, to add what it needs. */
  dress(head: ResponseHead): void;
  /** What is answered instead when `commit` failed. */
  answerTo(error: unknown): { readonly status: number; readonly body: string };
}

const METHODS = ['write', 'end', 'writeHead', 'flushHeaders'] as const;
type Method = (typeof METHODS)[number];
type AnyFunction = (...args: unknown[]) => unknown;

const HOLD = Symbol('nestjs-http-session hold');
interface HeldResponse extends ServerResponse {
  [HOLD]?: ResponseHold;
}

/** Headers that stay when an answer is replaced by an error: a browser needs them to be allowed to read it. */
const KEPT_HEADERS = /^(?:access-control-|vary$)/;

/**
 * Holds the response's head back until the holder has committed. The one place that does: it works on the raw response,
 * so it serves every style of answering on Express and Fastify alike. The first call that would send the head starts the
 * commit; calls that come while it runs are queued and replayed in order. A commit that has nothing to wait for costs
 * no turn of the event loop.
 */
export function holdHead(response: ServerResponse, holder: HeadHolder): void {
  (response as HeldResponse)[HOLD] = new ResponseHold(response, holder);
}

class ResponseHold {
  #state: 'armed' | 'committing' | 'open' | 'failed' = 'armed';
  readonly #originals: Record<Method, AnyFunction>;
  readonly #queue: { readonly method: Method; readonly args: unknown[] }[] = [];
  #isEndQueued = false;
  #owesDrain = false;

  constructor(
    readonly response: ServerResponse,
    readonly holder: HeadHolder,
  ) {
    const methods = response as unknown as Record<Method, AnyFunction>;
    this.#originals = {
      write: methods.write,
      end: methods.end,
      writeHead: methods.writeHead,
      flushHeaders: methods.flushHeaders,
    };
    this.#arm();
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
      this.#open();
      return this.#send(method, args);
    }
    this.#lock();
    const answer = this.#enqueue(method, args);
    pending.then(
      () => this.#replay(),
      (error: unknown) => this.#fail(error),
    );
    return answer;
  }

  #enqueue(method: Method, args: unknown[]): unknown {
    this.#queue.push({ method, args });
    if (method === 'write') {
      this.#owesDrain = true;
      return false; // the writer waits for `drain`
    }
    if (method === 'end') this.#isEndQueued = true;
    return this.response;
  }

  #replay(): void {
    this.#open();
    try {
      const [first, ...others] = this.#queue;
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
      if (!this.response.headersSent) this.#arm();
      throw error;
    }
  }

  #fail(error: unknown): void {
    this.#unlock();
    this.#state = 'open';
    const { response } = this;
    const { status, body } = this.holder.answerTo(error);
    for (const name of response.getHeaderNames()) if (!KEPT_HEADERS.test(name)) response.removeHeader(name);
    response.statusCode = status;
    response.statusMessage = '';
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.setHeader('content-length', Buffer.byteLength(body));
    this.holder.dress(headOf(response, undefined));
    this.#originals.end.call(response, body);
    this.#state = 'failed'; // what still comes belongs to the answer that was replaced
    for (const { method, args } of this.#queue) this.#swallow(method, args);
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

  /** While the commit runs the head counts as sent, or somebody would begin a second answer. */
  #lock(): void {
    Object.defineProperties(this.response, LOCKED_STATE);
    for (const method of HEADER_METHODS) Object.defineProperty(this.response, method, LOCKED_HEADERS);
  }

  #arm(): void {
    this.#state = 'armed';
    const methods = this.response as unknown as Record<string, unknown>;
    for (const method of METHODS)
      if (methods[method] === this.#originals[method]) methods[method] = HELD[method];
  }

  #open(): void {
    this.#unlock();
    this.#state = 'open';
    const methods = this.response as unknown as Record<string, unknown>;
    for (const method of METHODS) {
      // Somebody may have wrapped ours meanwhile; then it stays, and lets everything through.
      if (methods[method] === HELD[method]) methods[method] = this.#originals[method];
    }
  }

  #unlock(): void {
    const methods = this.response as unknown as Record<string, unknown>;
    for (const method of HEADER_METHODS) {
      if (Object.hasOwn(methods, method) && methods[method] === refuseHeader) delete methods[method];
    }
  }

  #drain(): void {
    if (this.#owesDrain && !this.response.writableNeedDrain) this.response.emit('drain');
  }
}

function held(method: Method): AnyFunction {
  return function (this: HeldResponse, ...args) {
    return this[HOLD]?.call(method, args);
  };
}

const HELD: Record<Method, AnyFunction> = {
  write: held('write'),
  end: held('end'),
  writeHead: held('writeHead'),
  flushHeaders: held('flushHeaders'),
};

const HEADER_METHODS = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const;

function refuseHeader(): never {
  const error = new Error('Cannot change headers after they are sent: the session is being saved');
  throw Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}

const LOCKED_HEADERS: PropertyDescriptor = { configurable: true, writable: true, value: refuseHeader };

const LOCKED_STATE: PropertyDescriptorMap = {
  headersSent: {
    configurable: true,
    get(this: HeldResponse) {
      return this[HOLD]?.isCommitting === true || inherited(this, 'headersSent');
    },
  },
  writableEnded: {
    configurable: true,
    get(this: HeldResponse) {
      return this[HOLD]?.isEndQueued === true || inherited(this, 'writableEnded');
    },
  },
};

function inherited(response: ServerResponse, property: string): unknown {
  return Reflect.get(Object.getPrototypeOf(response) as object, property, response);
}
