import { destroyArguments, type Facts } from '../facts.js';
import type { Moment, OperationRun, StoreCall } from '../history.js';
import { livesOf, type SessionView } from '../session-view.js';
import { short, type Guarantee } from './guarantee.js';

const everythingEnds: Guarantee = {
  sentence: 'Every request gets an answer.',
  *check({ history, requests }) {
    for (const number of history.hanging) yield `${requests[number]!.name} has no answer`;
  },
};

const logoutSticks: Guarantee = {
  sentence:
    'Logout sticks: after destroy() has resolved, no request that was in flight leaves the user signed in. A logout that comes with an id that was just rotated away ends the successor.',
  *check(facts) {
    for (const { request, steps } of livesOf(facts)) {
      for (const { run, calls, before } of steps) {
        if (run.operation.do !== 'destroy' || run.failure || run.endedAt === undefined) continue;
        const ids = new Set([request.broughtId, before.id].filter(id => id !== undefined));
        for (const id of ids) {
          const call = calls.find(one => one.verb === 'destroy' && destroyArguments(one).id === id);
          if (!call) yield `${request.name} did not end ${short(id)}`;
          else yield* survivors(facts, request.name, id, call.effectAt ?? 0);
        }
      }
    }
  },
};

/** The sessions that live on although a logout of `id` took effect at `at`: it, or those that it was rotated to. */
function* survivors(facts: Facts, name: string, id: string, at: Moment): Iterable<string> {
  if (facts.history.end.has(id) && facts.handedOut.has(id)) {
    yield `${name} logged out, and ${short(id)} is alive`;
  }
  for (const heir of facts.successors.get(id) ?? []) {
    const rotation = facts.history.calls.find(call => destroyArguments(call).successor === heir);
    if (rotation?.effectAt === undefined) continue;
    // If another call had ended the old session, a login made a new one. So did a regenerate() that keeps nothing.
    const maker = facts.makerOf(heir)?.operation;
    const isNew = maker?.do === 'login' || (maker?.do === 'regenerate' && maker.keep === false);
    if (isNew && rotation.result === undefined) continue;
    if (isMarkOver(rotation, at, facts)) continue;
    yield* survivors(facts, name, heir, at);
  }
}

/** The old id leads to the new session for a minute. */
function isMarkOver(rotation: StoreCall, at: Moment, facts: Facts): boolean {
  const logout = facts.history.calls.find(call => call.effectAt === at);
  return (logout?.now ?? 0) >= (rotation.now ?? 0) + 60_000;
}

const endedStaysEnded: Guarantee = {
  sentence: 'A write that comes late never revives a session, and an id is never used again.',
  *check({ history }) {
    const known = new Set(history.initial);
    for (const call of history.calls) {
      for (const { id, before, after } of call.changes) {
        if (before || !after) continue;
        if (known.has(id)) yield `${call.verb} made ${short(id)}, which was known already`;
        known.add(id);
      }
    }
  },
};

const endedOnlyOnPurpose: Guarantee = {
  sentence: 'Only a logout, a rotation or a revoke ends a session, and only the one that it is about.',
  *check(facts) {
    for (const [id, { call }] of facts.endings) {
      const life = livesOf(facts)[call.request ?? -1];
      const step = life?.steps[call.operation ?? -1];
      if (!life || !step) {
        yield `${short(id)} was ended by no operation`;
        continue;
      }
      const { operation } = step.run;
      const own = [life.request.broughtId, step.before.id, ...facts.madeBy(life.request.number)];
      const user = facts.userOf(id);
      const isMeant =
        operation.do === 'revoke'
          ? facts.lineage(facts.history.initial[operation.browser] ?? '').has(id)
          : operation.do === 'revokeByUser'
            ? user === operation.user && !(operation.sparesOwn && id === step.before.id)
            : ['destroy', 'login', 'regenerate'].includes(operation.do) &&
              own.some(one => one !== undefined && facts.lineage(one).has(id));
      if (!isMeant)
        yield `${life.request.name} ended ${short(id)} of ${user ?? 'a guest'} by ${operation.do}`;
    }
  },
};

