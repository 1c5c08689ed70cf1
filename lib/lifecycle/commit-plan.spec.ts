import { describe, expect, it } from 'vitest';
import type { SessionChange } from '../session/session-state.js';
import { planCommit } from './commit-plan.js';

const NOW = 1_000_000;
const TOUCH = 60_000;
const nothing: SessionChange = { set: {}, delete: [] };
const some: SessionChange = { set: { 'd:a': '1' }, delete: [] };
const less: SessionChange = { set: {}, delete: ['d:a'] };
const both: SessionChange = { set: { 'd:b': '1' }, delete: ['d:a'] };

/** A stored session that was last seen so many milliseconds ago; `undefined`: there is none. */
const seen = (ago: number | undefined) =>
  ago === undefined ? undefined : { lastSeenAt: NOW - ago, expiresAt: NOW + 3_600_000 };

describe('planCommit', () => {
  it.each`
    session                           | ago          | used     | change     | kind
    ${'no session'}                   | ${undefined} | ${false} | ${nothing} | ${'none'}
    ${'no session'}                   | ${undefined} | ${true}  | ${nothing} | ${'none'}
    ${'no session'}                   | ${undefined} | ${true}  | ${less}    | ${'none'}
    ${'no session'}                   | ${undefined} | ${true}  | ${some}    | ${'create'}
    ${'no session'}                   | ${undefined} | ${true}  | ${both}    | ${'create'}
    ${'a recent one'}                 | ${0}         | ${false} | ${nothing} | ${'none'}
    ${'a recent one'}                 | ${0}         | ${true}  | ${nothing} | ${'none'}
    ${'a recent one'}                 | ${0}         | ${true}  | ${some}    | ${'update'}
    ${'a recent one'}                 | ${0}         | ${true}  | ${less}    | ${'update'}
    ${'a recent one'}                 | ${0}         | ${true}  | ${both}    | ${'update'}
    ${'one not yet due'}              | ${TOUCH - 1} | ${true}  | ${nothing} | ${'none'}
    ${'one that is due'}              | ${TOUCH}     | ${true}  | ${nothing} | ${'touch'}
    ${'one that is due'}              | ${TOUCH}     | ${false} | ${nothing} | ${'none'}
    ${'one that is due'}              | ${TOUCH}     | ${true}  | ${some}    | ${'update'}
    ${'one overdue'}                  | ${TOUCH * 9} | ${true}  | ${nothing} | ${'touch'}
    ${'one overdue'}                  | ${TOUCH * 9} | ${false} | ${nothing} | ${'none'}
    ${'one of a clock that is ahead'} | ${-TOUCH}    | ${true}  | ${nothing} | ${'none'}
  `('$session, used: $used, $change: $kind', ({ ago, used, change, kind }) => {
    const plan = planCommit({
      change: change as SessionChange,
      moments: seen(ago as number | undefined),
      wasUsed: used as boolean,
      touchIntervalMs: TOUCH,
      now: NOW,
    });
    expect(plan.kind).toBe(kind);
    if (kind === 'create' || kind === 'update') expect(plan).toHaveProperty('change', change);
    else expect(plan).toEqual({ kind });
  });

  it('touches on every use with an interval of zero', () => {
    const facts = { change: nothing, moments: seen(0), touchIntervalMs: 0, now: NOW };
    expect(planCommit({ ...facts, wasUsed: true }).kind).toBe('touch');
    expect(planCommit({ ...facts, wasUsed: false }).kind).toBe('none');
  });
});
