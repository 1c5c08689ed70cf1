import type { SessionUpdate, UpdateMismatch } from '../../store/session-record.interface.js';
import { forward, heldBy, nameOf, type StoredDocument } from './session-document.js';

/** An aggregation expression. */
type Expression =
  string | number | Date | readonly Expression[] | { readonly [operator: string]: Expression };

interface PlainUpdate {
  readonly $max: ReturnType<typeof forward>;
  $set?: Record<string, string>;
  $unset?: Record<string, true>;
}

/** Names of the fields to write and to remove, by path in the document. One that is in both lists is removed. */
function pathsOf({ set, delete: removed }: SessionUpdate) {
  const unset = new Set(removed.map(pathOf));
  const texts = Object.entries(set)
    .map(([field, text]) => [pathOf(field), text] as const)
    .filter(([path]) => !unset.has(path));
  return { texts, unset };
}

/** An update that expects nothing, in update operators. */
export function plainUpdate(update: SessionUpdate) {
  const { texts, unset } = pathsOf(update);
  const changes: PlainUpdate = { $max: forward(update) };
  for (const [path, text] of texts) (changes.$set ??= {})[path] = text;
  for (const path of unset) (changes.$unset ??= {})[path] = true;
  return changes;
}

/**
 * The same as a pipeline, which changes nothing unless every expectation holds. Operators cannot say that and still
 * give the document back: in a filter, a mismatch would look like a session that is gone.
 */
export function expectingUpdate(update: SessionUpdate, expect: NonNullable<SessionUpdate['expect']>) {
  const { texts, unset } = pathsOf(update);
  const holds: Expression = {
    $and: Object.entries(expect).map(([field, text]) => holding(`$${pathOf(field)}`, text)),
  };
  const ifHolds = (path: string, then: Expression) =>
    [path, { $cond: ['$holds', then, `$${path}`] }] as const;
  const later = ([path, moment]: readonly [string, number | Date]) =>
    ifHolds(path, { $max: [`$${path}`, moment] });
  return [
    { $set: { holds } }, // evaluated once, and not again for every field that is written
    {
      $set: Object.fromEntries([
        ...texts.map(([path, text]) => ifHolds(path, { $literal: text })),
        ...[...unset].map(path => ifHolds(path, '$$REMOVE')),
        ...Object.entries(forward(update)).map(later),
      ]),
    },
    { $unset: 'holds' },
  ];
}

/** Only what is needed of the document from before to tell what became of the update. */
export function expectedOnly(expect: NonNullable<SessionUpdate['expect']>) {
  return { _id: 0, ...Object.fromEntries(Object.keys(expect).map(field => [pathOf(field), 1])) };
}

/** What the expected fields held, if any of them did not hold what was expected. */
export function mismatchIn(
  before: StoredDocument,
  expect: NonNullable<SessionUpdate['expect']>,
): UpdateMismatch | undefined {
  const held = Object.keys(expect).map(field => [field, heldBy(before, field)] as const);
  if (held.every(([field, text]) => text === expect[field])) return undefined;
  return { current: Object.fromEntries(held) };
}

function pathOf(field: string): string {
  return `d.${nameOf(field)}`;
}

/** The same comparison as `mismatchIn` makes: what is no text counts as the empty one. */
function holding(value: string, text: string | null): Expression {
  if (text === null) return { $eq: [{ $type: value }, 'missing'] };
  if (text !== '') return { $eq: [value, { $literal: text }] };
  const isOtherThanText = { $not: [{ $in: [{ $type: value }, ['missing', 'string']] }] };
  return { $or: [{ $eq: [value, { $literal: text }] }, isOtherThanText] };
}
