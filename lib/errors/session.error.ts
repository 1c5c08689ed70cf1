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
 * The base class of all errors that concern one request. It is an `HttpException`, so Nest's filters answer with its
 * status. The body of the response contains the status only. The `message` is for the log.
 *
 * @publicApi
 */
export abstract class SessionError extends HttpException {
  constructor(
    /** Stays the same across versions. The message may change. */
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
 * A call to the store failed: 503 with `Retry-After`.
 *
 * - `SESSION_STORE_UNAVAILABLE`: the store cannot be reached, or failed.
 * - `SESSION_STORE_TIMEOUT`: the store did not answer within `storeTimeout`. Whether a write was applied is unknown. It
 *   may even be applied later, but it is never sent again, and never revives a session that has ended.
 * - `SESSION_STORE_REFUSED`: the store answered and refused: it is read-only or full, or a permission is missing.
 * - `SESSION_UNREADABLE`: the record exists, but cannot be read with the current configuration.
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

/**
 * `update()` or `take()` gave up after `storeTimeout`, because other requests kept writing the key. It changed
 * nothing: 503.
 *
 * @publicApi
 */
export class SessionConflictError extends SessionError {
  constructor(message: string) {
    super('SESSION_CONFLICT', 503, message);
  }
}

/**
 * The session cannot be changed, or not through this object: 409.
 *
 * - `SESSION_ENDED`: another request ended the session (logout, revoke), or it expired.
 * - `SESSION_AMBIGUOUS`: the cookies of the request name two different live sessions.
 * - `SESSION_HEAD_SENT`: the response has begun, so its head can no longer set a cookie.
 * - `SESSION_REPLACED`: the callback form of `regenerate()` has replaced this object by a new one.
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

  /** The error for a change of a session that another request has ended. */
  static ended(): SessionClosedError {
    return new SessionClosedError(
      'SESSION_ENDED',
      'the session was ended elsewhere; the change was not saved',
    );
  }
}

/**
 * The session cannot be stored because of its data, which is a mistake of the application: 500. The stored session
 * stays as it was.
 *
 * - `SESSION_VALUE_REFUSED`: a value cannot be stored. `keys` names its data key.
 * - `SESSION_TOO_LARGE`: the session would exceed `maxSize`. `keys` names the largest data keys.
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

/**
 * The session was used where there is none, such as on an excluded path. This is a mistake of the application: 500.
 *
 * @publicApi
 */
export class SessionUsageError extends SessionError {
  constructor(message: string) {
    super('SESSION_MISUSED', 500, message);
  }
}
