import type { CommonSessionOptions } from '../../lib/index.js';
import type { Operation, Program, User } from './program.js';

/** What a store holds of one session, decoded. */
export interface Content {
  readonly user: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
  /** The messages by the name of their field. */
  readonly flashes: Readonly<Record<string, unknown>>;
  readonly expiresAt: number;
  readonly lastSeenAt: number;
}

/** What an effect did to one record. */
export interface Change {
  readonly id: string;
  /** `undefined`: there was none. */
  readonly before: Content | undefined;
  readonly after: Content | undefined;
}

/** A moment of the schedule: events are numbered in the order in which they happened. */
export type Moment = number;

/** One call to the store. */
export interface StoreCall {
  /** The number of the request, and of its operation. Neither: the call belongs to no request. */
  readonly request: number | undefined;
  /** `undefined`: the load or the commit of the request. */
  readonly operation: number | undefined;
  readonly verb: string;
  readonly args: readonly unknown[];
  readonly calledAt: Moment;
  /** When it took effect; `undefined` if it failed before. */
  effectAt?: Moment;
  /** The time of the clock at its effect. */
  now?: number;
  result?: unknown;
  /** What a `load` found. */
  content?: Content;
  /** The records that it changed, made or removed. */
  changes: readonly Change[];
  /** When the caller got the result or the error. */
  settledAt?: Moment;
  /** The time of the clock when the caller got the result. */
  settledNow?: number;
  failed?: 'before' | 'after';
}

export interface Failure {
  readonly code: string;
  readonly status: number;
}

export interface OperationRun {
  readonly operation: Operation;
  /** The value that it writes, if it writes one. No other operation writes the same. */
  readonly mark: string;
  readonly startedAt: Moment;
  endedAt?: Moment;
  value?: unknown;
  failure?: Failure;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The `Set-Cookie` lines of the session cookie. */
  readonly cookies: readonly string[];
}

export interface RequestRun {
  /** The token of the cookie that it brought. */
  brought?: string | undefined;
  startedAt?: Moment;
  readonly operations: OperationRun[];
  /** When the handler had its session. */
  loadedAt?: Moment;
  handlerEndedAt?: Moment;
  handlerFailure?: Failure | undefined;
  /** When the head of its answer arrived. */
  headAt?: Moment;
  answer?: Answer;
  /** When its client left, before it had the answer. */
  leftAt?: Moment;
}

/** Everything that happened in one schedule. */
export interface History {
  readonly program: Program;
  readonly requests: readonly RequestRun[];
  readonly calls: readonly StoreCall[];
  /** The steps in the order in which the scheduler released them. */
  readonly trace: readonly string[];
  /** The ids that the browsers had at the beginning. */
  readonly initial: readonly (string | undefined)[];
  /** What the store held at the beginning, by id. */
  readonly seeded: ReadonlyMap<string, Content>;
  readonly options: CommonSessionOptions;
  /** What the store holds in the end, by id. */
  readonly end: ReadonlyMap<string, Content>;
  /** What `listByUser()` gives in the end. */
  readonly listed: Readonly<Record<User, readonly string[]>>;
  /** The requests that never ended. */
  readonly hanging: readonly number[];
}
