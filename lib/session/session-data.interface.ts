/**
 * The keys that every session of your application may have. Augment this interface, and `Session` knows the keys
 * everywhere.
 *
 * @example
 * ```ts
 * declare module 'nestjs-http-session' {
 *   interface SessionData {
 *     cart: string[];
 *   }
 * }
 * ```
 *
 * @publicApi
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- it is there to be augmented
export interface SessionData {}
