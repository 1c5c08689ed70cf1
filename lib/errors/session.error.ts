import { HttpException } from '@nestjs/common';

/** The stable codes of errors that concern one request. @publicApi */
export type SessionErrorCode =
  | 'SESSION_STORE_UNAVAILABLE'
  | 'SESSION_STORE_TIMEOUT'
  | 'SESSION_STORE_REFUSED'
  | 'SESSION_UNREADABLE'
  | 'SESSION_CONFLICT'
  | 'SESSION_ENDED'
  | 'SESSION_AMBIGUOUS'
  | 'SESSION_HEAD_SENT'
  | 'SESSION_REPLACED'
  | 'SESSION_VALUE_REFUSED'
  | 'SESSION_TOO_LARGE'
  | 'SESSION_MISUSED';

const REASONS: Record<number, string> = {
  409: 'Conflict',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/**
 * What all errors of a request have in common. It is an `HttpException`, so Nest's filters answer with its status; the
 * answer's body says no more than the status does, `message` is for the log.
 *
 * @publicApi
 */
export abstract class SessionError extends HttpException {
  constructor(
    /** Stable across versions; the message is not. */
    readonly code: SessionErrorCode,
    status: number,
    message: string,
    options?: { cause?: unknown },
  ) {
    super({ statusCode: status, message: REASONS[status] ?? 'Error' }, status, options);
    this.name = new.target.name;
    this.message = `[session] ${message}`;
  }
}

/**
 * The store did not do what it was asked: 503 with `Retry-After`.
 *
 * - `SESSION_STORE_UNAVAILABLE`: it cannot be reached, or failed.
 * - `SESSION_STORE_TIMEOUT`: no answer within `storeTimeout`. A write may have been applied, or may be later; it is
 *   never sent again and never revives a session.
 * - `SESSION_STORE_REFUSED`: it answered and refuses us (read-only, full, no permission).
 * - `SESSION_UNREADABLE`: the record is there and cannot be read with what we have.
 *
 * @publicApi
 */
export class SessionStoreError extends SessionError {
  constructor(
    code:
      'SESSION_STORE_UNAVAILABLE' | 'SESSION_STORE_TIMEOUT' | 'SESSION_STORE_REFUSED' | 'SESSION_UNREADABLE',
    message: string,
    options?: { cause?: unknown },
  ) {
    super(code, 503, message, options);
  }
}

/** `update()` or `take()` met other writers until its time was up. Nothing was applied: 503. @publicApi */
export class SessionConflictError extends SessionError {
  constructor(message: string) {
    super('SESSION_CONFLICT', 503, message);
  }
}

/**
 * The session cannot be changed any more, or not from here: 409.
 *
 * - `SESSION_ENDED`: it was ended elsewhere (logout, revoke, expiry).
 * - `SESSION_AMBIGUOUS`: the request brought two different live sessions.
 * - `SESSION_HEAD_SENT`: the response has begun, so no cookie can be set any more.
 * - `SESSION_REPLACED`: this object was left behind by the callback form of `regenerate()`.
 *
 * @publicApi
 */
export class SessionClosedError extends SessionError {
  constructor(
    code: 'SESSION_ENDED' | 'SESSION_AMBIGUOUS' | 'SESSION_HEAD_SENT' | 'SESSION_REPLACED',
    message: string,
  ) {
    super(code, 409, message);
  }

  /** The answer of the store to a change of a session that somebody has ended. */
  static ended(): SessionClosedError {
    return new SessionClosedError(
      'SESSION_ENDED',
      'the session was ended elsewhere; the change was not saved',
    );
  }
}

/**
 * A value that cannot be stored, or too much of it: the application's mistake, so 500. The stored session stays as it
 * was. `keys` names the data keys at fault (the largest ones, for `SESSION_TOO_LARGE`).
 *
 * @publicApi
 */
export class SessionDataError extends SessionError {
  constructor(
    code: 'SESSION_VALUE_REFUSED' | 'SESSION_TOO_LARGE',
    message: string,
    readonly keys: readonly string[],
    options?: { cause?: unknown },
  ) {
    super(code, 500, message, options);
  }
}

/** The session was used where it cannot be used, for instance on an excluded path: the application's mistake, 500. @publicApi */
export class SessionUsageError extends SessionError {
  constructor(message: string) {
    super('SESSION_MISUSED', 500, message);
  }
}
