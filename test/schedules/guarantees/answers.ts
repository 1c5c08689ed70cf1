import { idOf } from '../../../lib/crypto/session-id.js';
import { isClearing, savesAtAll, tokenOf, type Facts } from '../facts.js';
import type { StoreCall } from '../history.js';
import {
  ended,
  hasChange,
  lastCreated,
  livesOf,
  saved,
  wasAnswered,
  wasGone,
  type OwedCookie,
  type SessionLife,
} from '../session-view.js';
import { short, type Guarantee } from './guarantee.js';

const LOOKS = new Set(['get', 'update', 'take', 'flashes']);
const WRITES = new Set(['set', 'update', 'flash', 'login', 'revoke', 'revokeByUser']);

/** What the commit was told in time. */
function toldCommit({ request, commit }: SessionLife): StoreCall[] {
  return commit.filter(call => wasAnswered(call, request.run.headAt ?? Infinity));
}

/** The cookie that the answer owes, after the commit. */
function owedBy(life: SessionLife): OwedCookie {
  const told = toldCommit(life);
  if (wasGone(told)) return ended(life.last).owed;
  const made = lastCreated(told);
  return made === undefined ? life.last.owed : saved(life.last, made).owed;
}

/** Whether the commit wrote that the session was used: with `maxAge`, the cookie is sent again then. */
function hasRenewed(life: SessionLife): boolean {
  const told = toldCommit(life);
  return told.some(({ result }) => result === 'done' || result === true) && !wasGone(told);
}

const oneCookie: Guarantee = {
  sentence: 'An answer has at most one Set-Cookie for the session.',
  *check({ requests }) {
    for (const { name, run } of requests) {
      const count = run.answer?.cookies.length ?? 0;
      if (count > 1) yield `${name} has ${count}`;
    }
  },
};

const owedCookieGoesOut: Guarantee = {
  sentence:
    'The cookie that an operation owes goes out with every answer. A session that is gone gets no cookie, neither set nor clear. Nothing but destroy() clears one.',
  *check(facts) {
    for (const life of livesOf(facts)) {
      const { request, last } = life;
      const { answer } = request.run;
      if (!answer) continue;
      const owed = owedBy(life);
      const [line] = answer.cookies;
      const token = tokenOf(request.run);
      const sent: OwedCookie =
        line === undefined
          ? 'nothing'
          : isClearing(line)
            ? 'clear'
            : { set: token === undefined ? '' : idOf(token) };
      const isRenewal =
        owed === 'nothing' &&
        facts.history.options.cookie?.maxAge !== undefined &&
        last.standing === 'stored';
      const expected: OwedCookie =
        isRenewal && hasRenewed(life) && last.id !== undefined ? { set: last.id } : owed;
      if (describe(sent) !== describe(expected)) {
        yield `${request.name} answers ${answer.status} and owes ${describe(expected)}, but sends ${describe(sent)}`;
      }
    }
  },
};

function describe(cookie: OwedCookie): string {
  if (cookie === 'nothing') return 'no cookie';
  return cookie === 'clear' ? 'a clear' : `the cookie of ${short(cookie.set)}`;
}

const neverAdopted: Guarantee = {
  sentence: 'An id is never adopted: a cookie names a session that this application made.',
  *check(facts) {
    for (const { name, run } of facts.requests) {
      const token = tokenOf(run);
      if (token === undefined) continue;
      const id = idOf(token);
      if (!facts.beginnings.has(id) && !facts.seeded.has(id)) yield `${name} is given ${short(id)}`;
    }
  },
};

const caching: Guarantee = {
  sentence:
    'An answer that sets the cookie is not stored (Cache-Control). An answer that looked at the session varies by the cookie, and no other.',
  *check({ requests }) {
    for (const { name, run } of requests) {
      const { answer } = run;
      if (!answer) continue;
      const isStored = answer.headers['cache-control'] !== 'no-store';
      if (answer.cookies.length > 0 && isStored) yield `${name} sets a cookie and may be stored`;
      if (answer.cookies.length === 0 && !isStored) yield `${name} sets no cookie and must not be stored`;
      const hasLooked = run.operations.some(({ operation }) => LOOKS.has(operation.do));
      const varies = /\bcookie\b/i.test(answer.headers['vary'] ?? '');
      if (varies !== hasLooked)
        yield `${name} ${varies ? 'varies by the cookie' : 'does not vary by the cookie'}`;
    }
  },
};

