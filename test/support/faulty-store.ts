import type { Awaitable } from '../../lib/index.js';
import { CountingStore, type StoreCall, type StoreVerb } from './counting-store.js';

/** A function that replaces a call of the store. It can call `apply` to reach the real store. */
type Fault = (apply: () => Awaitable<unknown>) => Awaitable<unknown>;

export interface FaultOptions {
  /** How many calls the fault replaces. By default all, until the fault is removed. */
  readonly times?: number;
  /** Limits the fault to the calls for which this returns true. */
  readonly when?: (call: StoreCall) => boolean;
}

interface Rule extends FaultOptions {
  readonly verb: StoreVerb | 'any';
  readonly fault: Fault;
  left: number;
}

/** Calls that wait until the test releases them. */
export interface Hold {
  /** Resolves when the first call waits. */
  readonly reached: Promise<void>;
  /** Lets the waiting calls continue. Later calls do not wait. */
  release(): void;
}

/**
 * A real store that fails, waits or loses replies on demand. It passes all other calls to the real store.
 */
export class FaultyStore extends CountingStore {
  #rules: Rule[] = [];

  /** Replaces these calls with a fault. Returns a function that removes the fault. */
  on(verb: StoreVerb | 'any', fault: Fault, options: FaultOptions = {}): () => void {
    const rule: Rule = { ...options, verb, fault, left: options.times ?? Infinity };
    this.#rules.push(rule);
    return () => (this.#rules = this.#rules.filter(other => other !== rule));
  }

  /** Makes these calls reject without effect. */
  fail(verb: StoreVerb | 'any', error: Error = new Error('connection lost'), options?: FaultOptions) {
    return this.on(verb, () => Promise.reject(error), options);
  }

  /** Makes these calls take effect and then reject, as if the reply was lost. */
  loseReply(verb: StoreVerb, options?: FaultOptions): () => void {
    return this.on(
      verb,
      async apply => {
        await apply();
        throw new Error('connection lost after sending');
      },
      options,
    );
  }

  /** Makes these calls never settle, without effect. Calls after `mend()` work again. */
  freeze(verb: StoreVerb | 'any' = 'any', options?: FaultOptions): () => void {
    return this.on(verb, () => new Promise(() => undefined), options);
  }

  /** Makes these calls wait, either before they take effect or after it and before they return. */
  hold(
    verb: StoreVerb,
    { at = 'before', ...options }: FaultOptions & { at?: 'before' | 'after' } = {},
  ): Hold {
    let reach!: () => void;
    let release!: () => void;
    const reached = new Promise<void>(resolve => (reach = resolve));
    const released = new Promise<void>(resolve => (release = resolve));
    const lift = this.on(
      verb,
      async apply => {
        const early = at === 'after' ? { result: await apply() } : undefined;
        reach();
        await released;
        return early ? early.result : apply();
      },
      options,
    );
    return {
      reached,
      release() {
        lift();
        release();
      },
    };
  }

  /** Removes all faults. */
  mend(): void {
    this.#rules = [];
  }

  protected override run<T>(
    verb: StoreVerb,
    args: readonly unknown[],
    call: () => Awaitable<T>,
  ): Awaitable<T> {
    const rule = this.#rules.find(
      one =>
        (one.verb === 'any' || one.verb === verb) && one.left > 0 && (one.when?.({ verb, args }) ?? true),
    );
    if (!rule) return super.run(verb, args, call);
    rule.left--;
    return super.run(verb, args, () => rule.fault(call) as Awaitable<T>);
  }
}
