import type { Awaitable } from '../../lib/index.js';
import { CountingStore, type StoreCall, type StoreVerb } from './counting-store.js';

/** What happens instead of a call. `apply` makes it reach the real store. */
type Fault = (apply: () => Awaitable<unknown>) => Awaitable<unknown>;

export interface FaultOptions {
  /** For how many calls. Default: all, until it is lifted. */
  readonly times?: number;
  /** Only calls like this. */
  readonly when?: (call: StoreCall) => boolean;
}

interface Rule extends FaultOptions {
  readonly verb: StoreVerb | 'any';
  readonly fault: Fault;
  left: number;
}

/** Calls that wait at a certain point until the test lets them go on. */
export interface Hold {
  /** Resolves when the first call has come to the point. */
  readonly reached: Promise<void>;
  /** Lets those that wait go on, and later ones pass. */
  release(): void;
}

/**
 * A real store that fails, waits or loses replies on demand. What it does with the calls that get through is the real
 * store's doing.
 */
export class FaultyStore extends CountingStore {
  #rules: Rule[] = [];

  /** Puts a fault in the place of these calls. Gives back what lifts it. */
  on(verb: StoreVerb | 'any', fault: Fault, options: FaultOptions = {}): () => void {
    const rule: Rule = { ...options, verb, fault, left: options.times ?? Infinity };
    this.#rules.push(rule);
    return () => (this.#rules = this.#rules.filter(other => other !== rule));
  }

  /** These calls reject and do nothing. */
  fail(verb: StoreVerb | 'any', error: Error = new Error('connection lost'), options?: FaultOptions) {
    return this.on(verb, () => Promise.reject(error), options);
  }

  /** These calls do their work, and the reply is lost. */
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

  /** These calls never get an answer, and do nothing until `mend()`. */
  freeze(verb: StoreVerb | 'any' = 'any', options?: FaultOptions): () => void {
    return this.on(verb, () => new Promise(() => undefined), options);
  }

  /** These calls wait: before they do their work, or afterwards with the reply in hand. */
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

  /** From now on everything works. */
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
