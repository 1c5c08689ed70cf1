import { jsonCodec } from '../../../lib/index.js';
import { isDataField, keyOfField } from '../../../lib/session/session-fields.js';
import { savesAtAll, type Facts, type Written } from '../facts.js';
import type { Content, StoreCall } from '../history.js';
import {
  changeOf,
  hasChange,
  livesOf,
  valueOf,
  wasAnswered,
  wasGone,
  type SessionLife,
  type SessionView,
  type Step,
} from '../session-view.js';
import { isSame, short, shown, type Guarantee } from './guarantee.js';

const readsAreTrue: Guarantee = {
  sentence: 'A handler reads what was loaded and what it changed itself.',
  *check(facts) {
    for (const { request, steps } of livesOf(facts)) {
      for (const { run, before } of steps) {
        if (run.operation.do !== 'get' || run.failure) continue;
        // A rotation that took longer than the session had left empties a record that no request can read.
        if (before.id !== undefined && facts.hasExpired(before.id)) continue;
        const expected = valueOf(before, run.operation.key);
        if (run.value !== expected) {
          yield `${request.name} reads ${shown(run.value)} as ${run.operation.key} instead of ${shown(expected)}`;
        }
      }
    }
  },
};

const neverFalselyLoggedOut: Guarantee = {
  sentence: 'A store that fails never looks like a session that is empty.',
  *check(facts) {
    if (facts.history.options.onStoreError === 'anonymous') return;
    for (const { request, steps } of livesOf(facts)) {
      for (const { run, before } of steps) {
        if (before.standing !== 'unreadable' || run.failure || isAboutOthers(run.operation.do)) continue;
        yield `${request.name} could not load its session, and ${run.operation.do} succeeded`;
      }
    }
  },
};

const isAboutOthers = (verb: string): boolean => verb === 'revoke' || verb === 'revokeByUser';

/** What a call writes, decoded: `undefined` removes a key. Flash messages are in a list. */
function writtenBy({ verb, args }: StoreCall): { data: Record<string, unknown>; flashes: unknown[] } {
  const record = args[1] as { readonly data?: Readonly<Record<string, string>> };
  const written = verb === 'create' ? { set: record.data ?? {}, delete: [] } : (args[1] as Written);
  const data: Record<string, unknown> = {};
  const flashes: unknown[] = [];
  for (const [field, text] of Object.entries(written.set)) {
    if (isDataField(field)) data[keyOfField(field)] = jsonCodec.decode(text);
    else flashes.push(jsonCodec.decode(text));
  }
  for (const field of written.delete) {
    if (isDataField(field)) data[keyOfField(field)] = undefined;
    else flashes.push(undefined);
  }
  return { data, flashes };
}

const isWriting = ({ verb }: StoreCall): boolean => verb === 'create' || verb === 'update';

/** What a commit or a `save()` has to write. */
const wholeChange = (view: SessionView) => ({ data: changeOf(view), flashes: [...view.newFlashes] });

const writesOnlyChanges: Guarantee = {
  sentence: 'Only the keys that a request changed are written.',
  *check(facts) {
    for (const { request, steps, last, commit } of livesOf(facts)) {
      for (const call of commit.filter(isWriting)) {
        if (isSame(keyed(writtenBy(call)), keyed(wholeChange(last)))) continue;
        yield `${request.name} commits ${shown(keyed(writtenBy(call)))} instead of ${shown(keyed(wholeChange(last)))}`;
      }
      for (const { run, calls, before } of steps) {
        const { operation } = run;
        if (operation.do === 'login' || operation.do === 'regenerate') continue; // see the guarantees of rotations
        for (const call of calls.filter(isWriting)) {
          const { data, flashes } = writtenBy(call);
          const isOwn =
            operation.do === 'save'
              ? isSame(keyed({ data, flashes }), keyed(wholeChange(before)))
              : operation.do === 'update'
                ? isSame(Object.keys(data), ['n']) && flashes.length === 0
                : operation.do === 'take'
                  ? isSame(Object.entries(data), [['t', undefined]]) && flashes.length === 0
                  : operation.do === 'flashes' &&
                    Object.keys(data).length === 0 &&
                    flashes.every(m => m === undefined);
          if (!isOwn) yield `${request.name} writes ${shown(keyed({ data, flashes }))} by ${operation.do}`;
        }
      }
    }
  },
};

