import type { SessionCodec } from '../codec/session-codec.interface.js';
import type { SessionStore } from '../store/session-store.js';
import type { SessionStoreType } from './store-types.js';

/** The cookie options after defaults, prefix and checks. Durations in milliseconds. */
export interface ResolvedCookieOptions {
  /** With its prefix: exactly what the header says. */
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

/** The store to use: one that was handed to us, or one that we make and therefore close. */
export type ResolvedStore =
  | { readonly kind: 'given'; readonly store: SessionStore }
  | {
      readonly kind: 'type';
      readonly type: SessionStoreType;
      readonly options: Readonly<Record<string, unknown>>;
    };

/** `SessionModuleOptions` after defaults and checks. Durations in milliseconds, nothing optional. */
export interface ResolvedSessionOptions {
  readonly store: ResolvedStore;
  readonly load: 'eager' | 'lazy';
  readonly idleTimeoutMs: number;
  readonly absoluteTimeoutMs: number;
  readonly touchIntervalMs: number;
  readonly cookie: ResolvedCookieOptions;
  readonly onStoreError: 'fail' | 'anonymous';
  readonly storeTimeoutMs: number;
  readonly failFast: boolean;
  readonly saveOnServerError: boolean;
  readonly maxSizeBytes: number;
  readonly codec: SessionCodec;
  /** Whether a path (without the query) never has a session; `undefined` when nothing is excluded. */
  readonly isExcluded: ((path: string) => boolean) | undefined;
  /** What is allowed and probably not meant, for the log at start-up. */
  readonly warnings: readonly string[];
}
