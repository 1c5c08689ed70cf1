import type { SessionMeta } from '../session/session-meta.js';
import type { SessionChange, Texts } from '../session/session-change.js';
import type { StoredIdentity } from '../session/standing.js';

/** What a rotation replaces, and what it carries over. */
export interface Rotation {
  readonly old: StoredIdentity | undefined;
  /** What the store held of the old session when this request loaded it. */
  readonly oldTexts: Texts;
  /** What the new record starts with. */
  readonly texts: Texts;
  /** Fields that this request changed. What other requests did to them since the load is not carried over. */
  readonly own: ReadonlySet<string>;
  readonly isCarried: (field: string) => boolean;
  readonly meta: SessionMeta;
}

/**
 * What other requests set or removed in the carried fields between our load and the end of the old record.
 * `undefined`: nothing.
 */
export function changeByOthers(
  { oldTexts, own, isCarried }: Rotation,
  ended: Texts,
): SessionChange | undefined {
  const isTaken = (field: string): boolean => isCarried(field) && !own.has(field);
  const set: Record<string, string> = {};
  for (const [field, text] of Object.entries(ended)) {
    if (oldTexts[field] !== text && isTaken(field)) set[field] = text;
  }
  const removed = Object.keys(oldTexts).filter(field => !Object.hasOwn(ended, field) && isTaken(field));
  return Object.keys(set).length > 0 || removed.length > 0 ? { set, delete: removed } : undefined;
}
