import { lstat, readdir } from 'node:fs/promises';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { isSessionId } from '../../store/session-store.js';
import type { Clock } from '../../time/clock.js';
import { belongsToUs, removeFile, targetOfTemporary } from './file-access.js';
import { codeOf } from './faults.js';
import type { Nonces } from './nonces.js';
import { KINDS, type SessionDirectory } from './session-directory.js';
import { SweepLease } from './sweep-lease.js';
import type { SweptJournals } from './swept-journals.js';

/** How often a process looks whether it is its turn. */
const LOOK_EVERY_MS = 60_000;
/** How long after one round the next one begins, whoever does it. */
const SWEEP_EVERY_MS = 5 * 60_000;
/** How long the lease lasts while sweeping: the next folder renews it. */
const LEASE_MS = 2 * 60_000;
/** What a dead process left half-made is kept this long: a live one needs milliseconds. */
const LEFTOVER_MS = 10 * 60_000;
/** How much is done between two turns of the event loop: looks at a file, each some ten microseconds. */
const BATCH = 64;
/** A removal takes up to a millisecond. */
const LOOKS_PER_REMOVAL = 16;
/** How long requests have the event loop between two batches of a round that nobody waits for. */
const BETWEEN_BATCHES_MS = 10;

/**
 * Removes the files of what has expired, a little at a time, by one process at a time. Files that are not ours stay, and
 * so do those that cannot be read.
 */
export class Sweeper {
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  readonly #lease: SweepLease;

  constructor(
    readonly directory: SessionDirectory,
    readonly journals: SweptJournals,
    readonly clock: Clock,
    nonces: Nonces,
  ) {
    this.#lease = new SweepLease(`${directory.path}/sweep.lock`, nonces.next());
  }

  /** Sweeps from time to time from now on, without keeping the process alive. */
  start(): void {
    if (this.#isStopped || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // A fault of the disk shows in the requests and in ping(); the next round tries again.
      void this.sweepInTurn().then(
        () => this.start(),
        () => this.start(),
      );
    }, LOOK_EVERY_MS).unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** A round in small steps, unless another process has swept lately or is sweeping now. */
  async sweepInTurn(): Promise<void> {
    const hold = (ms: number): boolean => {
      const now = this.clock.now();
      return !this.#isStopped && this.#lease.take(now, now + ms);
    };
    if (!hold(LEASE_MS)) return;
    await this.#sweep(
      this.clock.now(),
      () => pause(BETWEEN_BATCHES_MS, undefined, { ref: false }),
      () => hold(LEASE_MS),
    );
    hold(SWEEP_EVERY_MS);
  }

  /** A round at once, whoever else is at it. How many sessions it removed. */
  prune(now: number): Promise<number> {
    return this.#sweep(now, nextTurn, () => true);
  }

  async #sweep(now: number, rest: () => Promise<void>, mayGoOn: () => boolean): Promise<number> {
    this.directory.assertThere();
    let removed = 0;
    let looks = 0;
    for await (const { folder, names, kind } of this.#folders()) {
      if (!mayGoOn()) return removed;
      for (const name of names) {
        const path = `${folder}/${name}`;
        let hasRemoved = false;
        if (kind !== undefined && isSessionId(name)) hasRemoved = this.journals.remove(kind, path, now);
        else if (targetOfTemporary(name) !== undefined) await this.#removeLeftover(path);
        if (hasRemoved && kind === 'sessions') removed++;
        looks += hasRemoved ? LOOKS_PER_REMOVAL : 1;
        if (looks < BATCH) continue;
        looks = 0;
        await rest();
      }
    }
    return removed;
  }

  async *#folders() {
    const root = this.directory.path;
    yield { folder: root, names: await namesIn(root), kind: undefined };
    for (const kind of KINDS) {
      for (const a of await digitsIn(`${root}/${kind}`)) {
        for (const b of await digitsIn(`${root}/${kind}/${a}`)) {
          const folder = `${root}/${kind}/${a}/${b}`;
          yield { folder, names: await namesIn(folder), kind };
        }
      }
    }
  }

  async #removeLeftover(path: string): Promise<void> {
    try {
      const leftover = await lstat(path);
      if (belongsToUs(leftover) && this.clock.now() - leftover.mtimeMs > LEFTOVER_MS) removeFile(path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}

/** The names in a folder; none when it is not there, or not a folder. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await lstat(folder)).isDirectory() ? await readdir(folder) : [];
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function digitsIn(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter(name => /^[0-9a-f]$/.test(name));
}
