import type { SessionCodec } from '../codec/session-codec.interface.js';
import type { SessionTokens } from '../crypto/session-token.js';
import type { SessionStore } from '../store/session-store.js';
import type { SessionStoreType } from './store-types.js';

/** The cookie options, checked and with defaults. Durations are in milliseconds. */
export interface ResolvedCookieOptions {
  /** The name in the header, with its prefix. */
  readonly name: string;
  readonly path: string;
  readonly domain: string | undefined;
  readonly secure: boolean | 'auto';
  readonly httpOnly: boolean;
  readonly sameSite: 'strict' | 'lax' | 'none';
  readonly partitioned: boolean;
  readonly priority: 'low' | 'medium' | 'high' | undefined;
  readonly maxAgeMs: number | undefined;
}

/** The store to use: one that was given, or one that the module creates and therefore closes. */
export type ResolvedStore =
  | { readonly kind: 'given'; readonly store: SessionStore }
  | {
      readonly kind: 'type';
      readonly type: SessionStoreType;
      readonly options: Readonly<Record<string, unknown>>;
    };

/** The options of the module, checked and with defaults. Durations are in milliseconds. */
export interface ResolvedSessionOptions {
  readonly store: ResolvedStore;
  readonly load: 'eager' | 'lazy';
  readonly idleTimeoutMs: number;
  readonly absoluteTimeoutMs: number;
  readonly touchIntervalMs: number;
  readonly cookie: ResolvedCookieOptions;
  /** How tokens look: plain, or signed with the keys in `secret`. */
  readonly tokens: SessionTokens;
  readonly onStoreError: 'fail' | 'anonymous';
  readonly storeTimeoutMs: number;
  readonly failFast: boolean;
  readonly saveOnServerError: boolean;
  readonly maxSizeBytes: number;
  readonly codec: SessionCodec;
  /** Whether a path (without the query) is excluded; `undefined` if no path is. */
  readonly isExcluded: ((path: string) => boolean) | undefined;
  /** Warnings for the log at start-up, about options that are valid but probably not intended. */
  readonly warnings: readonly string[];
}
