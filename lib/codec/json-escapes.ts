/**
 * How values that JSON does not know are written: an object with one key that begins with `$`.
 *
 * | value | text |
 * |---|---|
 * | `Date` | `{"$date":"2024-05-01T12:00:00.000Z"}`, an invalid one `{"$date":null}` |
 * | `Map` | `{"$map":[[key,value],…]}` |
 * | `Set` | `{"$set":[value,…]}` |
 * | `bigint` | `{"$bigint":"42"}` |
 * | `Uint8Array`, `Buffer` | `{"$bytes":"<base64>"}`, `{"$buffer":"<base64>"}` |
 * | `undefined`, `NaN`, `Infinity`, `-Infinity`, `-0` | `{"$const":"NaN"}` |
 * | an object whose only key begins with `$` | the same with one more `$`: `{"$$date":…}` |
 *
 * All one-key objects with `$` are reserved, not only today's tags: a later version can then add a tag without reading
 * old data as something else, and a text from a later version is an error here and not a wrong value.
 */
export const DATE = '$date';
export const MAP = '$map';
export const SET = '$set';
export const BIGINT = '$bigint';
export const BYTES = '$bytes';
export const BUFFER = '$buffer';
export const CONST = '$const';

/** What every text with an escape contains. `JSON.stringify` writes no blanks, and inside a string the quote is `\"`. */
export const MARKER = '{"$';

/** Brackets that one level of nesting takes at most: a Map is an object, a list of entries and an entry. */
export const BRACKETS_PER_LEVEL = 3;

/** The values that `$const` names. */
export const CONSTANTS: ReadonlyMap<string, number | undefined> = new Map([
  ['undefined', undefined],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
]);

/** Whether an object with just these keys reads as one of ours. */
export function looksEscaped(keys: readonly string[]): boolean {
  return keys.length === 1 && keys[0]?.startsWith('$') === true;
}
