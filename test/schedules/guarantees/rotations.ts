import { destroyArguments } from '../facts.js';
import type { Content } from '../history.js';
import { changeOf, contentAfter, keeps, lastCreated, livesOf, type Step } from '../session-view.js';
import { isSame, short, shown, type Guarantee } from './guarantee.js';

/** The steps in which a rotation succeeded and made a record. */
function* rotations(steps: readonly Step[]): Iterable<{ step: Step; made: string }> {
  for (const step of steps) {
    const { run, calls } = step;
    if (run.failure || run.endedAt === undefined) continue;
    if (run.operation.do !== 'login' && run.operation.do !== 'regenerate') continue;
    const made = lastCreated(calls);
    if (made !== undefined) yield { step, made };
  }
}

const loginAlwaysCreates: Guarantee = {
  sentence: 'login() always gives a new id, and regenerate() does if there is a session.',
  *check(facts) {
    for (const { request, steps } of livesOf(facts)) {
      for (const { run, calls, before } of steps) {
        if (run.failure || run.endedAt === undefined) continue;
        const isDue =
          run.operation.do === 'login' || (run.operation.do === 'regenerate' && before.standing === 'stored');
        if (isDue && lastCreated(calls) === undefined)
          yield `${request.name} got no new id by ${run.operation.do}`;
      }
    }
  },
};

const oldIdIsDead: Guarantee = {
  sentence: 'The old id is dead before the answer.',
  *check(facts) {
    for (const { request, steps } of livesOf(facts)) {
      for (const { step } of rotations(steps)) {
        const { run, before } = step;
        if (before.standing !== 'stored' || before.id === undefined) continue;
        if (!facts.hasEnded(before.id, run.endedAt!))
          yield `${request.name} rotated ${short(before.id)}, which lives on`;
      }
    }
  },
};

const carriesWhatItKeeps: Guarantee = {
  sentence:
    'A rotation carries over what it keeps, with what others changed since the load, and nothing else. Its own change of a key wins. A session that another request ended, or of a different user, leaves nothing.',
  *check(facts) {
    for (const { request, steps } of livesOf(facts)) {
      for (const { step, made } of rotations(steps)) {
        const content = contentAfter(made, step.calls);
        // If another request has ended the new session in between, there is nothing to compare.
        if (!content || facts.hasEnded(made, step.run.endedAt!)) continue;
        const expected = expectedContent(step);
        const found = { user: content.user, data: content.data, flashes: messagesOf(content) };
        if (!isSame(JSON.stringify(expected), JSON.stringify(sorted(found)))) {
          yield `${request.name} has ${shown(sorted(found))} instead of ${shown(expected)} after ${step.run.operation.do}`;
        }
      }
    }
  },
};

interface Carried {
  readonly user: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
  readonly flashes: readonly unknown[];
}

const sorted = ({ user, data, flashes }: Carried) => ({
  user,
  data: Object.fromEntries(Object.entries(data).toSorted(([one], [other]) => (one < other ? -1 : 1))),
  flashes: flashes.toSorted(),
});

const messagesOf = ({ flashes }: Content): unknown[] => Object.values(flashes);

function expectedContent({ run, calls, before }: Step): Carried {
  const { operation } = run;
  if (operation.do !== 'login' && operation.do !== 'regenerate') throw new Error('not a rotation');
  const isLogin = operation.do === 'login';
  // What the old session held when this rotation ended it. It is missing if another request ended it first.
  const replaced = calls.find(call => destroyArguments(call).successor !== undefined);
  const old = replaced?.changes.find(change => change.id === before.id)?.before;
  const isLost = before.standing === 'ended' || (replaced !== undefined && !old);
  const isOtherUser = isLogin && before.user !== undefined && before.user !== operation.user;
  const user = isLogin ? operation.user : operation.keep === false ? undefined : before.user;
  if (isLost || isOtherUser) return { user, data: {}, flashes: [] };
  const data: Record<string, unknown> = {};
  for (const [key, value] of Object.entries({ ...old?.data, ...changeOf(before) })) {
    if (keeps(operation.keep, key) && value !== undefined) data[key] = value;
  }
  const keepsFlashes = isLogin || operation.keep === true;
  const flashes = keepsFlashes ? [...(old ? messagesOf(old) : []), ...before.newFlashes] : [];
  return sorted({ user, data, flashes });
}

export const rotationGuarantees: readonly Guarantee[] = [loginAlwaysCreates, oldIdIsDead, carriesWhatItKeeps];
