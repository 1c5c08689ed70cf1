import { lstat, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { randomHex } from '../../crypto/random.js';
import { isSessionId } from '../../store/session-store.js';
import type { Clock } from '../../time/clock.js';
import { codeOf, FILE_MODE } from './file-access.js';
import { isTemporaryName, remove, type Journals } from './journal.js';
import { expireEntry, type SessionState } from './session-journal.js';

const SWEEP_INTERVAL_MS = 5 * 60_000;
/** A lock that nobody has renewed for this long belongs to a process that is gone. */
const LOCK_STALE_MS = 2 * 60_000;
/** What a dead process left half-done is kept this long: a live one never takes as long. */
const LEFTOVER_MS = 10 * 60_000;
/** Files between two turns of the event loop. Each costs some ten microseconds. */
const BATCH = 100;

/**
 * Removes the files of expired sessions, a few at a time, by one process at a time. It decides by the same entries as
 * everybody else, so a session that is touched while it is looked at survives. Files that are not ours stay.
 */
export class Sweeper {
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #running: Promise<number> | undefined;

  constructor(
    readonly directory: string,
    readonly journals: Journals<SessionState>,
    readonly clock: Clock,
  ) {}

  /** Sweeps from time to time from now on, without keeping the process alive. */
  start(): void {
    if (this.#timer || this.#isStopped) return;
    // Several processes that start together do not all come at once.
    const delay = SWEEP_INTERVAL_MS * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sweepLocked().then(
        () => this.start(),
        () => this.start(), // a fault of the disk shows in the requests; the next round tries again
      );
    }, delay).unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** One round now, whoever else is at it. How many sessions it ended. */
  sweep(now: number): Promise<number> {
    this.#running ??= this.#sweep(now, async () => undefined).finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #sweepLocked(): Promise<void> {
    const lock = join(this.directory, 'sweep.lock');
    if (!(await this.#lock(lock))) return;
    try {
      await this.#sweep(this.clock.now(), () => renewed(lock, this.clock.now() / 1000));
    } finally {
      remove(lock);
    }
  }

  /** Two that break a stale lock at once may both sweep; that costs work, nothing else. */
  async #lock(path: string): Promise<boolean> {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx', mode: FILE_MODE });
      return true;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const age = await ageOf(path, this.clock);
    if (age !== undefined && age > LOCK_STALE_MS) remove(path);
    return false;
  }

  async #sweep(now: number, afterFolder: () => Promise<void>): Promise<number> {
    let ended = 0;
    const root = join(this.directory, 'sessions');
    for (const a of await namesIn(root)) {
      for (const b of await namesIn(join(root, a))) {
        ended += await this.#sweepFolder(join(root, a, b), now);
        if (this.#isStopped) return ended;
        await afterFolder();
      }
    }
    return ended;
  }

  async #sweepFolder(folder: string, now: number): Promise<number> {
    let ended = 0;
    let count = 0;
    for (const name of await namesIn(folder)) {
      if (isSessionId(name)) ended += this.#sweepSession(join(folder, name), now) ? 1 : 0;
      else if (isTemporaryName(name)) await this.#removeLeftover(join(folder, name));
      if (++count % BATCH === 0) await nextTurn();
      if (this.#isStopped) return ended;
    }
    await nextTurn();
    return ended;
  }

  /** `true` when a session was ended here. Marks go when their minute is over; broken files stay. */
  #sweepSession(path: string, now: number): boolean {
    const reading = this.journals.read(path);
    if (reading === undefined || reading === 'broken') return false;
    const { record, isEnded, markUntil } = reading.state;
    if (isEnded && now >= markUntil) remove(path);
    if (isEnded || !record || now < record.expiresAt) return false;
    const hasEnded =
      this.journals.append<boolean>(path, expireEntry(randomHex(8), now), () => undefined) === true;
    if (hasEnded) remove(path);
    return hasEnded;
  }

  async #removeLeftover(path: string): Promise<void> {
    const age = await ageOf(path, this.clock);
    if (age !== undefined && age > LEFTOVER_MS) remove(path);
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

async function ageOf(path: string, clock: Clock): Promise<number | undefined> {
  try {
    return clock.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function renewed(lock: string, nowSeconds: number): Promise<void> {
  try {
    await utimes(lock, nowSeconds, nowSeconds);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error; // somebody thought us dead
  }
}
