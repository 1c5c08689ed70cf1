import type { SessionMeta } from '../session/session-meta.js';
import type { SessionChange, StoredIdentity, Texts } from '../session/session-state.js';

/** What a rotation takes along. */
export interface Rotation {
  readonly old: StoredIdentity | undefined;
  /** What the store held of the old session when it was loaded. */
  readonly oldTexts: Texts;
  /** What the new record starts with. */
  readonly texts: Texts;
  /** Fields that this request changed itself: what others did to them since does not follow. */
  readonly own: ReadonlySet<string>;
  readonly carries: (field: string) => boolean;
  readonly meta: SessionMeta;
}

/** What others set or removed in the carried fields between our load and the end of the old record. */
export function lateChange({ oldTexts, own, carries }: Rotation, ended: Texts): SessionChange | undefined {
  const follows = (field: string): boolean => carries(field) && !own.has(field);
  const set: Record<string, string> = {};
  for (const [field, text] of Object.entries(ended)) {
    if (oldTexts[field] !== text && follows(field)) set[field] = text;
  }
  const removed = Object.keys(oldTexts).filter(field => !Object.hasOwn(ended, field) && follows(field));
  return Object.keys(set).length > 0 || removed.length > 0 ? { set, delete: removed } : undefined;
}

/** The texts after a change. */
export function applied(texts: Texts, { set, delete: removed }: SessionChange): Texts {
  const result: Record<string, string> = { ...texts, ...set };
  for (const field of removed) delete result[field];
  return result;
}
