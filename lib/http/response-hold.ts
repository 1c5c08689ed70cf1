import type { ServerResponse } from 'node:http';
import type {
  AnyFunction,
  HeadParticipant,
  HeadMethod,
  Hold,
  HoldState,
} from './head-participant.interface.js';
import { HELD, originalOf } from './held-methods.js';
import { lockHead, unlockHead } from './lock-head.js';
import { headOf, type ResponseHead } from './response-head.js';

interface Call {
  readonly method: HeadMethod;
  readonly args: unknown[];
}

/** Headers that are kept when an error replaces the response: without them a browser may not read the error. */
const KEPT_HEADERS = /^(?:access-control-|vary$)/;

/**
 * Holds the response's head back until every participant has committed. This is the only place that does. It works on
 * the raw response, so it serves every style of answering, on Express and Fastify. The first call that would send the
 * head starts the commit. Calls that come while the commit runs are queued and replayed in order. A commit that has
 * nothing to wait for costs no turn of the event loop.
 */
export class ResponseHold implements Hold {
  #state: HoldState = 'held';
  readonly #originals: Record<HeadMethod, AnyFunction>;
  readonly #participants: HeadParticipant[];
  #queue: Call[] | undefined;
  /** Of several participants, those whose commit for the leaving head has settled. */
  readonly #committed = new Set<HeadParticipant>();

  constructor(
    readonly response: ServerResponse,
    participant: HeadParticipant,
  ) {
    this.#participants = [participant];
    // Each method is looked up by name: a loop over the names takes several times as long.
    const methods = response as unknown as Record<HeadMethod, AnyFunction>;
    const { write, end, writeHead, flushHeaders } = methods;
    this.#originals = {
      write: originalOf(write),
      end: originalOf(end),
      writeHead: originalOf(writeHead),
      flushHeaders: originalOf(flushHeaders),
    };
    // A method that the prototype holds is left as it is. A method that other middleware wrapped on the response is
    // replaced on the response, so that the wrapper runs after the commit, once.
    if (this.#originals.write === write) methods.write = HELD.write;
    if (this.#originals.end === end) methods.end = HELD.end;
    if (this.#originals.writeHead === writeHead) methods.writeHead = HELD.writeHead;
    if (this.#originals.flushHeaders === flushHeaders) methods.flushHeaders = HELD.flushHeaders;
  }

  get state(): HoldState {
    return this.#state;
  }

  awaits(participant: HeadParticipant): boolean {
    if (this.#state === 'leaving') return !this.#committed.has(participant);
    return this.#state === 'held';
  }

  /** Adds the session of another application that serves the same request. */
  add(participant: HeadParticipant): void {
    this.#participants.push(participant);
  }

  /**
   * Whether the hold must intercept a call of the prototype's method. It must not if other middleware had wrapped the
   * method before the hold was made: the hold then stands in front of that wrapper and has already decided.
   */
  intercepts(method: HeadMethod, original: AnyFunction): boolean {
    return this.#state !== 'sent' && this.#originals[method] === original;
  }

  /** For the lock: whether the response counts as ended although `end()` is still queued. */
  get isEndQueued(): boolean {
    return this.#state === 'leaving' && this.#hasQueued('end');
  }

  call(method: HeadMethod, args: unknown[]): unknown {
    if (this.#state === 'held') return this.#start(method, args);
    if (this.#state === 'leaving') return this.#enqueue(method, args);
    if (this.#state === 'replaced') return this.#drop(method, args);
    return this.#original(method, args);
  }

  #start(method: HeadMethod, args: unknown[]): unknown {
    this.#state = 'leaving';
    const status = method === 'writeHead' ? Number(args[0]) : this.response.statusCode;
    const pending = this.#commit(status);
    if (!pending) return this.#send(method, args);
    lockHead(this.response, this);
    const answer = this.#enqueue(method, args);
    pending.then(
      () => this.#replay(),
      (error: unknown) => this.#replace(error),
    );
    return answer;
  }

  /** Every participant commits, even if another one fails: they know nothing of each other. */
  #commit(status: number): Promise<void> | undefined {
    const [first, ...others] = this.#participants;
    if (others.length === 0) return first?.commit(status);
    this.#committed.clear();
    const commits = this.#participants.map(participant => {
      const settle = (): void => void this.#committed.add(participant);
      const commit = participant.commit(status);
      if (!commit) settle();
      return commit?.finally(settle);
    });
    return Promise.allSettled(commits).then(outcomes => {
      const failed = outcomes.find(outcome => outcome.status === 'rejected');
      if (failed) throw failed.reason;
    });
  }

  #enqueue(method: HeadMethod, args: unknown[]): unknown {
    (this.#queue ??= []).push({ method, args });
    return method === 'write' ? false : this.response; // `false`: the writer waits for `drain`
  }

  #replay(): void {
    unlockHead(this.response);
    const [first, ...others] = this.#queue ?? [];
    try {
      if (first) this.#send(first.method, first.args);
      for (const { method, args } of others) this.#original(method, args);
    } catch (error) {
      // Without the hold the caller would have got this error, for instance about an invalid header.
      if (this.response.headersSent) this.response.destroy(error as Error);
      else this.#replace(error);
      return;
    }
    this.#drain();
  }

  /** Passes on the first call, with which the head leaves. */
  #send(method: HeadMethod, args: unknown[]): unknown {
    this.#state = 'sent';
    try {
      this.#addHeaders(headOf(this.response, method === 'writeHead' ? args : undefined));
      return this.#original(method, args);
    } catch (error) {
      // Node refused this head, for instance for an invalid value. The next head is committed and dressed again.
      if (!this.response.headersSent) this.#state = 'held';
      throw error;
    }
  }

  /** Sends an error in the place of the application's response. */
  #replace(error: unknown): void {
    unlockHead(this.response);
    this.#state = 'sent';
    const { response } = this;
    const { status, body } = (this.#participants[0] as HeadParticipant).answerTo(error);
    for (const name of response.getHeaderNames()) if (!KEPT_HEADERS.test(name)) response.removeHeader(name);
    response.statusCode = status;
    if (response.req.httpVersionMajor < 2) response.statusMessage = ''; // HTTP/2 has none, and Node warns
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.setHeader('content-length', Buffer.byteLength(body));
    this.#addHeaders(headOf(response, undefined));
    this.#originals.end.call(response, body);
    this.#state = 'replaced';
    for (const { method, args } of this.#queue ?? []) this.#drop(method, args);
    this.#drain();
  }

  /** Ignores a call that belongs to a replaced response. Code that waits for its callback continues. */
  #drop(method: HeadMethod, args: unknown[]): unknown {
    const callback = args.find(arg => typeof arg === 'function') as AnyFunction | undefined;
    if (callback) process.nextTick(callback);
    return method === 'write' ? true : this.response;
  }

  #addHeaders(head: ResponseHead): void {
    for (const participant of this.#participants) participant.addHeaders(head);
  }

  #original(method: HeadMethod, args: unknown[]): unknown {
    return this.#originals[method].apply(this.response, args);
  }

  #hasQueued(method: HeadMethod): boolean {
    return this.#queue?.some(call => call.method === method) ?? false;
  }

  /** A queued `write()` returned `false`, so its caller waits for `drain`. */
  #drain(): void {
    if (this.#hasQueued('write') && !this.response.writableNeedDrain) this.response.emit('drain');
  }
}
