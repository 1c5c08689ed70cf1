import { COUNTER, outcomeOf, REGISTERS, viewsOf, type Op } from './history.js';
import { isRotation, type Lineage } from './lineage.js';
import type { Violation } from './violation.js';

/** After a session has ended, no request that starts later sees it. */
export function findRevivals(lineage: Lineage): Violation[] {
  const rule = 'an ended session is never seen again';
  return [...lineage.nodes.values()].flatMap(node => {
    const alive = node.ops.filter(op => op.seen?.id === node.id);
    const last = alive.toSorted((one, other) => one.sentAt - other.sentAt).at(-1);
    if (!last) return [];
    const end = [...node.sureEnds].find(({ answeredAt }) => answeredAt < last.sentAt);
    if (end) return [{ rule, what: 'the session was ended before', ops: [end, last] }];
    const absent = lineage.ops.find(
      op => op.cookie === node.id && op.seen === null && op.answeredAt < last.sentAt,
    );
    return absent ? [{ rule, what: 'another request had not found it before', ops: [absent, last] }] : [];
  });
}

/** A session is only absent if a request may have ended it, and only then is a change refused with 409. */
export function findFalseLogouts(lineage: Lineage): Violation[] {
  const rule = 'a session is gone only if it was ended';
  return lineage.ops.flatMap(op => {
    const node = lineage.nodes.get(op.cookie ?? '');
    if (!node || (op.seen !== null && op.status !== 409)) return [];
    if (lineage.endsBefore(node, op.answeredAt, op).length > 0) return [];
    const user = op.kind === 'login' ? op.user : node.user;
    const isRevoked = ({ kind, user: whose, sentAt }: Op): boolean =>
      kind === 'revokeByUser' && whose === user && sentAt < op.answeredAt;
    // A login and a rotation are refused while all sessions of the user are revoked.
    if (op.status === 409 && isRotation(op) && lineage.ops.some(isRevoked)) return [];
    return [{ rule, what: 'no request has ended this session', ops: [node.createdBy, op] }];
  });
}

/** A request sees the session of its cookie, its user, and the values of its browser. */
export function findForeignData({ ops, nodes }: Lineage): Violation[] {
  const rule = 'a request sees its own session only';
  return ops.flatMap(op => {
    const wrong = (what: string): Violation[] => [{ rule, what, ops: [op] }];
    for (const view of viewsOf(op)) {
      const node = nodes.get(view.id);
      if (view.id !== op.cookie || !node) return wrong('the session is not that of the cookie');
      if (view.user !== node.user)
        return wrong(`its user is ${node.user ?? 'nobody'}, not ${view.user ?? 'nobody'}`);
      const values = [
        ...REGISTERS.map(key => view.data[key]),
        ...((view.data[COUNTER] as string[] | undefined) ?? []),
      ];
      const foreign = values.find(
        value => value !== undefined && !String(value).startsWith(`${node.browser}#`),
      );
      if (foreign !== undefined) return wrong(`"${String(foreign)}" is of another browser`);
    }
    const results =
      op.kind === 'flashes' || op.kind === 'take' || op.kind === 'update' ? [op.result ?? []].flat() : [];
    const foreign = results.find(value => !String(value).startsWith(`${op.browser}#`));
    return foreign === undefined ? [] : wrong(`"${String(foreign)}" is of another browser`);
  });
}

/** `listByUser()` names every session that was alive before and after, and none that was ended before. */
export function findWrongLists({ ops, nodes }: Lineage): Violation[] {
  const rule = 'listByUser() is complete';
  const lists = ops.filter(op => op.kind === 'list' && outcomeOf(op) === 'done');
  return lists.flatMap(list => {
    const listed = new Set(list.result as readonly string[]);
    for (const node of nodes.values()) {
      const isTheirs = node.user === list.user;
      const isAlive = node.createdBy.answeredAt < list.sentAt && node.lastSeenAlive > list.answeredAt;
      if (isTheirs && isAlive && !listed.has(node.id)) {
        return [{ rule, what: 'a live session is missing', ops: [node.createdBy, list] }];
      }
      if (!listed.has(node.id)) continue;
      if (!isTheirs)
        return [{ rule, what: 'a session of another user is listed', ops: [node.createdBy, list] }];
      const end = [...node.sureEnds].find(({ answeredAt }) => answeredAt < list.sentAt);
      if (end) return [{ rule, what: 'an ended session is listed', ops: [end, list] }];
    }
    return [];
  });
}

const CREATING = ['set', 'save', 'update', 'flash', 'login', 'regenerate'];

/** Cookies are set by requests that begin or rotate a session, and cleared by a logout only. */
export function findWrongCookies({ ops }: Lineage): Violation[] {
  const rule = 'cookies are set and cleared by the right requests';
  return ops.flatMap(op => {
    const wrong = (what: string): Violation[] => [{ rule, what, ops: [op] }];
    const isDone = outcomeOf(op) === 'done';
    if (op.clearsCookie && op.kind !== 'destroy') return wrong('the cookie was cleared');
    if (op.kind === 'destroy' && isDone && op.cookie !== undefined && !op.clearsCookie)
      return wrong('the logout did not clear the cookie');
    if (op.setsCookie === undefined) return [];
    if (!CREATING.includes(op.kind)) return wrong('a cookie was set');
    return op.seen && !isRotation(op) ? wrong('a live session got another id') : [];
  });
}

/** Every request is answered, and with a status that the library promises. */
export function findWrongAnswers({ ops }: Lineage): Violation[] {
  return ops.flatMap(op => {
    const { kind, status } = op;
    const isExpected =
      status === undefined ||
      status < 300 ||
      status === 409 ||
      status === 503 ||
      (kind === 'throw' && status === 500);
    const what = status === 0 ? 'no answer came' : `the answer is ${status}`;
    return isExpected && status !== 0 ? [] : [{ rule: 'every request is answered', what, ops: [op] }];
  });
}