/** A form in which `undefined` is seen. */
const keyed = ({
  data,
  flashes,
}: {
  data: Readonly<Record<string, unknown>>;
  flashes: readonly unknown[];
}) => ({
  data: Object.entries(data)
    .map(([key, value]) => `${key}=${shown(value)}`)
    .toSorted(),
  flashes: flashes.map(shown),
});

const savedBeforeAnswered: Guarantee = {
  sentence:
    'Saved before answered: 200 means saved, unless the session ended elsewhere. A save() that resolved has saved.',
  *check(facts) {
    for (const life of livesOf(facts)) {
      const { request, steps, last, commit } = life;
      const { run } = request;
      for (const step of steps) {
        if (step.run.operation.do !== 'save' || step.run.failure || !hasChange(step.before)) continue;
        const isRemoval =
          Object.values(changeOf(step.before)).every(v => v === undefined) &&
          step.before.newFlashes.length === 0;
        if (!step.calls.some(hasWritten) && !isRemoval) yield `${request.name} did not save`;
      }
      if (run.handlerEndedAt === undefined || !savesAtAll(request, facts)) continue;
      if (!hasChange(last) || last.standing === 'ended') continue;
      const writes = commit.filter(isWriting);
      const saved = writes.find(call => hasWritten(call) && (call.effectAt ?? 0) < (run.headAt ?? Infinity));
      if (saved || (last.id !== undefined && facts.hasEnded(last.id, run.headAt ?? Infinity))) continue;
      const status = run.handlerFailure?.status ?? 200;
      if (run.answer?.status === status && !writes.some(call => !wasAnswered(call, run.headAt ?? Infinity))) {
        yield `${request.name} answers ${status} and did not save ${shown(keyed(wholeChange(last)))}`;
      }
      // The commit does not depend on the client.
      if (!run.answer && writes.length === 0 && last.standing !== 'unreadable' && !facts.hasStalled) {
        yield `${request.name} did not save ${shown(keyed(wholeChange(last)))} after its client had left`;
      }
    }
  },
};

const hasWritten = ({ verb, result, effectAt }: StoreCall): boolean =>
  effectAt !== undefined &&
  ((verb === 'create' && result === true) || (verb === 'update' && result === 'done'));

const failedRequestsSaveNothing: Guarantee = {
  sentence: 'A request whose handler failed (5xx) leaves the session as it was.',
  *check(facts) {
    if (facts.history.options.saveOnServerError === true) return;
    for (const { request, commit } of livesOf(facts)) {
      if ((request.run.handlerFailure?.status ?? 0) < 500) continue;
      for (const { verb } of commit) yield `${request.name} failed, and calls ${verb}`;
    }
  },
};

const writtenOnce: Guarantee = {
  sentence: 'A write whose outcome is unknown is never tried again.',
  *check(facts) {
    for (const { request, steps, commit } of livesOf(facts)) {
      for (const calls of [commit, ...steps.map(step => step.calls)]) {
        const unknown = calls.findIndex(
          call => isWriting(call) && !wasAnswered(call, calls.at(-1)!.calledAt + 1),
        );
        const again = calls.slice(unknown + 1).find(isWriting);
        if (unknown >= 0 && again) yield `${request.name} calls ${again.verb} after a write that failed`;
      }
      if (commit.filter(isWriting).length > 1) yield `${request.name} commits twice`;
    }
  },
};

const countsAreKept: Guarantee = {
  sentence:
    'update() never loses a count: once when it resolved, at most once when the store failed, never when it rejected as not applied.',
  *check(facts) {
    for (const { request, steps } of livesOf(facts)) {
      for (const { run, calls, before } of steps) {
        if (run.operation.do !== 'update' || run.endedAt === undefined) continue;
        const writes = calls.filter(hasWritten);
        const { code } = run.failure ?? {};
        const most = code === 'SESSION_CONFLICT' || code === 'SESSION_ENDED' ? 0 : 1;
        const least = run.failure ? 0 : 1;
        if (writes.length < least || writes.length > most) {
          yield `${request.name}: an update() ${code ? `that rejected with ${code}` : 'that resolved'} was applied ${writes.length} times`;
        }
        for (const { changes } of writes) {
          for (const change of changes) {
            const [from, to] = [countIn(change.before), countIn(change.after)];
            if (to !== from + 1) yield `${request.name} counts from ${from} to ${to}`;
            if (!run.failure && run.value !== to) yield `${request.name} gets ${shown(run.value)} for ${to}`;
          }
        }
        if (!run.failure && before.standing === 'unreadable')
          yield `${request.name} counts in a session that it could not load`;
      }
    }
  },
};

