/** One wrong option. @publicApi */
export interface SessionConfigProblem {
  /** The path of the option: `cookie.sameSite`. */
  readonly option: string;
  /** What is wrong, and how to fix it. */
  readonly message: string;
}

/**
 * The module cannot start with its options. The error reports all problems at once.
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