const statuses: Guarantee = {
  sentence:
    'The status is that of the error that the handler threw. A save that fails answers with 503 and Retry-After, and everything else with 200.',
  *check(facts) {
    for (const life of livesOf(facts)) {
      const { name, run } = life.request;
      if (!run.answer) continue;
      const { status, headers } = run.answer;
      const thrown = run.handlerFailure?.status;
      const mayFail = hasFailedToSave(life, facts);
      const expected = mayFail === 'certainly' ? 503 : (thrown ?? 200);
      const isExpected = status === expected || (mayFail === 'perhaps' && status === 503);
      if (!isExpected) yield `${name} answers ${status} instead of ${expected}`;
      const isOfStore =
        status === 503 && run.handlerFailure?.code !== 'SESSION_CONFLICT' && !failedAtOthers(life);
      if (isOfStore && headers['retry-after'] === undefined) yield `${name} answers 503 without Retry-After`;
    }
  },
};

/** Whether it was not its own session that a request failed at. `Sessions` knows no request. */
function failedAtOthers({ steps }: SessionLife): boolean {
  const last = steps.at(-1)?.run;
  return last?.failure !== undefined && last.operation.do.startsWith('revoke');
}

/** `perhaps`: after a stall the store's calls are refused for a second, and the store does not hear of them. */
function hasFailedToSave(
  { request, last, commit }: SessionLife,
  facts: Facts,
): 'no' | 'perhaps' | 'certainly' {
  if (!savesAtAll(request, facts)) return 'no';
  const headAt = request.run.headAt ?? Infinity;
  const writes = commit.filter(({ verb }) => verb === 'create' || verb === 'update');
  if (writes.some(call => !wasAnswered(call, headAt))) return 'certainly';
  if (!hasChange(last)) return 'no';
  if (last.standing === 'unreadable') return 'certainly';
  return facts.hasStalled && writes.length === 0 ? 'perhaps' : 'no';
}

const nothingForVisitors: Guarantee = {
  sentence: 'Nothing for visitors: no cookie, no record and no store call until a handler writes.',
  *check(facts) {
    for (const { request } of livesOf(facts)) {
      const { run, calls, name, broughtId } = request;
      const hasWritten = run.operations.some(({ operation }) => WRITES.has(operation.do));
      if (broughtId !== undefined || hasWritten) continue;
      for (const { verb } of calls) yield `${name} calls ${verb}`;
      if (run.answer && run.answer.cookies.length > 0) yield `${name} is given a cookie`;
    }
  },
};

const callBudget: Guarantee = {
  sentence: 'One call to read and one to write. A touch only when one is due.',
  *check(facts) {
    const isRenewing = facts.history.options.cookie?.maxAge !== undefined;
    for (const { request, last, commit } of livesOf(facts)) {
      const { name, calls, run } = request;
      const loads = calls.filter(call => call.operation === undefined && call.verb === 'load').length;
      if (loads > 1) yield `${name} loads ${loads} times`;
      if (run.operations.length === 0 && facts.history.options.load === 'lazy' && calls.length > 0) {
        yield `${name} does not use the session, and calls the store`;
      }
      const load = calls.find(({ verb }) => verb === 'load');
      for (const call of commit) {
        if (call.verb !== 'touch' || isRenewing) continue;
        const seenAt = facts.lastSeenAt(last.id, call.calledAt);
        const isDue = (call.args[2] as number) - seenAt >= 60_000 || load?.content?.lastSeenAt !== seenAt;
        if (!isDue) yield `${name} touches a session that was touched just now`;
      }
    }
  },
};

/** Whether a call keeps a session alive. */
const isWriting = ({ verb }: StoreCall): boolean => verb === 'update' || verb === 'touch';

const goneIsGone: Guarantee = {
  sentence: 'A request that was told that its session is gone writes to it no more.',
  *check(facts) {
    for (const { request, steps, last, commit } of livesOf(facts)) {
      for (const { before, calls, run } of steps) {
        if (before.standing !== 'ended' || run.operation.do === 'login') continue;
        for (const { verb } of calls.filter(isWriting))
          yield `${request.name} calls ${verb} by ${run.operation.do}`;
      }
      if (last.standing === 'ended')
        for (const { verb } of commit.filter(isWriting)) yield `${request.name} calls ${verb}`;
    }
  },
};

export const answers: readonly Guarantee[] = [
  oneCookie,
  owedCookieGoesOut,
  neverAdopted,
  caching,
  statuses,
  nothingForVisitors,
  callBudget,
  goneIsGone,
];