const countIn = (content: Content | undefined): number => (content?.data['n'] as number | undefined) ?? 0;

const takenOnce: Guarantee = {
  sentence: 'take() gives a value to one caller, flashes() gives a message to one caller, and none is lost.',
  *check(facts) {
    const takers = new Map<unknown, string>();
    for (const life of livesOf(facts)) {
      for (const step of life.steps) {
        const { run } = step;
        if (run.failure || (run.operation.do !== 'take' && run.operation.do !== 'flashes')) continue;
        for (const value of [run.value].flat()) {
          if (value === undefined) continue;
          const taker = takers.get(value);
          if (taker !== undefined) yield `${life.request.name} gets ${shown(value)}, which ${taker} has got`;
          takers.set(value, life.request.name);
        }
        yield* wronglyTaken(life, step);
      }
    }
  },
};

/** What an operation was given must be what it removed. */
function* wronglyTaken({ request }: SessionLife, { run, calls, before }: Step): Iterable<string> {
  if (before.standing !== 'stored' || wasGone(calls)) return;
  const changes = calls.filter(hasWritten).flatMap(call => call.changes);
  if (run.operation.do === 'take') {
    const removed = changes.map(change => change.before?.data['t']);
    if (!isSame(removed, [run.value]))
      yield `${request.name} takes ${shown(run.value)} and removes ${shown(removed)}`;
    return;
  }
  const removed = changes.flatMap(change =>
    Object.entries(change.before?.flashes ?? {})
      .filter(([field]) => change.after?.flashes[field] === undefined)
      .map(([, message]) => message),
  );
  const expected = [...removed, ...before.newFlashes].toSorted();
  const given = [...(run.value as unknown[])].toSorted();
  if (!isSame(given, expected))
    yield `${request.name} gets the messages ${shown(given)} instead of ${shown(expected)}`;
}

const dataHasOwner: Guarantee = {
  sentence: "A different user's data never appears.",
  *check(facts) {
    const owners = ownersOf(facts);
    const contents = [
      ...facts.history.calls.flatMap(call => call.changes).map(({ id, after }) => ({ id, content: after })),
      ...[...facts.history.end].map(([id, content]) => ({ id, content })),
    ];
    for (const { id, content } of contents) {
      if (!content) continue;
      for (const value of [...Object.values(content.data), ...Object.values(content.flashes)]) {
        const owner = owners.get(value);
        if (owner === undefined || owner === content.user) continue;
        yield `${short(id)} of ${content.user ?? 'a guest'} has ${shown(value)} of ${owner}`;
      }
    }
  },
};

/** The user who was signed in when a value was written. A guest's values may follow into a login. */
function ownersOf(facts: Facts): Map<unknown, string> {
  const owners = new Map<unknown, string>();
  for (const [i, start] of facts.history.program.browsers.entries()) {
    if (start === 'ada' || start === 'bob') for (const key of 'abtf') owners.set(`b${i + 1}.${key}`, start);
  }
  for (const { steps } of livesOf(facts)) {
    for (const { run, before } of steps) if (before.user !== undefined) owners.set(run.mark, before.user);
  }
  return owners;
}

const momentsMoveForward: Guarantee = {
  sentence: 'A touch only moves forward, and no expired session is written to.',
  *check({ history }) {
    for (const { verb, changes, args } of history.calls) {
      const now = Number(args[2]); // the time of the caller: the call may have taken long
      for (const { id, before, after } of changes) {
        if (!before || !after) continue;
        if (after.expiresAt < before.expiresAt || after.lastSeenAt < before.lastSeenAt)
          yield `${verb} moves ${short(id)} back`;
        if (now >= before.expiresAt) yield `${verb} changes ${short(id)}, which had expired`;
      }
    }
  },
};

export const data: readonly Guarantee[] = [
  readsAreTrue,
  neverFalselyLoggedOut,
  writesOnlyChanges,
  savedBeforeAnswered,
  failedRequestsSaveNothing,
  writtenOnce,
  countsAreKept,
  takenOnce,
  dataHasOwner,
  momentsMoveForward,
];
