/**
 * Thrown by a store whose backend answered and refuses us: wrong password, no permission, read-only, full, wrong
 * server. Retrying does not help until somebody changes something. The lifecycle answers with 503
 * `SESSION_STORE_REFUSED`; every other error of a store counts as "not available".
 *
 * @publicApi
 */
export class StoreRefusedError extends Error {
  override readonly name = 'StoreRefusedError';
}
