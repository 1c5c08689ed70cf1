import assert from 'node:assert/strict';
import { idOf } from '../../crypto/session-id.js';
import type { AnySessionStore, SessionIndex } from '../../store/session-store-abilities.interface.js';
import type { SessionRecord, SessionUpdate, UpdateResult } from '../../store/session-record.interface.js';
import type { Awaitable, SessionStore } from '../../store/session-store.js';
import { systemClock } from '../../time/clock.js';
import type { CaseStores } from './case-stores.js';
import type { StoreAbility } from './session-store-harness.interface.js';

/** The argument of a case: stores, the time, and ids and users that no other case uses. */
export interface CaseContext {
  readonly store: AnySessionStore;
  /** A second store over the same place, like that of another process. Without one it is `store` itself. */
  readonly peer: AnySessionStore;
  /** A store on the same backend with another prefix, for a case that needs it. */
  readonly stranger: AnySessionStore;
  readonly stores: CaseStores<AnySessionStore>;
  /** What the harness says of the store. */
  readonly given: ReadonlySet<CaseNeed>;
  /** The real time when the case started. To let time pass, a case calls with a later `now`. */
  readonly now: number;
  readonly id: (label: string) => string;
  readonly user: (label: string) => string;
}

/** What a case needs of the store or of its harness. Without it the case is left out. */
export type CaseNeed =
  StoreAbility | 'keepsExpired' | 'peer' | 'stranger' | 'damage' | 'outage' | 'full' | 'refused';

export interface StoreCase {
  readonly name: string;
  readonly needs?: readonly CaseNeed[];
  readonly run: (context: CaseContext) => Promise<void>;
}

const startedAt = systemClock.now();

/** Names that are fixed within a run and differ between runs and cases, so the backend need not be empty. */
export function namesOf(caseName: string): Pick<CaseContext, 'id' | 'user'> {
  const scope = `${process.pid}:${startedAt}:${caseName}`;
  return {
    id: label => idOf(`${scope}:${label}`),
    user: label => `${scope}:${label}`,
  };
}

/** The index of a store that has one. */
export function indexOf({ index }: AnySessionStore): SessionIndex {
  assert.ok(index, 'the store has no index');
  return index;
}

/** Calls `prune` of a store that has it. */
export async function prune(store: AnySessionStore, now: number): Promise<number> {
  assert.ok(store.prune, 'the store has no prune');
  return store.prune(now);
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A record that expires an hour after `now`, so that the backend's own expiry does not remove it during the case. */
export function recordAt(now: number, over: Partial<SessionRecord> = {}): SessionRecord {
  return {
    expiresAt: now + HOUR,
    lastSeenAt: now,
    meta: '{"createdAt":1}',
    data: { 'd:views': '1' },
    ...over,
  };
}

/** An update that keeps the moments of `recordAt(now)` and writes only the fields in `over`. */
export function updateAt(now: number, over: Partial<SessionUpdate> = {}): SessionUpdate {
  return { set: {}, delete: [], expiresAt: now + HOUR, lastSeenAt: now, ...over };
}

const start = async <T>(call: () => Awaitable<T>): Promise<T> => call();

/** Starts two calls at the same time: the first one first in even rounds, and last in odd rounds. */
export async function race<A, B>(
  round: number,
  first: () => Awaitable<A>,
  second: () => Awaitable<B>,
): Promise<[A, B]> {
  if (round % 2 === 0) return Promise.all([start(first), start(second)]);
  const [other, one] = await Promise.all([start(second), start(first)]);
  return [one, other];
}

/** The record in a form that does not depend on prototypes and on the order of fields. */
function comparable(record: SessionRecord): unknown {
  return {
    expiresAt: record.expiresAt,
    lastSeenAt: record.lastSeenAt,
    meta: record.meta,
    data: Object.entries(record.data).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  };
}

export function assertRecord(actual: SessionRecord | 'broken' | undefined, expected: SessionRecord): void {
  assert.ok(actual !== undefined, 'the record is missing');
  assert.ok(actual !== 'broken', 'the record is broken');
  assert.deepEqual(comparable(actual), comparable(expected));
}

/** Loads a record. Fails if it is missing or broken. */
export async function loaded(store: SessionStore, id: string): Promise<SessionRecord> {
  const record = await store.load(id);
  assert.ok(record !== undefined && record !== 'broken', 'the record is missing or broken');
  return record;
}

/** Asserts that the id is absent for `load`, `update` and `touch`, and that the latter two create no record. */
export async function assertAbsent(store: SessionStore, id: string, now: number): Promise<void> {
  assert.equal(await store.load(id), undefined, 'load');
  assert.equal(await store.update(id, updateAt(now, { set: { 'd:late': '1' } }), now), 'gone', 'update');
  assert.equal(await store.touch(id, { expiresAt: now + DAY, lastSeenAt: now }, now), false, 'touch');
  assert.equal(await store.load(id), undefined, 'load after update and touch');
}

/** The answer of an update, in one word. */
export function answerOf(result: UpdateResult): string {
  return typeof result === 'string' ? result : 'a mismatch';
}

/** Asserts that an update returned a mismatch with exactly these texts. */
export function assertMismatch(actual: unknown, current: Record<string, string | null>): void {
  assert.ok(
    typeof actual === 'object' && actual !== null && 'current' in actual,
    `no mismatch: ${String(actual)}`,
  );
  assert.deepEqual({ ...(actual.current as object) }, current);
}