const revokedByUser: Guarantee = {
  sentence:
    'After revokeByUser() has resolved, every session of the user that began before it is over. A login at the same time is dead, or alive and listed.',
  *check(facts) {
    for (const { request, steps } of livesOf(facts)) {
      for (const { run, before } of steps) {
        const { operation, startedAt, failure, endedAt } = run;
        if (operation.do !== 'revokeByUser' || failure || endedAt === undefined) continue;
        const spared = operation.sparesOwn && before.id !== undefined ? facts.lineage(before.id) : new Set();
        for (const [id, { user }] of facts.history.end) {
          if (user !== operation.user || spared.has(id) || !facts.handedOut.has(id)) continue;
          if (beganAfter(facts, id, startedAt)) continue;
          yield `${request.name} revoked all of ${operation.user}, and ${short(id)} is alive`;
        }
      }
    }
  },
};

/** Whether a session comes from a login that was not in the index yet at a moment. */
function beganAfter(facts: Facts, id: string, at: Moment): boolean {
  const beginning = facts.beginnings.get(id);
  if (!beginning) return false;
  const added = facts.history.calls.find(call => call.verb === 'index.add' && call.args[1] === id);
  if ((added?.effectAt ?? 0) < at) return false;
  // A rotation that keeps the user is no login: the session that it replaces counts.
  const maker = facts.makerOf(id)?.operation;
  const parent = facts.parentOf(id);
  return maker?.do === 'login' || parent === undefined || beganAfter(facts, parent, at);
}

const listed: Guarantee = {
  sentence: 'listByUser() names the live sessions of the user, and no others.',
  *check({ history, handedOut }) {
    for (const [user, ids] of Object.entries(history.listed)) {
      for (const id of ids) {
        if (history.end.get(id)?.user !== user) yield `${short(id)} is listed for ${user}, and not theirs`;
      }
      for (const [id, content] of history.end) {
        if (content.user !== user || !handedOut.has(id) || ids.includes(id)) continue;
        yield `${short(id)} of ${user} is not listed`;
      }
    }
  },
};

const failuresHaveReasons: Guarantee = {
  sentence: 'An operation fails only with a typed error, and only for a reason that happened.',
  *check(facts) {
    const hasStalled = facts.history.trace.includes('world the store stalls');
    for (const { request, steps } of livesOf(facts)) {
      for (const { run, before } of steps) {
        if (!run.failure) continue;
        const { code } = run.failure;
        const hasFault = hasStalled || request.calls.some(call => call.failed !== undefined);
        const isExpected =
          code === 'SESSION_ENDED'
            ? hasEndedFor(facts, run, before)
            : code === 'SESSION_STORE_UNAVAILABLE'
              ? hasFault
              : (code === 'SESSION_STORE_TIMEOUT' || code === 'SESSION_CONFLICT') && hasStalled;
        if (!isExpected) yield `${request.name} failed at ${run.operation.do} with ${code}`;
      }
    }
  },
};

/** Whether the session had ended, or all sessions of the user were revoked while a rotation made a new one. */
function hasEndedFor(
  facts: Facts,
  { operation, endedAt = Infinity }: OperationRun,
  { id, user }: SessionView,
): boolean {
  if (id !== undefined && operation.do !== 'login' && facts.hasEnded(id, endedAt)) return true;
  if (operation.do !== 'login' && operation.do !== 'regenerate') return false;
  const rotatedFor = operation.do === 'login' ? operation.user : user;
  return facts.history.calls.some(({ verb, args }) => verb === 'index.remove' && args[0] === rotatedFor);
}

export const endings: readonly Guarantee[] = [
  everythingEnds,
  logoutSticks,
  endedStaysEnded,
  endedOnlyOnPurpose,
  revokedByUser,
  listed,
  failuresHaveReasons,
];
