import { COUNTER, outcomeOf, viewsOf, type Op } from './history.js';
import { FLASHES, type Ancestor, type Lineage, type Node } from './lineage.js';
import type { Violation } from './violation.js';

type Values = readonly unknown[];

/** The value of the counter that a request saw, or that its own `update()` left. */
interface Count {
  readonly op: Op;
  readonly values: Values;
}

/** Every acknowledged `update()` is counted once, and any other one at most once. Counts of one session only grow. */
export function findMiscounts(lineage: Lineage): Violation[] {
  return [...lineage.nodes.values()].flatMap(node => {
    const counts = countsOf(node);
    if (counts.length === 0) return [];
    const ancestors = lineage.ancestors(node, COUNTER);
    const updates = opsOf(ancestors, 'update');
    return [
      ...counts.flatMap(count => judgeCount(count, updates)),
      ...findForks(ancestors.filter(({ isSure }) => isSure).flatMap(ancestor => countsOf(ancestor.node))),
    ];
  });
}

function countsOf(node: Node): Count[] {
  return node.ops.flatMap(op => {
    const seen = viewsOf(op)
      .filter(({ id }) => id === node.id)
      .map(({ data }) => ({ op, values: (data[COUNTER] as Values | undefined) ?? [] }));
    const isUpdated = op.kind === 'update' && outcomeOf(op) === 'done';
    return isUpdated ? [...seen, { op, values: op.result as Values }] : seen;
  });
}

function judgeCount({ op, values }: Count, updates: readonly Acting[]): Violation[] {
  const wrong = (what: string, ...ops: Op[]): Violation[] => [
    { rule: 'every update() is counted once', what, ops: [...ops, op] },
  ];
  const seen = new Set(values);
  if (seen.size < values.length) return wrong(`an update() was counted twice: ${values.join(' ')}`);
  const known = new Map(updates.map(update => [update.op.value as unknown, update.op]));
  for (const value of values) {
    const update = known.get(value);
    if (!update || outcomeOf(update) === 'refused')
      return wrong(
        `"${String(value)}" was refused, or belongs to another session`,
        ...(update ? [update] : []),
      );
  }
  const lost = updates.find(
    ({ op: update, isSure }) =>
      isSure && outcomeOf(update) === 'done' && update.answeredAt < op.sentAt && !seen.has(update.value),
  );
  return lost ? wrong('an acknowledged update() is lost', lost.op) : [];
}

/** Each count of a session begins with every shorter one. */
function findForks(counts: readonly Count[]): Violation[] {
  const bySize = counts.toSorted((one, other) => one.values.length - other.values.length);
  for (const [i, { op, values }] of bySize.entries()) {
    const next = bySize[i + 1];
    if (next && values.some((value, at) => next.values[at] !== value)) {
      return [{ rule: 'every update() is counted once', what: 'two counts disagree', ops: [op, next.op] }];
    }
  }
  return [];
}

/** A flash message is shown once: never twice, and not lost if it was acknowledged. */
export function findFlashFaults(lineage: Lineage): Violation[] {
  const rule = 'a flash message is shown once';
  const violations: Violation[] = [];
  const shownBy = new Map<unknown, Op>();
  for (const op of lineage.ops) {
    for (const message of shownMessages(op)) {
      const first = shownBy.get(message);
      if (first) violations.push({ rule, what: `"${String(message)}" was shown twice`, ops: [first, op] });
      else shownBy.set(message, op);
    }
  }
  for (const node of lineage.nodes.values()) {
    const looks = node.ops.filter(op => op.kind === 'flashes' && op.seen && outcomeOf(op) === 'done');
    if (looks.length === 0) continue;
    const ancestors = lineage.ancestors(node, FLASHES);
    const flashes = opsOf(ancestors, 'flash');
    const known = new Map(flashes.map(({ op }) => [op.value as unknown, op]));
    const lostLooks = opsOf(ancestors, 'flashes').filter(({ op }) => outcomeOf(op) === 'unknown');
    for (const look of looks) {
      for (const message of shownMessages(look)) {
        const source = known.get(message);
        if (source && outcomeOf(source) !== 'refused' && source.sentAt < look.answeredAt) continue;
        const what = `"${String(message)}" was never added to this session`;
        violations.push({ rule, what, ops: [...(source ? [source] : []), look] });
      }
      // A look without an answer may have taken any message, and a session that ends takes its messages with it.
      const mayBeTaken = lostLooks.some(({ op }) => op.sentAt < look.answeredAt);
      if (mayBeTaken || lineage.endsBefore(node, look.answeredAt, look).length > 0) continue;
      for (const { op: flash, isSure, node: place } of flashes) {
        if (!isSure || flash.answeredAt >= look.sentAt || !lineage.hasSurelyWritten(flash, place)) continue;
        const shown = shownBy.get(flash.value);
        if (shown && shown.sentAt < look.answeredAt) continue;
        violations.push({ rule, what: `"${flash.value}" was acknowledged and is gone`, ops: [flash, look] });
      }
    }
  }
  return violations;
}

function shownMessages(op: Op): Values {
  return op.kind === 'flashes' && outcomeOf(op) === 'done' ? (op.result as Values) : [];
}

/** A request to one of several sessions. */
interface Acting {
  readonly op: Op;
  readonly node: Node;
  readonly isSure: boolean;
}

function opsOf(ancestors: readonly Ancestor[], kind: Op['kind']): Acting[] {
  return ancestors.flatMap(({ node, isSure }) =>
    node.ops.filter(op => op.kind === kind).map(op => ({ op, node, isSure })),
  );
}
