import { idOf, newSid } from '../crypto/session-id.js';
import { SessionClosedError, SessionStoreError } from '../errors/session.error.js';
import type { SessionEvents } from '../events/session-events.js';
import type { ResolvedSessionOptions } from '../options/resolved-session-options.interface.js';
import { decodeMeta, encodeMeta, isMoment, type SessionMeta } from '../session/session-meta.js';
import type { SessionChange, StoredIdentity, Texts } from '../session/session-state.js';
import { applied, lateChange, type Rotation } from './rotation-change.js';
import type { GuardedStore } from '../store/guarded-store.js';
import type { SessionMoments, SessionRecord, UpdateResult } from '../store/session-record.interface.js';
import type { SessionIndex } from '../store/session-store-abilities.interface.js';
import type { Awaitable } from '../store/session-store.js';
import type { Clock } from '../time/clock.js';

/** A live session as the store held it. */
export interface LiveRecord {
  readonly identity: StoredIdentity;
  readonly texts: Texts;
}

/** `isSole` is false when another call ended the old session first. */
export interface Rotated extends LiveRecord {
  readonly isSole: boolean;
}

/**
 * Every call of the lifecycle to the store is in this file: what is read, what is written, in which order, and what is
 * reported.
 */
export class SessionRecords {
  constructor(
    readonly store: GuardedStore,
    readonly options: ResolvedSessionOptions,
    readonly clock: Clock,
    readonly events: SessionEvents,
  ) {}

  /** sid → id → record → live session, or `undefined` with an event that says why not. */
  find(sid: string): Awaitable<LiveRecord | undefined> {
    const id = idOf(sid);
    const loaded = this.store.load(id);
    return loaded instanceof Promise
      ? loaded.then(record => this.#judge(sid, id, record))
      : this.#judge(sid, id, loaded);
  }

  /** Whether a record is a live session, without a secret to go with it. */
  async findById(id: string): Promise<LiveRecord | undefined> {
    return this.#judge('', id, await this.store.load(id), { isQuiet: true });
  }

  /** Puts a new session into the store, under a fresh secret. */
  async create(meta: SessionMeta, texts: Texts): Promise<LiveRecord> {
    const live = await this.#insert(meta, texts);
    this.begun(live);
    return live;
  }

  /** A session has begun that came of no other. */
  begun({ identity: { id, meta } }: LiveRecord): void {
    this.events.emit({ type: 'created', id, ...named(meta.user) });
  }

  /** Writes a change to the present record; activity moves its moments. */
  async update(
    { id, meta }: StoredIdentity,
    change: SessionChange,
    expect?: Readonly<Record<string, string | null>>,
  ): Promise<{ result: UpdateResult; moments: SessionMoments }> {
    const now = this.clock.now();
    const moments = this.momentsAt(now, meta);
    const { lastSeenAt, expiresAt } = moments;
    const update = { set: change.set, delete: change.delete, lastSeenAt, expiresAt };
    const result = await this.store.update(id, expect ? { ...update, expect } : update, now);
    return { result, moments };
  }

  /** Writes down that the session was used. `undefined`: it is gone. */
  async touch({ id, meta }: StoredIdentity): Promise<SessionMoments | undefined> {
    const now = this.clock.now();
    const moments = this.momentsAt(now, meta);
    return (await this.store.touch(id, moments, now)) ? moments : undefined;
  }

  /**
   * Ends a session, or the one that it was rotated into. Whether this very call ended one.
   */
  async end(id: string, reason: 'logout' | 'revoked' | 'replaced'): Promise<boolean> {
    const now = this.clock.now();
    const ended = await this.store.destroy(id, now);
    if (!ended) return false;
    this.events.emit({ type: 'destroyed', id, reason, ...named(decodeMeta(ended.meta, now)?.user) });
    return true;
  }

  /**
   * `create(new)`, then `destroy(old)` with a mark that leads to the new one. What others wrote to the carried fields
   * between our load and the destroy follows by one update. A fault in between leaves an orphan that no client knows.
   *
   * @throws SessionClosedError `SESSION_ENDED` when all sessions of the user were revoked while this one was made
   */
  async rotate(rotation: Rotation): Promise<Rotated> {
    const { old, texts, meta } = rotation;
    const live = await this.#insert(meta, texts);
    const { id } = live.identity;
    if (!old) {
      this.begun(live);
      return { ...live, isSole: true };
    }
    const ended = await this.store.destroy(old.id, this.clock.now(), { successor: id });
    if (!ended) return { ...live, isSole: false };
    this.events.emit({ type: 'rotated', id, previousId: old.id, ...named(meta.user) });
    const late = lateChange(rotation, ended.data);
    if (!late) return { ...live, isSole: true };
    await this.update(live.identity, late);
    return { ...live, texts: applied(texts, late), isSole: true };
  }

  /** The two moments of a session that is used now. */
  momentsAt(now: number, meta: SessionMeta): SessionMoments {
    return { lastSeenAt: now, expiresAt: Math.min(now + this.options.idleTimeoutMs, meta.endsAt) };
  }

  /** The facts of a session that begins now. */
  metaAt(now: number, user?: string): SessionMeta {
    return {
      createdAt: now,
      endsAt: now + this.options.absoluteTimeoutMs,
      user,
      loggedInAt: user === undefined ? undefined : now,
    };
  }

  // --- the sessions of a user ---------------------------------------------------------------------------------------

  async listByUser(user: string): Promise<LiveRecord[]> {
    const ids = await this.#index().list(user, this.clock.now());
    const found = await Promise.all(ids.map(id => this.findById(id)));
    return found.filter(live => live?.identity.meta.user === user) as LiveRecord[];
  }

  async revoke(id: string, user?: string): Promise<boolean> {
    if (user !== undefined && (await this.findById(id))?.identity.meta.user !== user) return false;
    return this.end(id, 'revoked');
  }

  /** Ends every session of a user but one. */
  async revokeByUser(user: string, except: string | undefined): Promise<number> {
    const index = this.#index();
    const seen = new Set([except]);
    for (let count = 0; ;) {
      const ids = (await index.list(user, this.clock.now())).filter(id => !seen.has(id));
      for (const id of ids) seen.add(id);
      const ended = await this.#endListed(index, user, ids);
      count += ended;
      // One that had ended already may have been rotated since it was listed: its successor is in the list by now.
      if (ended === ids.length) return count;
    }
  }

  // --- details ------------------------------------------------------------------------------------------------------

  async #insert(meta: SessionMeta, texts: Texts): Promise<LiveRecord> {
    const { user } = meta;
    const moments = this.momentsAt(this.clock.now(), meta);
    const record: SessionRecord = { ...moments, meta: encodeMeta(meta), data: texts };
    const index = user === undefined ? undefined : this.store.index;
    for (let attempt = 1; attempt <= 2; attempt++) {
      const sid = newSid();
      const id = idOf(sid);
      if (index && user !== undefined) await index.add(user, id, meta.endsAt, this.clock.now());
      if (!(await this.store.create(id, record))) continue; // a fresh random id that is taken: once is a curiosity
      if (index && user !== undefined && !(await index.confirm(user, id))) {
        await this.store.destroy(id, this.clock.now()); // nobody has ever had it: no event
        throw new SessionClosedError(
          'SESSION_ENDED',
          'all sessions of this user were revoked while this one began',
        );
      }
      return { identity: { sid, id, meta, moments }, texts };
    }
    throw new SessionStoreError('SESSION_STORE_UNAVAILABLE', 'the session store has no room for a fresh id');
  }

