import { describe, expect, it } from 'vitest';
import type { Entry } from './frame.js';
import { addEntry, beginEntry, endEntry, removeEntry, userReplay } from './user-journal.js';

const NOW = 1_700_000_000_000;
const HOUR = 3_600_000;

/** The outcomes of these entries, and whether the list has ended after them. */
function replay(...entries: Entry[]) {
  const state = userReplay.start(undefined);
  const outcomes = [beginEntry(new Map()), ...entries].map(entry => userReplay.apply(state, entry));
  return { outcomes: outcomes.slice(1), hasEnded: state.hasEnded };
}

describe('the list of a user in its journal', () => {
  const one = addEntry('1', 'one', NOW + HOUR, NOW);

  it('is kept by a sweep if a login came first, also if that is its only session', () => {
    const { outcomes, hasEnded } = replay(one, endEntry('2', NOW));
    expect(outcomes).toEqual(['done', 'kept']);
    expect(hasEnded).toBe(false);
  });

  it('ends when its last session was removed or has passed its limit, and a later login begins a new one', () => {
    for (const [before, at] of [
      [[one, removeEntry('2', ['one'])], NOW],
      [[one], NOW + HOUR],
    ] as const) {
      const { outcomes, hasEnded } = replay(
        ...before,
        endEntry('3', at),
        addEntry('4', 'two', at + HOUR, at),
      );
      expect(outcomes.slice(-2)).toEqual(['done', 'over']);
      expect(hasEnded).toBe(true);
    }
  });
});
