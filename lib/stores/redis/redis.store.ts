import type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateResult,
} from '../../store/session-record.interface.js';
import type {
  ClosableSessionStore,
  IndexedSessionStore,
  OpenableSessionStore,
  PingableSessionStore,
  SessionIndex,
} from '../../store/session-store-abilities.interface.js';
import {
  type DestroyOptions,
  isSessionId,
  SessionStore,
  SUCCESSOR_MARK_MS,
} from '../../store/session-store.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { checkOptions } from './check-options.js';
import { RedisConnection } from './redis-connection.js';
import { isWrongType } from './redis-errors.js';
import { hashFieldOf, recordOf } from './redis-fields.js';
import type { RedisSessionStoreOptions } from './redis-session-store-options.interface.js';
import { createScript, destroyScript, type RedisScript, touchScript, updateScript } from './redis-scripts.js';
import { RedisSessionIndex } from './redis-session-index.js';
import { ScriptRunner } from './script-runner.js';
import { warningsAbout } from './server-info.js';

const NOBODY = '0'.repeat(64);

/**
 * Keeps sessions in Redis (6.2 or newer) or Valkey: standalone, behind Sentinels, or a Cluster. One hash per session,
 * one field per data key, one command per verb.
 *
 * @example
 * ```ts
 * SessionModule.forRoot({ store: new RedisSessionStore({ url: 'redis://localhost:6379' }) });
 * ```
 *
 * @publicApi
 */
export class RedisSessionStore
  extends SessionStore
  implements IndexedSessionStore, PingableSessionStore, OpenableSessionStore, ClosableSessionStore
{
  readonly index: SessionIndex;
  readonly #prefix: string;
  readonly #connection: RedisConnection;
  /** What replicas have to confirm goes through a connection of its own: nothing else waits while they do. */
  readonly #writeConnection: RedisConnection;
  readonly #scripts: ScriptRunner;
  readonly #writes: ScriptRunner;

  /** @throws TypeError when an option is of no use. Nothing is connected before `open()` or the first call. */
  constructor(options: RedisSessionStoreOptions = {}) {
    super();
    checkOptions(options);
    const { prefix = 'session:', waitReplicas } = options;
    this.#prefix = prefix;
    this.#connection = new RedisConnection(options);
    this.#scripts = new ScriptRunner(this.#connection);
    this.#writeConnection = waitReplicas === undefined ? this.#connection : new RedisConnection(options);
    this.#writes = new ScriptRunner(this.#writeConnection, waitReplicas);
    this.index = new RedisSessionIndex(this.#connection, this.#scripts, prefix);
  }

  override load(id: string): Promise<SessionRecord | 'broken' | undefined> {
    if (!isSessionId(id)) return Promise.resolve(undefined);
    return this.#connection.hash(this.#prefix + id).then(recordOf, brokenIfNoHash);
  }

  /** @throws TypeError when `id` is not an id. */
  override async create(id: string, record: SessionRecord): Promise<boolean> {
    if (!isSessionId(id)) {
      throw new TypeError('[session:redis] an id is 64 lower-case hex digits; this one is not.');
    }
    const { expiresAt, lastSeenAt, meta, data } = record;
    const args = [expiresAt, 'e', expiresAt, 's', lastSeenAt, 'm', meta];
    for (const field of Object.keys(data)) args.push(hashFieldOf(field), data[field] as string);
    return (await this.#run(this.#writes, createScript, id, args)) === 1;
  }

  override async update(id: string, update: SessionUpdate, now: number): Promise<UpdateResult> {
    const { set, delete: removed, expect } = update;
    const args: (string | number)[] = [now, update.expiresAt, update.lastSeenAt, 0, removed.length, 0];
    for (const field of Object.keys(set)) args.push(hashFieldOf(field), set[field] as string);
    args[3] = args.length - 6;
    for (const field of removed) args.push(hashFieldOf(field));
    const expected = expect ? addExpected(args, expect) : [];
    args[5] = expected.length;
    const reply = await this.#run(this.#writes, updateScript, id, args);
    if (!Array.isArray(reply)) return reply === 1 ? 'done' : 'gone';
    return { current: Object.fromEntries(expected.map((field, i) => [field, reply[i] as string | null])) };
  }

  override async touch(id: string, moments: SessionMoments, now: number): Promise<boolean> {
    const args = [now, moments.expiresAt, moments.lastSeenAt];
    return (await this.#run(this.#scripts, touchScript, id, args)) === 1;
  }

  override async destroy(
    id: string,
    now: number,
    { successor }: DestroyOptions = {},
  ): Promise<SessionRecord | undefined> {
    const mark = successor === undefined ? [] : [successor, now + SUCCESSOR_MARK_MS];
    // A successor is another key, on another node perhaps: each mark on the way costs a command.
    const passed = new Set<unknown>();
    for (let at: unknown = id; typeof at === 'string' && !passed.has(at);) {
      passed.add(at);
      const reply = await this.#run(this.#writes, destroyScript, at, [now, ...mark]);
      if (Array.isArray(reply)) return recordOf(reply as string[]) as SessionRecord;
      at = reply;
    }
    return undefined;
  }

  /** Resolves when Redis answers; in a Cluster, when every master does. */
  async ping(): Promise<void> {
    await this.#connection.ping();
  }

  /**
   * Connects, and warns of a Redis that is set up to throw live sessions away.
   *
   * @throws `StoreRefusedError` when Redis refuses us or is too old: nothing stays open then. Any other error when it
   * does not answer: it is tried further.
   */
  async open(): Promise<readonly string[]> {
    try {
      await this.#writeConnection.open();
      await this.#connection.open();
      // What we may do at all shows at a session that nobody has.
      await this.load(NOBODY);
      await this.touch(NOBODY, { expiresAt: 0, lastSeenAt: 0 }, 0);
      return warningsAbout(await this.#connection.infos());
    } catch (error) {
      if (error instanceof StoreRefusedError) await this.close();
      throw error;
    }
  }

  /** Closes the connections of this store. A client that it was given stays as it is. */
  async close(): Promise<void> {
    await Promise.all([this.#writeConnection.close(), this.#connection.close()]);
  }

  /** What the script says; 0, as of a missing key, where there is something that is no hash, and of what is no id. */
  #run(
    scripts: ScriptRunner,
    script: RedisScript,
    id: string,
    args: readonly (string | number)[],
  ): Promise<unknown> {
    if (!isSessionId(id)) return Promise.resolve(0);
    return scripts.run(script, this.#prefix + id, args).catch(zeroIfNoHash);
  }
}

/** @returns the fields in the order of the script's answer: those that must hold something come first */
function addExpected(
  args: (string | number)[],
  expect: NonNullable<SessionUpdate['expect']>,
): readonly string[] {
  const fields = Object.keys(expect);
  const holding = fields.filter(field => expect[field] !== null);
  const expected = [...holding, ...fields.filter(field => expect[field] === null)];
  for (const field of expected) args.push(hashFieldOf(field));
  for (const field of holding) args.push(expect[field] as string);
  return expected;
}

function zeroIfNoHash(error: unknown): 0 {
  if (isWrongType(error)) return 0;
  throw error;
}

function brokenIfNoHash(error: unknown): 'broken' {
  if (isWrongType(error)) return 'broken';
  throw error;
}
