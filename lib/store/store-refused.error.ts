/**
 * A store throws this when its backend answered and refused: wrong password, missing permission, read-only, full, not
 * the expected server. Repeating the call does not help until the backend or its configuration changes. The request
 * gets a 503 with `SESSION_STORE_REFUSED`. For every other error of a store it gets `SESSION_STORE_UNAVAILABLE`.
 *
 * @publicApi
 */
export class StoreRefusedError extends Error {
  override readonly name = 'StoreRefusedError';
}
