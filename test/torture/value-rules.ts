import { endOf, outcomeOf, REGISTERS, viewsOf, type Op } from './history.js';
import type { Ancestor, Lineage, Node } from './lineage.js';
import type { Violation } from './violation.js';

/** A value of a key (`undefined`: the key was absent) that a request saw between two moments. */
interface Sight {
  readonly op: Op;
  readonly value: unknown;
}

/** A request that may have written a key. */
interface Write {
  readonly op: Op;
  /** `undefined`: it removed the key. */
  readonly value: string | undefined;
  /** Whether it has certainly been applied, in a session whose value was certainly carried over. */
  readonly isSure: boolean;
}

/**
 * No acknowledged write is lost, no value comes back, and no refused or foreign value is seen: every value that a
 * request saw was written by a request to the same session, and no later acknowledged write came before the look.
 */
export function findLostWrites(lineage: Lineage): Violation[] {
  return [...lineage.nodes.values()].flatMap(node =>
    REGISTERS.flatMap(key => {
      const sights = sightsOf(node, key);
      if (sights.length === 0) return [];
      const ancestors = lineage.ancestors(node, key);
      const writes = writesTo(ancestors, key, lineage);
      return sights.flatMap(sight => judge(sight, writes, key));
    }),
  );
}

function sightsOf(node: Node, key: string): Sight[] {
  const sights: Sight[] = [];
  for (const op of node.ops) {
    for (const view of viewsOf(op)) if (view.id === node.id) sights.push({ op, value: view.data[key] });
    const isTaken = op.kind === 'take' && op.key === key && op.seen && outcomeOf(op) === 'done';
    if (isTaken) sights.push({ op, value: op.result ?? undefined });
  }
  return sights;
}

function writesTo(ancestors: readonly Ancestor[], key: string, lineage: Lineage): Write[] {
  return ancestors.flatMap(({ node, isSure }) =>
    node.ops.flatMap((op): Write[] => {
      if (op.key !== key || outcomeOf(op) === 'refused') return [];
      if (op.seen === null && op.setsCookie === undefined) return []; // there was no session to change
      const isApplied = isSure && lineage.hasSurelyWritten(op, node);
      if (op.kind === 'set' || op.kind === 'save') return [{ op, value: op.value, isSure: isApplied }];
      const isDone = outcomeOf(op) === 'done';
      // A key that the request did not see is not removed, and a take() that gives nothing removes nothing.
      if (op.kind === 'delete' && isDone && op.seen?.data[key] === undefined) return [];
      if (op.kind === 'take' && isDone && op.result == null) return [];
      return op.kind === 'delete' || op.kind === 'take' ? [{ op, value: undefined, isSure: isApplied }] : [];
    }),
  );
}

function judge({ op, value }: Sight, writes: readonly Write[], key: string): Violation[] {
  const wrong = (what: string, ...ops: Op[]): Violation[] => [
    { rule: 'no acknowledged write is lost', what: `"${key}": ${what}`, ops: [...ops, op] },
  ];
  if (value === undefined) {
    const settled = writes.filter(write => write.isSure && write.op.answeredAt < op.sentAt);
    const last = settled.filter(({ value: set }) => set !== undefined);
    if (last.length === 0) return [];
    const isExplained = writes.some(
      remover =>
        remover.value === undefined &&
        remover.op.sentAt < op.answeredAt &&
        !last.some(set => set.op.sentAt > endOf(remover.op)),
    );
    return isExplained ? [] : wrong('an acknowledged value is gone', ...last.slice(-1).map(set => set.op));
  }
  const source = writes.find(write => write.value === value);
  if (!source) return wrong(`"${String(value)}" was never written to this session, or was refused`);
  if (source.op.sentAt > op.answeredAt) return wrong('a value was seen before it was written', source.op);
  const later = writes.find(
    ({ op: other, isSure }) =>
      isSure &&
      other !== source.op &&
      other !== op &&
      other.sentAt > endOf(source.op) &&
      other.answeredAt < op.sentAt,
  );
  return later ? wrong(`"${String(value)}" is older than an acknowledged change`, source.op, later.op) : [];
}

/** A value is taken by one request, and no request that starts later sees it. */
export function findDoubleTakes(lineage: Lineage): Violation[] {
  const rule = 'a value is taken once';
  const takenBy = new Map<unknown, Op>();
  const violations: Violation[] = [];
  for (const op of lineage.ops) {
    if (op.kind !== 'take' || outcomeOf(op) !== 'done' || op.result == null) continue;
    const first = takenBy.get(op.result);
    if (first) violations.push({ rule, what: `"${String(op.result)}" was taken twice`, ops: [first, op] });
    else takenBy.set(op.result, op);
  }
  for (const op of lineage.ops) {
    for (const key of REGISTERS) {
      const value = op.seen?.data[key];
      const take = takenBy.get(value);
      if (take && op.sentAt > take.answeredAt) {
        violations.push({ rule, what: `"${String(value)}" was seen after it was taken`, ops: [take, op] });
      }
    }
  }
  return violations;
}
