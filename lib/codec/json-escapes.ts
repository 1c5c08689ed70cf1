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
 * All one-key objects with `$` are reserved, not only the tags above. So a later version can add a tag and still read
 * old data correctly, and a text of a later version is an error here, never a wrong value.
 */
export const DATE = '$date';
export const MAP = '$map';
export const SET = '$set';
export const BIGINT = '$bigint';
export const BYTES = '$bytes';
export const BUFFER = '$buffer';
export const CONST = '$const';

/** Every text with an escape contains this: `JSON.stringify` writes no blanks. In a string, the quote would be `\"`. */
export const MARKER = '{"$';

/** The most brackets that one level of nesting needs: a `Map` needs an object, a list of entries and an entry. */
export const BRACKETS_PER_LEVEL = 3;

/** The values that `$const` names. */
export const CONSTANTS: ReadonlyMap<string, number | undefined> = new Map([
  ['undefined', undefined],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
]);

/** Whether an object with these keys reads as an escape. */
export function looksEscaped(keys: readonly string[]): boolean {
  return keys.length === 1 && keys[0]?.startsWith('$') === true;
}
