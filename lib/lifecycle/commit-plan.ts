import type { SessionChange } from '../session/session-state.js';
import type { SessionMoments } from '../store/session-record.interface.js';

/** What the commit will do. */
export type CommitPlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'touch' }
  | { readonly kind: 'create' | 'update'; readonly change: SessionChange };

export interface CommitFacts {
  readonly change: SessionChange;
  /** The moments of the stored record; `undefined` when there is none. */
  readonly moments: SessionMoments | undefined;
  /** The handler looked at the session or changed it. A load alone is no activity. */
  readonly wasUsed: boolean;
  readonly touchIntervalMs: number;
  readonly now: number;
}

/** Decides what to write. Pure: the same facts always give the same plan. */
export function planCommit({ change, moments, wasUsed, touchIntervalMs, now }: CommitFacts): CommitPlan {
  const hasNewTexts = Object.keys(change.set).length > 0;
  if (!moments) return hasNewTexts ? { kind: 'create', change } : { kind: 'none' };
  if (hasNewTexts || change.delete.length > 0) return { kind: 'update', change };
  return wasUsed && now - moments.lastSeenAt >= touchIntervalMs ? { kind: 'touch' } : { kind: 'none' };
}
