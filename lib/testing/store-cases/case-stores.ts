import assert from 'node:assert/strict';
import type { AnySessionStore } from '../../store/session-store-abilities.interface.js';
import type { Awaitable } from '../../store/session-store.js';
import type { SessionStoreHarness } from './session-store-harness.interface.js';

/** The stores of one case, and what the harness can do to their backend. */
export class CaseStores<S extends AnySessionStore> {
  readonly #harness: SessionStoreHarness<S>;
  readonly #made: S[] = [];

  constructor(harness: SessionStoreHarness<S>) {
    this.#harness = harness;
  }

  /** Makes and opens the stores of the case. */
  async makeAll({
    withStranger,
  }: {
    withStranger: boolean;
  }): Promise<Record<'store' | 'peer' | 'stranger', S>> {
    const harness = this.#harness;
    const store = await this.#open(harness.create());
    const peer = harness.peer ? await this.#open(harness.peer(store)) : store;
    const stranger = withStranger && harness.stranger ? await this.#open(harness.stranger(store)) : store;
    return { store, peer, stranger };
  }

  /** A store that is not opened yet: a second one over the place of the case if the place can be shared. */
  async makeUnopened(): Promise<S> {
    const harness = this.#harness;
    return this.#keep(await (harness.peer ? harness.peer(this.#first) : harness.create()));
  }

  /** A store whose backend refuses every call. */
  async makeRefused(): Promise<S> {
    const store = await this.#harness.refused?.();
    assert.ok(store);
    return this.#keep(store);
  }

  /** Overwrites the stored record with something that the store cannot read. */
  async damage(id: string): Promise<void> {
    await this.#harness.damage?.(this.#first, id);
  }

  /** Runs this while no call of the stores reaches their backend. */
  async duringOutage(run: () => Promise<void>): Promise<void> {
    await this.#during(await this.#harness.outage?.(this.#first), run);
  }

  /** Runs this while the backend of the stores is full. */
  async whileFull(run: () => Promise<void>): Promise<void> {
    await this.#during(await this.#harness.full?.(this.#first), run);
  }

  /** Closes all stores, the first one last, and clears the place. */
  async close(): Promise<void> {
    const [first] = this.#made;
    for (const store of this.#made.splice(0).toReversed()) await store.close?.();
    if (first) await this.#harness.dispose?.(first);
  }

  get #first(): S {
    const [first] = this.#made;
    assert.ok(first);
    return first;
  }

  async #during(end: (() => Awaitable<unknown>) | undefined, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } finally {
      await end?.();
    }
  }

  async #open(made: Awaitable<S>): Promise<S> {
    const store = this.#keep(await made);
    await store.open?.();
    return store;
  }

  #keep(store: S): S {
    this.#made.push(store);
    return store;
  }
}
