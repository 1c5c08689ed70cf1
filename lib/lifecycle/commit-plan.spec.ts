import { describe, expect, it } from 'vitest';
import type { HoldState } from '../http/head-participant.interface.js';
import { EMPTY, type Standing } from '../session/standing.js';
import type { SessionChange } from '../session/session-change.js';
import { planCommit, type CommitFacts, type CommitPlan, type Saving } from './commit-plan.js';
import type { AnswerCookie } from './session-answer.js';

const NOW = 1_000_000;
const TOUCH = 60_000;
const none: SessionChange = { set: {}, delete: [] };
const set: SessionChange = { set: { 'd:a': '1' }, delete: [] };
const removal: SessionChange = { set: {}, delete: ['d:a'] };
const both: SessionChange = { set: { 'd:b': '1' }, delete: ['d:a'] };

/** A session that has a record and was last used this many milliseconds ago. */
function standing(kind: 'stored' | 'ended', ago = 0): Standing {
  const meta = { createdAt: 1, endsAt: NOW * 2, user: undefined, loggedInAt: undefined };
  const moments = { lastSeenAt: NOW - ago, expiresAt: NOW + 3_600_000 };
  return { kind, identity: { token: 'token', id: 'id', meta, moments } };
}

const cookies: Record<string, AnswerCookie> = {
  none: { kind: 'none' },
  set: { kind: 'set', token: 'token' },
  clear: { kind: 'clear' },
  'renewed, not confirmed': { kind: 'renew', token: 'token', isConfirmed: false },
  'renewed, confirmed': { kind: 'renew', token: 'token', isConfirmed: true },
};

/** The ordinary facts: the handler succeeded, and a stored, recently used session was not changed. */
const ordinary: CommitFacts = {
  head: 'held',
  status: undefined,
  saveOnServerError: false,
  saving: 'changes and touches',
  isBusy: false,
  standing: standing('stored'),
  readChange: () => none,
  cookie: cookies['none']!,
  touchIntervalMs: TOUCH,
  now: NOW,
};

const planOf = (facts: Partial<CommitFacts>): CommitPlan => planCommit({ ...ordinary, ...facts });

describe('the plan of a commit follows from the state of the session', () => {
  it.each<[string, Standing, SessionChange, CommitPlan['kind']]>([
    ['an empty session', EMPTY, none, 'nothing'],
    ['an empty session', EMPTY, removal, 'nothing'],
    ['an empty session', EMPTY, set, 'create'],
    ['an empty session', EMPTY, both, 'create'],
    ['a recently used session', standing('stored'), none, 'nothing'],
    ['a recently used session', standing('stored'), set, 'update'],
    ['a recently used session', standing('stored'), removal, 'update'],
    ['a recently used session', standing('stored'), both, 'update'],
    ['a session whose touch is not due yet', standing('stored', TOUCH - 1), none, 'nothing'],
    ['a session whose touch is due', standing('stored', TOUCH), none, 'touch'],
    ['a session whose touch is due', standing('stored', TOUCH), set, 'update'],
    ['a session whose touch is overdue', standing('stored', TOUCH * 9), none, 'touch'],
    ['a session that another clock saw in the future', standing('stored', -TOUCH), none, 'nothing'],
    ['a session that ended elsewhere', standing('ended', TOUCH), none, 'nothing'],
    ['a session that ended elsewhere', standing('ended', TOUCH), both, 'nothing'],
  ])('%s (%#)', (_, state, change, kind) => {
    const plan = planOf({ standing: state, readChange: () => change });
    expect(plan).toEqual(kind === 'create' || kind === 'update' ? { kind, change } : { kind });
  });

  it('touches on every use with an interval of zero', () => {
    expect(planOf({ touchIntervalMs: 0 })).toEqual({ kind: 'touch' });
  });

  it.each<[string, CommitPlan['kind']]>([
    ['none', 'nothing'],
    ['set', 'nothing'],
    ['clear', 'nothing'],
    ['renewed, not confirmed', 'touch'],
    ['renewed, confirmed', 'nothing'],
  ])('a cookie that is %s: %s', (name, kind) => {
    const cookie = cookies[name]!;
    expect(planOf({ cookie })).toEqual({ kind });
    expect(planOf({ cookie, saving: 'changes' })).toEqual({ kind: 'nothing' });
    expect(planOf({ cookie, standing: EMPTY })).toEqual({ kind: 'nothing' });
  });
});

