import type { ResponseHead } from './response-head.js';

/** Is asked before a response's head is sent. */
export interface HeadParticipant {
  /**
   * Called with the final status before the head leaves, and once more with each further head when Node refused the
   * previous one. The head waits for the promise; `undefined` means that it may leave.
   */
  commit(status: number): Promise<void> | undefined;
  /** Called each time the head may leave. Adds the headers that it needs. */
  addHeaders(head: ResponseHead): void;
  /** The response that is sent instead when `commit` failed. */
  answerTo(error: unknown): ErrorAnswer;
}

export interface ErrorAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * - `held`: the head has to wait for the commit.
 * - `leaving`: the commit runs. Calls that would send something are queued.
 * - `sent`: everything passes. Our methods stay installed, because other code may have wrapped them.
 * - `replaced`: the commit failed and an error has been sent. What the application still sends is dropped.
 */
export type HoldState = 'held' | 'leaving' | 'sent' | 'replaced';

/** The hold of a response, as the wrapped response methods and the request see it. */
export interface Hold {
  readonly state: HoldState;
  /** Whether the head still waits for this participant, so that what it does now is part of this response. */
  awaits(participant: HeadParticipant): boolean;
  /** Adds the session of another application that serves the same request. */
  add(holder: HeadParticipant): void;
  /** Whether the hold must intercept a call of the prototype's method, which wraps `original`. */
  intercepts(method: HeadMethod, original: AnyFunction): boolean;
  /** Makes a call of a wrapped method now, later, or never. */
  call(method: HeadMethod, args: unknown[]): unknown;
}

/** The methods of a response that send its head. */
export type HeadMethod = 'write' | 'end' | 'writeHead' | 'flushHeaders';
export type AnyFunction = (...args: unknown[]) => unknown;
