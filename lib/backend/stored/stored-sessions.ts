import { idOf, newSid } from '../../crypto/session-id.js';
import { SessionClosedError, SessionStoreError } from '../../errors/session.error.js';
import type { SessionEvents } from '../../events/session-events.js';
import type { ResolvedSessionOptions } from '../../options/resolved-session-options.interface.js';
import { decodeMeta, encodeMeta, isWrittenMoment, type SessionMeta } from '../../session/session-meta.js';
import { applyChange, type SessionChange, type Texts } from '../../session/session-change.js';
import type { StoredIdentity } from '../../session/standing.js';
import type { GuardedStore } from '../../store/guarded-store.js';
import type { SessionMoments, SessionRecord } from '../../store/session-record.interface.js';
import { UNUSED_ID, type Awaitable, type DestroyOptions } from '../../store/session-store.js';
import type { Clock } from '../../time/clock.js';
import { changeByOthers, type Rotation } from '../rotation.js';
import type {
  EndReason,
  LiveRecord,
  Rotated,
  SessionBackend,
  Updated,
  Used,
} from '../session-backend.interface.js';

/** Whether a lookup reports sessions that are not live. A request's cookie is reported; a look by id is not. */
type Report = 'reported' | 'quiet';

/**
 * Sessions that a store keeps. Every call of the lifecycle to the store is in this folder: what is read, what is
 * written, in which order, and what is reported.
 */
export class StoredSessions implements SessionBackend {
  constructor(
    readonly store: GuardedStore,
    readonly options: ResolvedSessionOptions,
    readonly clock: Clock,
    readonly events: SessionEvents,
  ) {}

  /** token → sid → id → record → live session. */
  find(token: string): Awaitable<LiveRecord | undefined> {
    const id = this.idOf(token);
    const loaded = this.store.load(id);
    const current = this.options.tokens.upToDate(token);
    return loaded instanceof Promise
      ? loaded.then(record => this.#judge(current, id, record, 'reported'))
      : this.#judge(current, id, loaded, 'reported');
  }

  /** Finds a live session by its id. The result has no token, so it cannot be handed to a browser. */
  async findById(id: string): Promise<LiveRecord | undefined> {
    return this.#judge('', id, await this.store.load(id), 'quiet');
  }

  idOf(token: string): string {
    return idOf(this.options.tokens.sidOf(token));
  }

  async create(meta: SessionMeta, texts: Texts): Promise<LiveRecord> {
    const live = await this.#insert(meta, texts);
    this.emitCreated(live);
    return live;
  }

  emitCreated({ identity: { id, meta } }: LiveRecord): void {
    this.events.emit({ type: 'created', id, ...named(meta.user) });
  }

  async update(
    { token, id, meta }: StoredIdentity,
    change: SessionChange,
    expect?: Readonly<Record<string, string | null>>,
  ): Promise<Updated> {
    const now = this.clock.now();
    const moments = this.#momentsAt(now, meta);
    const { lastSeenAt, expiresAt } = moments;
    const update = { set: change.set, delete: change.delete, lastSeenAt, expiresAt };
    const result = await this.store.update(id, expect ? { ...update, expect } : update, now);
    return result === 'done' ? { token, moments } : result;
  }

  async touch({ token, id, meta }: StoredIdentity): Promise<Used | 'gone'> {
    const now = this.clock.now();
    const moments = this.#momentsAt(now, meta);
    return (await this.store.touch(id, moments, now)) ? { token, moments } : 'gone';
  }

  async end(id: string, reason: EndReason): Promise<boolean> {
    return this.#end(id, reason);
  }

  /** Ends the session under this id. If the id was rotated away, the session that replaced it stays alive. */
  async endWithoutSuccessor(id: string, reason: EndReason): Promise<boolean> {
    // A destroy that leaves a mark follows none, in one step of the store. This mark leads to no session.
    return this.#end(id, reason, { successor: UNUSED_ID });
  }

  /**
   * Calls `create(new)`, then `destroy(old)` with a mark that leads to the new session. One update follows if other
   * requests changed carried fields between our load and the destroy. A fault in between leaves an orphan that no
   * client knows.
   */
  async rotate(rotation: Rotation): Promise<Rotated> {
    const { old, texts, meta } = rotation;
    const live = await this.#insert(meta, texts);
    const { id } = live.identity;
    if (!old) {
      this.emitCreated(live);
      return { ...live, outcome: 'done' };
    }
    const ended = await this.store.destroy(old.id, this.clock.now(), { successor: id });
    if (!ended) return { ...live, outcome: 'lost' };
    this.events.emit({ type: 'rotated', id, previousId: old.id, ...named(meta.user) });
    const late = changeByOthers(rotation, ended.data);
    if (!late) return { ...live, outcome: 'done' };
    await this.update(live.identity, late);
    return { ...live, texts: applyChange(texts, late), outcome: 'done' };
  }

  /** The two moments of a session that is used now. */
  #momentsAt(now: number, meta: SessionMeta): SessionMoments {
    return { lastSeenAt: now, expiresAt: Math.min(now + this.options.idleTimeoutMs, meta.endsAt) };
  }

