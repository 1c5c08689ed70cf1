// my-session.store.ts
import {
  SessionStore,
  type DestroyOptions,
  type IndexedSessionStore,
  type PrunableSessionStore,
  type SessionIndex,
  type SessionMoments,
  type SessionRecord,
  type SessionUpdate,
  type UpdateResult,
} from 'nestjs-http-session';

/** For this long after a rotation, the old id leads a logout to the new one. */
const MARK_MS = 60_000;

/** Stands where a session was before a rotation. */
interface Mark {
  readonly successor: string;
  readonly until: number;
}

export class MySessionStore extends SessionStore implements IndexedSessionStore, PrunableSessionStore {
  readonly index: SessionIndex = new MyIndex();
  private readonly records = new Map<string, SessionRecord>();
  private readonly marks = new Map<string, Mark>();

  load(id: string) {
    return structuredClone(this.records.get(id)); // a caller may change what it gets
  }

  create(id: string, record: SessionRecord) {
    if (!/^[0-9a-f]{64}$/.test(id)) throw new TypeError('a session id is 64 lower-case hex digits');
    if (this.records.has(id) || this.marks.has(id)) return false;
    this.records.set(id, structuredClone(record));
    return true;
  }

  update(
    id: string,
    { set, delete: removed, expect = {}, ...moments }: SessionUpdate,
    now: number,
  ): UpdateResult {
    const record = this.present(id, now);
    if (!record) return 'gone';
    const current = Object.fromEntries(Object.keys(expect).map(field => [field, textOf(record, field)]));
    if (Object.keys(expect).some(field => current[field] !== expect[field])) return { current };
    const data = { ...record.data, ...set };
    for (const field of removed) delete data[field];
    this.records.set(id, { ...record, ...later(record, moments), data });
    return 'done';
  }

  touch(id: string, moments: SessionMoments, now: number) {
    const record = this.present(id, now);
    if (record) this.records.set(id, { ...record, ...later(record, moments) });
    return record !== undefined;
  }

  destroy(id: string, now: number, { successor }: DestroyOptions = {}): SessionRecord | undefined {
    const record = this.present(id, now);
    if (record) {
      this.records.delete(id);
      if (successor !== undefined) this.marks.set(id, { successor, until: now + MARK_MS });
      return record;
    }
    const mark = this.marks.get(id);
    if (successor !== undefined || !mark || mark.until <= now) return undefined;
    this.marks.delete(id); // so marks in a circle come to an end
    const ended = this.destroy(mark.successor, now);
    this.marks.set(id, mark);
    return ended;
  }

  /** Removes what has expired. The module calls it when you call `Sessions.prune()`. */
  prune(now: number) {
    let count = 0;
    for (const [id, { expiresAt }] of this.records) {
      if (expiresAt <= now && this.records.delete(id)) count++;
    }
    for (const [id, { until }] of this.marks) if (until <= now) this.marks.delete(id);
    return count;
  }

  private present(id: string, now: number): SessionRecord | undefined {
    const record = this.records.get(id);
    return record && now < record.expiresAt ? record : undefined;
  }
}

/** The ids of a user's sessions, each with the time when the session ends at the latest. */
class MyIndex implements SessionIndex {
  private readonly users = new Map<string, Map<string, number>>();

  add(user: string, id: string, until: number, now: number) {
    const entries = this.users.get(user) ?? new Map<string, number>();
    for (const [other, end] of entries) if (end <= now) entries.delete(other);
    this.users.set(user, entries.set(id, Math.max(until, entries.get(id) ?? 0)));
  }

  confirm(user: string, id: string) {
    return this.users.get(user)?.has(id) ?? false;
  }

  remove(user: string, ids: readonly string[]) {
    for (const id of ids) this.users.get(user)?.delete(id);
  }

  list(user: string, now: number) {
    return [...(this.users.get(user) ?? [])].filter(([, until]) => until > now).map(([id]) => id);
  }
}

function textOf(record: SessionRecord, field: string): string | null {
  return Object.hasOwn(record.data, field) ? (record.data[field] ?? null) : null;
}

function later(one: SessionMoments, other: SessionMoments): SessionMoments {
  return {
    expiresAt: Math.max(one.expiresAt, other.expiresAt),
    lastSeenAt: Math.max(one.lastSeenAt, other.lastSeenAt),
  };
}
