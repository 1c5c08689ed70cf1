/**
 * A key, or a list of keys. Each is a text, which is used as UTF-8, or bytes. `node -p
 * "crypto.randomBytes(32).toString('base64url')"` makes one.
 *
 * @publicApi
 */
export type SessionKeys = string | Uint8Array | readonly (string | Uint8Array)[];

/** The option `secret` with all that it takes. @publicApi */
export interface SessionSecret {
  readonly keys: SessionKeys;
  /**
   * Whether cookies that are not signed are accepted, and then replaced by signed ones.
   * @default false
   */
  readonly acceptUnsigned?: boolean;
}