const heads: HoldState[] = ['held', 'leaving', 'sent', 'replaced'];
const savings: Saving[] = ['changes and touches', 'changes', 'nothing'];
const yesAndNo = [true, false];
const standings = [EMPTY, standing('stored'), standing('stored', TOUCH), standing('ended')];

/** All combinations of the facts. */
const combinations = heads.flatMap(head =>
  [undefined, 200, 404, 500, 503].flatMap(status =>
    yesAndNo.flatMap(saveOnServerError =>
      savings.flatMap(saving =>
        yesAndNo.flatMap(isBusy =>
          standings.flatMap(state =>
            [none, set, removal, both].flatMap(change =>
              Object.values(cookies).map(cookie => ({
                facts: { head, status, saveOnServerError, saving, isBusy, standing: state, cookie },
                change,
              })),
            ),
          ),
        ),
      ),
    ),
  ),
);

/** Checks the plans of all combinations to which a rule applies. */
function everyPlan(
  applies: (facts: Partial<CommitFacts>) => boolean,
  assert: (plan: CommitPlan, readCount: number) => void,
): void {
  const concerned = combinations.filter(({ facts }) => applies(facts));
  expect(concerned.length).toBeGreaterThan(0);
  for (const { facts, change } of concerned) {
    let readCount = 0;
    const readChange = (): SessionChange => (readCount++, change);
    assert(planOf({ ...facts, readChange }), readCount);
  }
}

const isOpen = ({ head }: Partial<CommitFacts>): boolean => head === 'held' || head === 'leaving';
const hasFailed = ({ status = 0, saveOnServerError }: Partial<CommitFacts>): boolean =>
  status >= 500 && saveOnServerError === false;

describe('rules that hold for every combination of the facts', () => {
  it('nothing is saved after the head was sent', () => {
    everyPlan(
      facts => !isOpen(facts),
      (plan, readCount) => expect([plan, readCount]).toEqual([{ kind: 'nothing' }, 0]),
    );
  });

  it('running operations are awaited before the change is read', () => {
    everyPlan(
      facts => isOpen(facts) && facts.isBusy === true,
      (plan, readCount) => expect([plan.kind, readCount]).toEqual(['wait', 0]),
    );
  });

  it('a failed request saves nothing, neither now nor after its operations', () => {
    everyPlan(
      facts => isOpen(facts) && hasFailed(facts),
      plan => expect([{ kind: 'nothing' }, { kind: 'wait', next: 'nothing' }]).toContainEqual(plan),
    );
  });

  it('a commit that failed is not tried again', () => {
    everyPlan(
      facts => isOpen(facts) && facts.saving === 'nothing',
      plan => expect([{ kind: 'nothing' }, { kind: 'wait', next: 'nothing' }]).toContainEqual(plan),
    );
  });

  it('a touch that failed is not tried again', () => {
    everyPlan(
      facts => facts.saving !== 'changes and touches',
      plan => expect(plan.kind).not.toBe('touch'),
    );
  });

  it('a session that ended elsewhere is never written', () => {
    everyPlan(
      facts => facts.standing?.kind === 'ended',
      plan => expect(['nothing', 'wait']).toContain(plan.kind),
    );
  });

  it('every other change is saved: that of a stored session is an update, whatever the cookie', () => {
    everyPlan(
      facts =>
        isOpen(facts) &&
        facts.isBusy === false &&
        !hasFailed(facts) &&
        facts.saving !== 'nothing' &&
        facts.standing?.kind === 'stored',
      (plan, readCount) => {
        expect(readCount).toBe(1);
        expect(['update', 'touch', 'nothing']).toContain(plan.kind);
        if (plan.kind === 'update') expect(plan.change).not.toBe(none);
      },
    );
  });
});
