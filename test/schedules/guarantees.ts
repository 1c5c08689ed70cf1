import { destroyArguments, isClearing, type Facts } from './facts.js';

/** A sentence that users may rely on, and a check whether a schedule kept it. */
export interface Guarantee {
  readonly sentence: string;
  /** Describes each breach. */
  readonly check: (facts: Facts) => Iterable<string>;
}

export interface Violation {
  readonly sentence: string;
  readonly details: readonly string[];
}

const everythingEnds: Guarantee = {
  sentence: 'Every request gets an answer.',
  *check({ history }) {
    for (const number of history.hanging) yield `r${number + 1} has no answer`;
  },
};

const logoutSticks: Guarantee = {
  sentence:
    'Logout sticks: after destroy() has resolved, no request that was in flight leaves the user signed in, unless it is a login of its own.',
  *check(facts) {
    for (const { name, calls, run } of facts.requests) {
      for (const [i, operation] of run.operations.entries()) {
        if (operation.operation.do !== 'destroy' || operation.failure || operation.endedAt === undefined)
          continue;
        const ended = calls.filter(call => call.operation === i && call.verb === 'destroy');
        for (const call of ended)
          yield* survivors(facts, name, destroyArguments(call).id, call.effectAt ?? 0);
      }
    }
  },
};

/** The sessions that live on although a logout of `id` took effect at `at`. */
function* survivors(facts: Facts, name: string, id: string, at: number): Iterable<string> {
  for (const heir of facts.lineage(id)) {
    if (!facts.history.end.has(heir) || !facts.handedOut.has(heir)) continue;
    const beginning = facts.beginnings.get(heir);
    const maker = beginning && facts.requests[beginning.call.request ?? -1];
    const operation = maker?.run.operations[beginning?.call.operation ?? -1]?.operation;
    // A login that came too late to be ended is a new session. So is a regenerate() that keeps nothing.
    const isNew = operation?.do === 'login' || (operation?.do === 'regenerate' && operation.keep === false);
    const rotated = facts.history.calls.find(call => destroyArguments(call).successor === heir);
    if (isNew && rotated?.effectAt !== undefined && rotated.effectAt > at && !rotated.result) continue;
    yield `${name} logged out of a session, and ${heir.slice(0, 8)} is alive`;
  }
}

const onlyDestroyClears: Guarantee = {
  sentence: 'Nothing but destroy() ever clears the cookie.',
  *check({ requests }) {
    for (const { name, run } of requests) {
      const clears = run.answer?.cookies.some(isClearing) ?? false;
      const hasDestroyed = run.operations.some(
        ({ operation, failure }) => operation.do === 'destroy' && !failure,
      );
      if (clears && !hasDestroyed) yield `${name} clears the cookie`;
    }
  },
};

export const guarantees: readonly Guarantee[] = [everythingEnds, logoutSticks, onlyDestroyClears];

/** The guarantees that a schedule broke. */
export function violationsOf(facts: Facts): Violation[] {
  return guarantees
    .map(({ sentence, check }) => ({ sentence, details: [...check(facts)] }))
    .filter(({ details }) => details.length > 0);
}
