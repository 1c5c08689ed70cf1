import type { AnySessionStore } from '../../store/session-store-abilities.interface.js';
import { systemClock } from '../../time/clock.js';
import { abilitiesCases } from './abilities.cases.js';
import { brokenRecordsCases } from './broken-records.cases.js';
import { CaseStores } from './case-stores.js';
import { concurrencyCases } from './concurrency.cases.js';
import { expiryCases } from './expiry.cases.js';
import { faultsCases } from './faults.cases.js';
import { indexCases } from './index.cases.js';
import { prefixesCases } from './prefixes.cases.js';
import { pruneCases } from './prune.cases.js';
import { recordsCases } from './records.cases.js';
import { rotationCases } from './rotation.cases.js';
import type { SessionStoreHarness } from './session-store-harness.interface.js';
import { namesOf, type CaseNeed, type StoreCase } from './store-case.js';
import { textsCases } from './texts.cases.js';
import { updatesCases } from './updates.cases.js';

const CASES: readonly StoreCase[] = [
  ...abilitiesCases,
  ...recordsCases,
  ...updatesCases,
  ...textsCases,
  ...expiryCases,
  ...concurrencyCases,
  ...rotationCases,
  ...indexCases,
  ...pruneCases,
  ...prefixesCases,
  ...brokenRecordsCases,
  ...faultsCases,
];

const HOOKS = ['peer', 'stranger', 'damage', 'outage', 'full', 'refused'] as const;

/** One test of a store. @publicApi */
export interface SessionStoreCase {
  /** The sentence of the contract that the case tests. */
  readonly name: string;
  /** Runs the case over a store of its own. Rejects if the store breaks the sentence. */
  readonly run: () => Promise<void>;
}

/**
 * The contract of `SessionStore` and of its optional abilities as test cases, for any test runner. A store that passes
 * all of them works with this library. The name of each case is a sentence of the contract, so a case that fails says
 * what the store does wrong. Each case makes its own store, so cases may run in any order, or at the same time. Cases
 * do not wait for time to pass: they call the store with a later `now`.
 *
 * @example
 * ```ts
 * const cases = sessionStoreCases({ create: () => new MySessionStore(), abilities: ['index', 'prune'] });
 * for (const { name, run } of cases) it(name, run);
 * ```
 *
 * @publicApi
 */
export function sessionStoreCases<S extends AnySessionStore>(
  harness: SessionStoreHarness<S>,
): readonly SessionStoreCase[] {
  const given = givenBy(harness);
  return CASES.filter(({ needs = [] }) => needs.every(need => given.has(need))).map(one => ({
    name: one.name,
    run: () => runCase(one, harness, given),
  }));
}

async function runCase<S extends AnySessionStore>(
  { name, needs = [], run }: StoreCase,
  harness: SessionStoreHarness<S>,
  given: ReadonlySet<CaseNeed>,
): Promise<void> {
  const stores = new CaseStores(harness);
  try {
    const made = await stores.makeAll({ withStranger: needs.includes('stranger') });
    await run({ ...made, ...namesOf(name), stores, given, now: systemClock.now() });
  } catch (error) {
    await stores.close().catch(() => undefined); // the first error is the one to see
    throw error;
  }
  await stores.close();
}

function givenBy<S extends AnySessionStore>(harness: SessionStoreHarness<S>): ReadonlySet<CaseNeed> {
  const given = new Set<CaseNeed>(harness.abilities);
  if (harness.keepsExpired ?? true) given.add('keepsExpired');
  for (const hook of HOOKS) if (harness[hook]) given.add(hook);
  return given;
}
