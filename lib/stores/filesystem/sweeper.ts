import { lstat, readdir } from 'node:fs/promises';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { isSessionId } from '../../store/session-store.js';
import type { Clock } from '../../time/clock.js';
import { belongsToUs, removeFile, targetOfTemporary } from './file-access.js';
import { codeOf } from './faults.js';
import type { Nonces } from './journal.js';
import { KINDS, type SessionDirectory } from './session-directory.js';
import { SweepLease } from './sweep-lease.js';
import type { SweptJournals } from './swept-journals.js';

/** How often a process checks whether it should sweep. */
const LOOK_EVERY_MS = 60_000;
/** The time between two sweeps, by any process. */
const SWEEP_EVERY_MS = 5 * 60_000;
/** How long the lease lasts during a sweep. It is renewed at every folder. */
const LEASE_MS = 2 * 60_000;
/** How long a temporary file is kept. A process that is alive needs it for milliseconds. */
const LEFTOVER_MS = 10 * 60_000;
/** The work between two turns of the event loop: reading so many files, each about ten microseconds. */
const BATCH = 64;
/** A removal, which takes up to a millisecond, counts as so many reads. */
const LOOKS_PER_REMOVAL = 16;
/** The pause between two batches of a sweep in the background. */
const BETWEEN_BATCHES_MS = 10;

/**
 * Removes the files of expired sessions in small batches. Only one process sweeps at a time. Files that are not ours,
 * or that cannot be read, are kept.
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

  /** Starts to sweep regularly. The timer does not keep the process alive. */
  start(): void {
    if (this.#isStopped || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // A fault of the disk is reported by requests and by `ping()`. The next sweep tries again.
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

  /** Sweeps with pauses, unless another process is sweeping or has swept in the last minutes. */
  async sweepInTurn(): Promise<void> {
    const holdLease = (ms: number): boolean => {
      const now = this.clock.now();
      return !this.#isStopped && this.#lease.take(now, now + ms);
    };
    if (!holdLease(LEASE_MS)) return;
    await this.#sweep(
      this.clock.now(),
      () => pause(BETWEEN_BATCHES_MS, undefined, { ref: false }),
      () => holdLease(LEASE_MS),
    );
    holdLease(SWEEP_EVERY_MS);
  }

  /** Sweeps without pauses, even if another process is sweeping. Returns how many sessions it removed. */
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

/** The names in a folder; none if it does not exist or is not a folder. */
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
