import type { AnySessionStore } from '../../store/session-store-abilities.interface.js';
import type { Awaitable } from '../../store/session-store.js';

/** The optional abilities of a store, each by the name of its member. */
export const STORE_ABILITIES = ['index', 'prune', 'ping', 'open', 'close'] as const;

/**
 * An optional ability of a store, by the name of its member: `index`, `prune`, `ping`, `open` or `close`.
 *
 * @publicApi
 */
export type StoreAbility = (typeof STORE_ABILITIES)[number];

/**
 * What `sessionStoreCases()` has to know of a store: how to make one, which abilities it has, and what a test can do to
 * its backend. Without an optional member, the cases that need it are left out.
 *
 * @publicApi
 */
export interface SessionStoreHarness<S extends AnySessionStore = AnySessionStore> {
  /**
   * Makes a store over a place that is empty, or that no other case uses: a new directory, prefix or collection. The
   * case opens the store before its first call if the store has `open`, and closes it at the end if it has `close`.
   */
  create(): Awaitable<S>;
  /**
   * The abilities of the store. One case fails if the store has an ability that is not in this list, or lacks one that
   * is: no case is left out by mistake.
   * @default none
   */
  readonly abilities?: readonly StoreAbility[];
  /**
   * Makes a second store over the same place, like that of another process. The cases about races then use both. Give
   * it for every store whose place can be shared.
   */
  peer?(store: S): Awaitable<S>;
  /** Makes a store on the same backend with another prefix, directory or collection. */
  stranger?(store: S): Awaitable<S>;
  /** Overwrites the stored record of this id with something that the store cannot read. */
  damage?(store: S, id: string): Awaitable<unknown>;
  /**
   * Makes the backend of the store unreachable: no call of the store or of its peer reaches it. Returns a function that
   * makes it reachable again.
   */
  outage?(store: S): Awaitable<() => Awaitable<unknown>>;
  /** Fills the backend of the store, so that it refuses every new record. Returns a function that makes room again. */
  full?(store: S): Awaitable<() => Awaitable<unknown>>;
  /** Makes a store whose backend answers each call with a refusal, for example because its password is wrong. */
  refused?(): Awaitable<S>;
  /**
   * Clears the place of a store at the end of a case, after the store was closed. Called for the store that `create`
   * made last.
   */
  dispose?(store: S): Awaitable<unknown>;
  /**
   * Whether an expired record can still be loaded. Write `false` for a backend that removes records at their expiry.
   * @default true
   */
  readonly keepsExpired?: boolean;
}
