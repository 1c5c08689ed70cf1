import type { SessionUpdate, UpdateMismatch } from '../../store/session-record.interface.js';
import { momentsForMax, nameOf, textIn, type StoredDocument } from './session-document.js';

/** An aggregation expression. */
type Expression =
  string | number | Date | readonly Expression[] | { readonly [operator: string]: Expression };

interface PlainUpdate {
  readonly $max: ReturnType<typeof momentsForMax>;
  $set?: Record<string, string>;
  $unset?: Record<string, true>;
}

/** The paths in the document of the fields to set and to remove. A field in both lists is removed. */
function pathsOf({ set, delete: removed }: SessionUpdate) {
  const unset = new Set(removed.map(pathOf));
  const texts = Object.entries(set)
    .map(([field, text]) => [pathOf(field), text] as const)
    .filter(([path]) => !unset.has(path));
  return { texts, unset };
}

/** An update without expectations, as update operators. */
export function plainUpdate(update: SessionUpdate) {
  const { texts, unset } = pathsOf(update);
  const changes: PlainUpdate = { $max: momentsForMax(update) };
  for (const [path, text] of texts) (changes.$set ??= {})[path] = text;
  for (const path of unset) (changes.$unset ??= {})[path] = true;
  return changes;
}

/**
 * An update with expectations, as a pipeline that changes nothing unless all of them hold. A filter cannot express
 * them, because then a mismatch would look like a session that is gone.
 */
export function expectingUpdate(update: SessionUpdate, expect: NonNullable<SessionUpdate['expect']>) {
  const { texts, unset } = pathsOf(update);
  const holds: Expression = {
    $and: Object.entries(expect).map(([field, text]) => holdsText(`$${pathOf(field)}`, text)),
  };
  const ifHolds = (path: string, then: Expression) =>
    [path, { $cond: ['$holds', then, `$${path}`] }] as const;
  const later = ([path, moment]: readonly [string, number | Date]) =>
    ifHolds(path, { $max: [`$${path}`, moment] });
  return [
    { $set: { holds } }, // evaluated once, not once for each field
    {
      $set: Object.fromEntries([
        ...texts.map(([path, text]) => ifHolds(path, { $literal: text })),
        ...[...unset].map(path => ifHolds(path, '$$REMOVE')),
        ...Object.entries(momentsForMax(update)).map(later),
      ]),
    },
    { $unset: 'holds' },
  ];
}

/** The projection of the fields that the update expects something of. */
export function projectExpected(expect: NonNullable<SessionUpdate['expect']>) {
  return { _id: 0, ...Object.fromEntries(Object.keys(expect).map(field => [pathOf(field), 1])) };
}

/** What the expected fields held, if at least one of them did not hold the expected text. */
export function mismatchIn(
  before: StoredDocument,
  expect: NonNullable<SessionUpdate['expect']>,
): UpdateMismatch | undefined {
  const held = Object.keys(expect).map(field => [field, textIn(before, field)] as const);
  if (held.every(([field, text]) => text === expect[field])) return undefined;
  return { current: Object.fromEntries(held) };
}

function pathOf(field: string): string {
  return `d.${nameOf(field)}`;
}

/** The comparison of `mismatchIn` as an expression: a value that is not a text counts as the empty text. */
function holdsText(value: string, text: string | null): Expression {
  if (text === null) return { $eq: [{ $type: value }, 'missing'] };
  if (text !== '') return { $eq: [value, { $literal: text }] };
  const isNotText = { $not: [{ $in: [{ $type: value }, ['missing', 'string']] }] };
  return { $or: [{ $eq: [value, { $literal: text }] }, isNotText] };
}
