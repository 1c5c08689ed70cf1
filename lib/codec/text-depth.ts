import { BRACKETS_PER_LEVEL } from './json-escapes.js';
import { MAX_DEPTH } from './session-codec.interface.js';

const QUOTE = 34;
const BACKSLASH = 92;
const OPENING = 123;
const CLOSING = 125;

/**
 * Whether the text has brackets enough to be nested too deeply. Strings are not told apart, so this may be a false
 * alarm, but never a false all-clear. It costs a few searches, a fraction of parsing.
 */
export function mayNestTooDeeply(text: string): boolean {
  return count(text, '[') + count(text, '{') > MAX_DEPTH;
}

function count(text: string, bracket: string): number {
  let found = 0;
  for (let at = text.indexOf(bracket); at !== -1 && found <= MAX_DEPTH; at = text.indexOf(bracket, at + 1))
    found++;
  return found;
}

/**
 * Whether the text opens more brackets inside each other than any value of the allowed depth. Stops at the first that
 * is too much, so a hostile text of any length costs what its beginning costs.
 */
export function nestsTooDeeply(text: string): boolean {
  let depth = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) isString = !isString;
    else if (isString) at += code === BACKSLASH ? 1 : 0;
    // The bit that tells `[` from `{`, and `]` from `}`, is the one that upper and lower case differ in.
    else if ((code | 32) === OPENING && ++depth > MAX_DEPTH * BRACKETS_PER_LEVEL + 1) return true;
    else if ((code | 32) === CLOSING) depth--;
  }
  return false;
}
