import { BRACKETS_PER_LEVEL } from './json-escapes.js';
import { MAX_DEPTH } from './session-codec.interface.js';

const QUOTE = 34;
const BACKSLASH = 92;
const OPENING = 123;
const CLOSING = 125;

/**
 * Whether the text has enough brackets to be nested too deeply. Brackets inside strings count too, so `true` may be
 * wrong and `false` never is. This costs a few searches, a fraction of the time of parsing.
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
 * Whether the brackets of the text are nested deeper than those of any allowed value. Stops at the first bracket that
 * is too deep, so the rest of a hostile text costs nothing.
 */
export function nestsTooDeeply(text: string): boolean {
  let depth = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) isString = !isString;
    else if (isString) at += code === BACKSLASH ? 1 : 0;
    // Setting one bit (32) turns `[` into `{` and `]` into `}`, as it turns upper case into lower case.
    else if ((code | 32) === OPENING && ++depth > MAX_DEPTH * BRACKETS_PER_LEVEL + 1) return true;
    else if ((code | 32) === CLOSING) depth--;
  }
  return false;
}
