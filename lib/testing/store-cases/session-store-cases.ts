import { basicsCases } from './store-cases/basics.cases.js';
import { concurrencyCases } from './store-cases/concurrency.cases.js';
import { expiryCases } from './store-cases/expiry.cases.js';
import { indexCases } from './store-cases/index.cases.js';
import { rotationCases } from './store-cases/rotation.cases.js';
import { namesOf, type CaseNeed, type TestedStore } from './store-cases/store-case.js';

export type { TestedStore } from './store-cases/store-case.js';

export interface SessionStoreCasesOptions<S extends TestedStore> {
  /** Creates a store over a place that is empty, or that only this case uses. */
  create(): S | Promise<S>;
  /** Closes the store and clears its place. Called for the stranger and the peer first, and last for the store. */
  dispose?(store: S): void | Promise<void>;
  /**
   * Creates a second store over the same place, like that of another process. The cases about races then use both.
   * Give it for every store whose place can be shared.
   */
  peer?(store: S): S | Promise<S>;
  /** Creates a store on the same backend with another prefix, directory or collection. */
  stranger?(store: S): S | Promise<S>;
  readonly features?: {
    /** The store has `prune`. @default false */
    readonly prune?: boolean;
    /** Expired records can be loaded until `prune` or a sweep removes them. Redis removes them itself. @default true */
    readonly keepsExpired?: boolean;
  };
}

/**
 * The conformance cases that every store has to pass, as plain data for any test runner. A case throws if the store
 * fails it. Each case creates its own store. No case waits: time passes through the `now` of the calls.
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