  newMeta(user?: string): SessionMeta {
    const now = this.clock.now();
    return {
      createdAt: now,
      endsAt: now + this.options.absoluteTimeoutMs,
      user,
      loggedInAt: user === undefined ? undefined : now,
    };
  }

  /** The record of a session that is used now. */
  newRecord(meta: SessionMeta, texts: Texts): SessionRecord {
    return { ...this.#momentsAt(this.clock.now(), meta), meta: encodeMeta(meta), data: texts };
  }

  // --- details ------------------------------------------------------------------------------------------------------

  async #end(id: string, reason: EndReason, options?: DestroyOptions): Promise<boolean> {
    const now = this.clock.now();
    const ended = await this.store.destroy(id, now, options);
    if (!ended) return false;
    this.events.emit({ type: 'destroyed', id, reason, ...named(decodeMeta(ended.meta, now)?.user) });
    return true;
  }

  async #insert(meta: SessionMeta, texts: Texts): Promise<LiveRecord> {
    const { user } = meta;
    const record = this.newRecord(meta, texts);
    const { expiresAt, lastSeenAt } = record;
    const moments = { expiresAt, lastSeenAt };
    const index = user === undefined ? undefined : this.store.index;
    for (let attempt = 1; attempt <= 2; attempt++) {
      const sid = newSid();
      const token = this.options.tokens.tokenOf(sid);
      const id = idOf(sid);
      if (index && user !== undefined) await index.add(user, id, meta.endsAt, this.clock.now());
      if (!(await this.store.create(id, record))) continue; // a fresh random id that is taken: try once more
      if (index && user !== undefined && !(await index.confirm(user, id))) {
        await this.store.destroy(id, this.clock.now()); // no client has ever had it, so no event
        throw new SessionClosedError(
          'SESSION_ENDED',
          'all sessions of this user were revoked while this login ran',
        );
      }
      return { identity: { token, id, meta, moments }, texts };
    }
    throw new SessionStoreError(
      'SESSION_STORE_UNAVAILABLE',
      'the session store refused two fresh random ids as taken',
    );
  }

  /** Decides whether a record is a live session. Broken records are always reported. */
  #judge(
    token: string,
    id: string,
    record: SessionRecord | 'broken' | undefined,
    report: Report,
  ): LiveRecord | undefined {
    const now = this.clock.now();
    if (record === undefined) {
      if (report === 'reported') this.events.emit({ type: 'rejected', reason: 'unknown', id });
      return undefined;
    }
    const meta = record === 'broken' ? undefined : decodeMeta(record.meta, now);
    if (
      record === 'broken' ||
      !meta ||
      !isWrittenMoment(record.expiresAt) ||
      !isWrittenMoment(record.lastSeenAt)
    ) {
      this.events.emit({ type: 'rejected', reason: 'broken', id });
      return undefined;
    }
    const expiry = this.#expiry(record, meta, now);
    if (expiry) {
      if (report === 'reported') this.events.emit({ type: 'expired', id, reason: expiry });
      return undefined;
    }
    const moments = { expiresAt: record.expiresAt, lastSeenAt: record.lastSeenAt };
    return { identity: { token, id, meta, moments }, texts: record.data };
  }

  /** The stored moments and today's options both count: a shorter option ends sessions, a longer one revives none. */
  #expiry(record: SessionRecord, meta: SessionMeta, now: number): 'idle' | 'absolute' | undefined {
    const { idleTimeoutMs, absoluteTimeoutMs } = this.options;
    const since = meta.loggedInAt ?? meta.createdAt;
    if (now >= meta.endsAt || now >= since + absoluteTimeoutMs) return 'absolute';
    return now >= record.expiresAt || now >= record.lastSeenAt + idleTimeoutMs ? 'idle' : undefined;
  }
}

const named = (user: string | undefined): { user?: string } => (user === undefined ? {} : { user });
