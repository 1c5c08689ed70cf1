import { basicsCases } from './store-cases/basics.cases.js';
import { concurrencyCases } from './store-cases/concurrency.cases.js';
import { expiryCases } from './store-cases/expiry.cases.js';
import { indexCases } from './store-cases/index.cases.js';
import { rotationCases } from './store-cases/rotation.cases.js';
import { namesOf, type CaseNeed, type TestedStore } from './store-cases/store-case.js';

export type { TestedStore } from './store-cases/store-case.js';

export interface SessionStoreCasesOptions<S extends TestedStore> {
  /** A ready store over a place that is empty, or at least used by nobody else during the case. */
  create(): S | Promise<S>;
  /** Closes the store and clears its place. Called for peers and strangers too, last of all for the store itself. */
  dispose?(store: S): void | Promise<void>;
  /**
   * A second store over the same place, as another process would have it. The races then run across both: give it
   * wherever the place can be shared.
   */
  peer?(store: S): S | Promise<S>;
  /** A store on the same backend under another prefix, directory or collection. */
  stranger?(store: S): S | Promise<S>;
  readonly features?: {
    /** The store has `prune`. @default false */
    readonly prune?: boolean;
    /** Expired records stay readable until somebody collects them (Redis removes them at once). @default true */
    readonly keepsExpired?: boolean;
  };
}

/**
 * What every store has to do, as plain data for any test runner: a case throws when the store does not do it. Each
 * case makes a store of its own. Nothing waits: time passes through the `now` of the calls.
 *
 * @example
 * ```ts
 * for (const test of sessionStoreCases({ create: () => new MySessionStore() })) it(test.name, () => test.run());
 * ```
 */
export function sessionStoreCases<S extends TestedStore>(
  options: SessionStoreCasesOptions<S>,
): { name: string; run(): Promise<void> }[] {
  const offered: Record<CaseNeed, boolean> = {
    prune: options.features?.prune ?? false,
    keepsExpired: options.features?.keepsExpired ?? true,
    stranger: options.stranger !== undefined,
  };
  return [...basicsCases, ...expiryCases, ...concurrencyCases, ...rotationCases, ...indexCases]
    .filter(({ needs }) => needs === undefined || offered[needs])
    .map(({ name, run }) => ({
      name,
      async run() {
        const opened: S[] = [];
        const keep = (store: S): S => {
          opened.unshift(store);
          return store;
        };
        try {
          const store = keep(await options.create());
          const peer = options.peer === undefined ? store : keep(await options.peer(store));
          const stranger = options.stranger === undefined ? undefined : keep(await options.stranger(store));
          await run({ store, peer, stranger, now: Date.now(), ...namesOf(name) });
        } finally {
          for (const store of opened) await options.dispose?.(store);
        }
      },
    }));
}