  /**
   * Ends these sessions of a user and removes their entries. Ending comes before forgetting, so that a call that failed
   * half-way can be repeated. An entry without a record may be a login under way, which creates its record and then looks
   * for its entry: it finds it removed, or its record is there for the second attempt.
   */
  async #endListed(index: SessionIndex, user: string, ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return 0;
    // An id that was rotated away would lead `end` to its successor. That may be the one to spare, or belong to whoever
    // signed in next at the same browser.
    const end = async (id: string): Promise<boolean> =>
      (await this.store.load(id)) !== undefined && this.end(id, 'revoked');
    const ended = await Promise.all(ids.map(end));
    await index.remove(user, ids);
    const missing = ids.filter((_, i) => !ended[i]);
    const endedLate = await Promise.all(missing.map(end));
    return [...ended, ...endedLate].filter(Boolean).length;
  }

  #judge(
    sid: string,
    id: string,
    record: SessionRecord | 'broken' | undefined,
    { isQuiet = false } = {},
  ): LiveRecord | undefined {
    const now = this.clock.now();
    if (record === undefined) {
      if (!isQuiet) this.events.emit({ type: 'rejected', reason: 'unknown', id });
      return undefined;
    }
    const meta = record === 'broken' ? undefined : decodeMeta(record.meta, now);
    if (record === 'broken' || !meta || !isMoment(record.expiresAt) || !isMoment(record.lastSeenAt)) {
      this.events.emit({ type: 'rejected', reason: 'broken', id });
      return undefined;
    }
    const expiry = this.#expiry(record, meta, now);
    if (expiry) {
      if (!isQuiet) this.events.emit({ type: 'expired', id, reason: expiry });
      return undefined;
    }
    const moments = { expiresAt: record.expiresAt, lastSeenAt: record.lastSeenAt };
    return { identity: { sid, id, meta, moments }, texts: record.data };
  }

  /** The stored moments and today's options both count: shortening an option ends sessions, raising it revives none. */
  #expiry(record: SessionRecord, meta: SessionMeta, now: number): 'idle' | 'absolute' | undefined {
    const { idleTimeoutMs, absoluteTimeoutMs } = this.options;
    const since = meta.loggedInAt ?? meta.createdAt;
    if (now >= meta.endsAt || now >= since + absoluteTimeoutMs) return 'absolute';
    return now >= record.expiresAt || now >= record.lastSeenAt + idleTimeoutMs ? 'idle' : undefined;
  }

  #index() {
    const { index } = this.store;
    if (index) return index;
    throw new TypeError(
      '[session] this store keeps no index of users: give it an `index` (see IndexedSessionStore), or use a store that has one',
    );
  }
}

const named = (user: string | undefined): { user?: string } => (user === undefined ? {} : { user });
