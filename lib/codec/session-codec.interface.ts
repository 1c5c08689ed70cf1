/**
 * Turns one value of the session into text and back. Each data key is encoded on its own.
 *
 * @publicApi
 */
export interface SessionCodec {
  /**
   * The text of a value. Equal values should give equal texts: the texts are compared to see what changed.
   *
   * @throws `UnencodableValueError` when the value cannot be kept (a function, a class instance, a cycle, nested deeper
   * than 100 levels), naming the path inside the value. Nothing is ever dropped silently.
   */
  encode(value: unknown): string;
  /**
   * The value of a text that `encode` made, freshly built on each call.
   *
   * @throws any error when the text is not one of ours: the key then reads as `undefined` and the text is kept.
   */
  decode(text: string): unknown;
}

/** A value that the codec cannot keep. `path` leads to it inside the value: `['items', 0, 'onClick']`. @publicApi */
export class UnencodableValueError extends Error {
  override readonly name = 'UnencodableValueError';
  constructor(
    readonly path: readonly (string | number)[],
    /** What is there, in words that complete "… cannot be kept": "a function", "an instance of class User". */
    readonly what: string,
  ) {
    super(`${what} cannot be kept`);
  }
}

/** How deep values may be nested, when written and when read. */
export const MAX_DEPTH = 100;
