/**
 * The keys that every session of your application may have. Empty here: augment it, and `Session` knows them everywhere.
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
