import {
  SessionStore,
  type Awaitable,
  type DestroyOptions,
  type IndexedSessionStore,
  type SessionIndex,
  type SessionMoments,
  type SessionRecord,
  type SessionUpdate,
  type UpdateResult,
} from '../../lib/index.js';
import type { Clock } from '../../lib/time/clock.js';
import { MemorySessionStore } from '../../lib/stores/memory/memory.store.js';
import type { Gates } from './gates.js';
import type { Change, StoreCall } from './history.js';
import type { RequestPlan } from './program.js';
import { caller, contentOf, type Recorder } from './recorder.js';

/** One schedule, as the store sees it. */
export interface Stage {
  readonly gates: Gates;
  readonly recorder: Recorder;
  readonly plans: readonly RequestPlan[];
}

/**
 * The memory store, with a gate before the effect of each call and one before its reply. Calls outside of a schedule
 * pass. At its effect a call fails, if the plan of its request says so.
 */
export class GatedStore extends SessionStore implements IndexedSessionStore {
  inner: MemorySessionStore;
  readonly index: SessionIndex;
  #stage: Stage | undefined;
  /** The ids that were ever given to `create`. */
  readonly #ids = new Set<string>();
  readonly #callsOf = new Map<number, number>();

  constructor(readonly clock: Clock) {
    super();
    this.inner = new MemorySessionStore({ clock });
    this.index = {
      add: (...args) => this.#run('index.add', args, () => this.inner.index.add(...args)),
      confirm: (...args) => this.#run('index.confirm', args, () => this.inner.index.confirm(...args)),
      remove: (...args) => this.#run('index.remove', args, () => this.inner.index.remove(...args)),
      list: (...args) => this.#run('index.list', args, () => this.inner.index.list(...args)),
    };
  }

  /** Begins with an empty store. */
  reset(): void {
    this.inner.close();
    this.inner = new MemorySessionStore({ clock: this.clock });
    this.#ids.clear();
    this.#callsOf.clear();
    this.#stage = undefined;
  }

  enter(stage: Stage | undefined): void {
    this.#stage = stage;
  }

  load(...args: [string]): Awaitable<SessionRecord | 'broken' | undefined> {
    return this.#run('load', args, () => this.inner.load(...args));
  }

  create(...args: [string, SessionRecord]): Awaitable<boolean> {
    this.#ids.add(args[0]);
    return this.#run('create', args, () => this.inner.create(...args));
  }

  update(...args: [string, SessionUpdate, number]): Awaitable<UpdateResult> {
    return this.#run('update', args, () => this.inner.update(...args));
  }

  touch(...args: [string, SessionMoments, number]): Awaitable<boolean> {
    return this.#run('touch', args, () => this.inner.touch(...args));
  }

  destroy(...args: [string, number, DestroyOptions?]): Awaitable<SessionRecord | undefined> {
    return this.#run('destroy', args, () => this.inner.destroy(...args));
  }

  /** The records that the store holds, by id. */
  records(): Map<string, SessionRecord> {
    const records = new Map<string, SessionRecord>();
    for (const id of this.#ids) {
      const record = this.inner.load(id);
      if (record) records.set(id, record);
    }
    return records;
  }

  #run<T>(verb: string, args: readonly unknown[], apply: () => Awaitable<T>): Awaitable<T> {
    return this.#stage ? this.#pass(this.#stage, verb, args, apply) : apply();
  }

  async #pass<T>(
    stage: Stage,
    verb: string,
    args: readonly unknown[],
    apply: () => Awaitable<T>,
  ): Promise<T> {
    const { gates, recorder } = stage;
    const { request, operation } = caller.getStore() ?? {};
    const plan = request === undefined ? undefined : stage.plans[request];
    const actor = plan?.name ?? 'library';
    const call: StoreCall = { request, operation, verb, args, calledAt: recorder.tick(), changes: [] };
    recorder.calls.push(call);
    const failing = plan && request !== undefined ? this.#faultOf(plan, request) : undefined;
    await gates.pass(actor, `${verb} effect`);
    if (failing === 'before') {
      call.failed = failing;
      call.settledAt = recorder.tick();
      throw new Error('connection lost');
    }
    const before = isReading(verb) ? undefined : this.records();
    const result = await apply(); // the memory store answers at once, so nothing comes in between
    call.effectAt = recorder.tick();
    call.now = this.clock.now();
    call.result = result;
    if (verb === 'load' && result) call.content = contentOf(result as unknown as SessionRecord);
    if (before) call.changes = changesBetween(before, this.records());
    await gates.pass(actor, `${verb} reply`);
    call.settledAt = recorder.tick();
    call.settledNow = this.clock.now();
    if (failing === 'after') {
      call.failed = failing;
      throw new Error('connection lost after the effect');
    }
    return result;
  }

  #faultOf(plan: RequestPlan, request: number): 'before' | 'after' | undefined {
    const number = (this.#callsOf.get(request) ?? 0) + 1;
    this.#callsOf.set(request, number);
    return plan.fault?.call === number ? plan.fault.when : undefined;
  }
}

/** Whether a call leaves all records as they are. */
const isReading = (verb: string): boolean => verb === 'load' || verb.startsWith('index.');

function changesBetween(
  before: ReadonlyMap<string, SessionRecord>,
  after: ReadonlyMap<string, SessionRecord>,
): Change[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter(id => before.get(id) !== after.get(id))
    .map(id => {
      const [old, next] = [before.get(id), after.get(id)];
      return { id, before: old && contentOf(old), after: next && contentOf(next) };
    });
}
