/**
 * Turns one value of the session into text and back. The value of each data key is encoded separately.
 *
 * @publicApi
 */
export interface SessionCodec {
  /**
   * Returns the text of a value. Equal values should have equal texts, because texts are compared to find out which
   * keys have changed. Never drop a part of the value silently.
   *
   * @throws `UnencodableValueError` with the path inside the value, if the value or a part of it cannot be stored: a
   * function, a class instance, a cycle, more than 100 levels
   */
  encode(value: unknown): string;
  /**
   * Returns the value of a text that `encode` made: a new object on each call.
   *
   * @throws any error if `encode` cannot have made this text. The key then reads as `undefined`, and the stored text is
   * kept.
   */
  decode(text: string): unknown;
}

/** The codec cannot store a value. `path` is where it is inside the value: `['items', 0, 'onClick']`. @publicApi */
export class UnencodableValueError extends Error {
  override readonly name = 'UnencodableValueError';
  constructor(
    readonly path: readonly (string | number)[],
    /** What was found there, in words that complete "… cannot be kept": "a function", "an instance of class User". */
    readonly what: string,
  ) {
    super(`${what} cannot be kept`);
  }
}

/** How many levels a value may be nested, both when it is written and when it is read. */
export const MAX_DEPTH = 100;
