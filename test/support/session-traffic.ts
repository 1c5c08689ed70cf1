import type { SessionStore } from '../../lib/store/session-store.js';
import { idOf, NOW, recordOf, updateOf } from './redis-records.js';

/** Sessions in use: every user reads and changes their own session all the time. The outcomes are counted. */
export class SessionTraffic {
  /** `own` to `foreign` count reads by the session they found. `undone`: an acknowledged change was missing. */
  readonly seen = { own: 0, absent: 0, broken: 0, foreign: 0, undone: 0, failed: 0 };
  /** The rejected calls, counted by error message. */
  readonly failures = new Map<string, number>();
  /** The longest time in which no call of any user succeeded, in milliseconds. */
  longestOutage = 0;
  readonly ids: readonly string[];
  readonly #store: SessionStore;
  readonly #end = new AbortController();
  #lastSuccess = performance.now();
  #work: Promise<unknown> = Promise.resolve();

  private constructor(store: SessionStore, ids: readonly string[]) {
    this.#store = store;
    this.ids = ids;
  }

  static async start(store: SessionStore, users: number): Promise<SessionTraffic> {
    const traffic = new SessionTraffic(
      store,
      Array.from({ length: users }, (_, i) => idOf(`user ${i}`)),
    );
    for (const id of traffic.ids) await store.create(id, recordOf({ meta: id, data: { 'd:n': '0' } }));
    traffic.#lastSuccess = performance.now();
    traffic.#work = Promise.all(traffic.ids.map(id => traffic.#use(id)));
    return traffic;
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#work;
    this.#succeeded();
  }

  async #use(id: string): Promise<void> {
    let acknowledged = 0;
    for (let n = 1; !this.#end.signal.aborted; n++) {
      try {
        const found = await this.#store.load(id);
        this.#succeeded();
        if (found === undefined) this.seen.absent++;
        else if (found === 'broken') this.seen.broken++;
        else if (found.meta !== id) this.seen.foreign++;
        else if (Number(found.data['d:n']) < acknowledged) this.seen.undone++;
        else this.seen.own++;
        const result = await this.#store.update(id, updateOf({ set: { 'd:n': String(n) } }), NOW);
        this.#succeeded();
        if (result === 'done') acknowledged = n;
      } catch (error) {
        this.seen.failed++;
        const message = error instanceof Error ? error.message : String(error);
        this.failures.set(message, (this.failures.get(message) ?? 0) + 1);
        await new Promise(resolve => setTimeout(resolve, 10));
      }
    }
  }

  #succeeded(): void {
    const now = performance.now();
    this.longestOutage = Math.max(this.longestOutage, now - this.#lastSuccess);
    this.#lastSuccess = now;
  }
}
