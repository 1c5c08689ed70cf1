/** Where the library writes messages for the operator of the application. */
export interface SessionLog {
  error(message: string, error: unknown): void;
  /**
   * Logs a mistake of the application: a `SessionError` with status 500. Nest does not log it, because it is an
   * `HttpException`. Each error object is logged once; all other errors are ignored.
   */
  mistake(error: unknown): void;
  warnOnce(topic: string, message: string): void;
}
