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
  assertSessionId,
  isSessionId,
  SessionStore,
  SUCCESSOR_MARK_MS,
  UNUSED_ID,
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

/**
 * Keeps sessions in Redis (6.2 or newer) or Valkey: standalone, behind Sentinels, or a Cluster. Each session is one
 * hash, each data key one field of it, and each method one command.
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
  /**
   * Writes that replicas have to confirm use a connection of their own, so that nothing else waits for the replicas.
   */
  readonly #writeConnection: RedisConnection;
  readonly #scripts: ScriptRunner;
  readonly #writes: ScriptRunner;

  /**
   * Connects at `open()` or at the first call, not here.
   *
   * @throws TypeError when an option is wrong
   */
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

  /** @throws TypeError when `id` does not have the form of an id */
  override async create(id: string, record: SessionRecord): Promise<boolean> {
    assertSessionId(id);
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
    // A successor is another key, perhaps on another node, so each mark on the way costs one command.
    const passed = new Set<unknown>();
    for (let at: unknown = id; typeof at === 'string' && !passed.has(at);) {
      passed.add(at);
      const reply = await this.#run(this.#writes, destroyScript, at, [now, ...mark]);
      if (Array.isArray(reply)) return recordOf(reply as string[]) as SessionRecord;
      at = reply;
    }
    return undefined;
  }

  /** Resolves when Redis answers. In a Cluster it resolves when every master answers. */
  async ping(): Promise<void> {
    await this.#connection.ping();
  }

  /**
   * Connects. Returns a warning if Redis is set up to remove live sessions.
   *
   * @throws StoreRefusedError when Redis refuses access or is older than 6.2. Then nothing stays open. Any other error
   * when Redis does not answer. Then the store goes on trying to connect.
   */
  async open(): Promise<readonly string[]> {
    try {
      await this.#writeConnection.open();
      await this.#connection.open();
      // Two calls for an id that no session has show whether the user has the permissions.
      await this.load(UNUSED_ID);
      await this.touch(UNUSED_ID, { expiresAt: 0, lastSeenAt: 0 }, 0);
      return warningsAbout(await this.#connection.infos());
    } catch (error) {
      if (error instanceof StoreRefusedError) await this.close();
      throw error;
    }
  }

  /** Closes the connections of this store. A client that it was given stays open. */
  async close(): Promise<void> {
    await Promise.all([this.#writeConnection.close(), this.#connection.close()]);
  }

  /** Runs a script. Answers 0, as for a missing key, if the key holds no hash or if `id` is not well-formed. */
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
