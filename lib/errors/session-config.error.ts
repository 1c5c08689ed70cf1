/** What is wrong with one option, where, and what to do about it. @publicApi */
export interface SessionConfigProblem {
  /** The option's path, as written: `cookie.sameSite`. */
  readonly option: string;
  /** What is wrong and how to mend it. */
  readonly message: string;
}

/**
 * The module cannot start as it is configured. All problems are reported together.
 *
 * @publicApi
 */
export class SessionConfigError extends Error {
  override readonly name = 'SessionConfigError';
  readonly code = 'SESSION_CONFIG';

  constructor(
    readonly problems: readonly SessionConfigProblem[],
    options?: { cause?: unknown },
  ) {
    super(
      `[session] SessionModule cannot start:\n${problems.map(({ option, message }) => `  - ${option}: ${message}`).join('\n')}`,
      options,
    );
  }
}
