/** The longest user id, in bytes of UTF-8. Every store keeps it in each record and in its index. */
const MAX_BYTES = 1_024;

/**
 * Checks the id of a user where the application gives one.
 *
 * @throws TypeError when it is not a string, or is too long
 */
export function assertUserId(userId: unknown): asserts userId is string {
  if (typeof userId !== 'string') {
    throw new TypeError(
      '[session] userId must be a string, the one given to login(). Convert it: String(user.id)',
    );
  }
  // UTF-8 takes at most three bytes for one UTF-16 unit, so most ids need not be measured.
  if (userId.length * 3 > MAX_BYTES && Buffer.byteLength(userId) > MAX_BYTES) {
    throw new TypeError(
      `[session] userId is longer than ${MAX_BYTES} bytes. Pass the id of the user, not the user's data`,
    );
  }
}

/**
 * Checks the id of a user to sign in.
 *
 * @throws TypeError when it is not a string, is empty, or is too long
 */
export function assertLoginId(userId: unknown): asserts userId is string {
  assertUserId(userId);
  if (userId === '')
    throw new TypeError('[session] login(userId) needs a string that is not empty: String(user.id)');
}
