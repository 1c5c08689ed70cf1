import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type {
  IndexedSessionStore,
  PrunableSessionStore,
} from '../../../lib/store/session-store-abilities.interface.js';
import type { SessionRecord, SessionUpdate } from '../../../lib/store/session-record.interface.js';
import type { SessionStore } from '../../../lib/store/session-store.js';

/** What the cases need of a store. `prune` is asked for only where the features say so. */
export type TestedStore = SessionStore & IndexedSessionStore & Partial<PrunableSessionStore>;

/** What one case works with: its own store, its own moment, ids and users that nobody else has. */
export interface CaseContext {
  readonly store: TestedStore;
  /** Another store over the same place, as a second process would have it; else `store` itself. */
  readonly peer: TestedStore;
  /** A store on the same backend under another prefix, where the runner gave one. */
  readonly stranger: TestedStore | undefined;
  /** The real time at the start. Time that passes is a later `now` in the call, never a wait. */
  readonly now: number;
  id(label: string): string;
  user(label: string): string;
}

/** What a store must have for a case to apply to it. */
export type CaseNeed = 'prune' | 'keepsExpired' | 'stranger';

export interface StoreCase {
  readonly name: string;
  readonly needs?: CaseNeed;
  run(context: CaseContext): Promise<void>;
}

const startedAt = Date.now();

/** Fixed within a run, different between runs and cases: a backend that is not empty does not disturb. */
export function namesOf(caseName: string): Pick<CaseContext, 'id' | 'user'> {
  const scope = `${process.pid}:${startedAt}:${caseName}`;
  return {
    id: label => createHash('sha256').update(`${scope}:${label}`).digest('hex'),
    user: label => `${scope}:${label}`,
  };
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A record that lives for an hour from `now`, far from the backend's own expiry. */
export function recordAt(now: number, over: Partial<SessionRecord> = {}): SessionRecord {
  return {
    expiresAt: now + HOUR,
    lastSeenAt: now,
    meta: '{"createdAt":1}',
    data: { 'd:views': '1' },
    ...over,
  };
}

/** An update that moves no moment of `recordAt(now)` and writes nothing but what `over` says. */
export function updateAt(now: number, over: Partial<SessionUpdate> = {}): SessionUpdate {
  return { set: {}, delete: [], expiresAt: now + HOUR, lastSeenAt: now, ...over };
}

/** The same record whatever prototype or order of fields the store uses. */
function comparable(record: SessionRecord): unknown {
  return {
    expiresAt: record.expiresAt,
    lastSeenAt: record.lastSeenAt,
    meta: record.meta,
    data: Object.entries(record.data).sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}

export function assertRecord(actual: SessionRecord | 'broken' | undefined, expected: SessionRecord): void {
  assert.ok(actual !== undefined, 'the record is missing');
  assert.ok(actual !== 'broken', 'the record is broken');
  assert.deepEqual(comparable(actual), comparable(expected));
}

/** The record under an id that must have one. */
export async function loaded(store: SessionStore, id: string): Promise<SessionRecord> {
  const record = await store.load(id);
  assert.ok(record !== undefined && record !== 'broken', 'the record is missing or broken');
  return record;
}

/** The id is absent for the verbs that can tell without changing anything, and for those that would. */
export async function assertAbsent(store: SessionStore, id: string, now: number): Promise<void> {
  assert.equal(await store.load(id), undefined, 'load');
  assert.equal(await store.update(id, updateAt(now, { set: { 'd:late': '1' } }), now), 'gone', 'update');
  assert.equal(await store.touch(id, { expiresAt: now + DAY, lastSeenAt: now }, now), false, 'touch');
  assert.equal(await store.load(id), undefined, 'load after update and touch');
}

/** An `expect` that did not hold, with exactly these texts. */
export function assertMismatch(actual: unknown, current: Record<string, string | null>): void {
  assert.ok(
    typeof actual === 'object' && actual !== null && 'current' in actual,
    `no mismatch: ${String(actual)}`,
  );
  assert.deepEqual({ ...(actual.current as object) }, current);
}
