import type { HoldState } from '../http/head-participant.interface.js';
import type { SessionChange } from '../session/session-change.js';
import type { Standing } from '../session/standing.js';
import type { AnswerCookie } from './session-answer.js';

/** What the commit will do. */
export type CommitPlan =
  | { readonly kind: 'nothing' }
  /** Operations are under way. When they have settled, plan again, or save nothing. */
  | { readonly kind: 'wait'; readonly next: 'plan' | 'nothing' }
  | { readonly kind: 'touch' }
  | { readonly kind: 'create' | 'update'; readonly change: SessionChange };

/** What a request may still save without being asked. */
export type Saving =
  | 'changes and touches'
  /** A touch failed, and is not tried again. */
  | 'changes'
  /** A commit failed, and is not tried again. What a filter changes afterwards is not saved either. */
  | 'nothing';

export interface CommitFacts {
  /** Where the response's head is. */
  readonly head: HoldState;
  /** The status of the head that is leaving; `undefined` after a handler that succeeded. */
  readonly status: number | undefined;
  readonly saveOnServerError: boolean;
  readonly saving: Saving;
  /** Whether operations of the session are under way. */
  readonly isBusy: boolean;
  readonly standing: Standing;
  /** Computes the change. Encoding costs time, so it is asked only when the change can matter. */
  readonly readChange: () => SessionChange;
  readonly cookie: AnswerCookie;
  readonly touchIntervalMs: number;
  readonly now: number;
}

const NOTHING: CommitPlan = Object.freeze({ kind: 'nothing' });

/** All rules of saving, in the order in which they apply. Pure: the same facts always give the same plan. */
export function planCommit(facts: CommitFacts): CommitPlan {
  if (facts.head !== 'held' && facts.head !== 'leaving') return NOTHING;
  const hasFailed = facts.status !== undefined && facts.status >= 500 && !facts.saveOnServerError;
  // A failed request leaves the session as it was.
  const savesNothing = hasFailed || facts.saving === 'nothing';
  if (facts.isBusy) return { kind: 'wait', next: savesNothing ? 'nothing' : 'plan' };
  return savesNothing ? NOTHING : planSave(facts);
}

function planSave({ standing, readChange, saving, cookie, touchIntervalMs, now }: CommitFacts): CommitPlan {
  if (standing.kind === 'ended') return NOTHING;
  const change = readChange();
  const setsFields = Object.keys(change.set).length > 0;
  if (standing.kind === 'empty') return setsFields ? { kind: 'create', change } : NOTHING;
  if (setsFields || change.delete.length > 0) return { kind: 'update', change };
  const isTouchDue = now - standing.identity.moments.lastSeenAt >= touchIntervalMs;
  // An operation renewed the cookie some time ago. The session may have been ended since.
  const isRenewalOpen = cookie.kind === 'renew' && !cookie.isConfirmed;
  return saving === 'changes and touches' && (isTouchDue || isRenewalOpen) ? { kind: 'touch' } : NOTHING;
}
