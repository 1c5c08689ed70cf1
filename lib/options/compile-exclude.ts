import { types } from 'node:util';
import { describe, type OptionReader } from './option-reader.js';

type PathTest = (path: string) => boolean;

/** Compiles the option `exclude` into one test; `undefined` if nothing is excluded. */
export function compileExclude(options: OptionReader): PathTest | undefined {
  const value = options.value('exclude');
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) {
    return options.problem('exclude', `is ${describe(value)}; write a list: ['/assets/*'].`);
  }
  const tests = value.map((entry: unknown, index) => compileEntry(entry, index, options)).filter(isTest);
  return tests.length === 0 ? undefined : path => tests.some(test => test(path));
}

function compileEntry(entry: unknown, index: number, options: OptionReader): PathTest | undefined {
  if (types.isRegExp(entry)) return compileRegExp(entry);
  if (typeof entry !== 'string') {
    return options.problem(
      'exclude',
      `entry ${index} is ${describe(entry)}; write text or a regular expression.`,
    );
  }
  if (!entry.startsWith('/')) {
    return options.problem('exclude', `entry ${index} is ${describe(entry)}; paths begin with '/'.`);
  }
  if (/[?#]/.test(entry)) {
    const remedy = "only the path is compared, so leave out '?' or '#' and what follows.";
    return options.problem('exclude', `entry ${index} is ${describe(entry)}; ${remedy}`);
  }
  return compileText(entry);
}

/** Removes the flags `g` and `y`: with them, every second test of the same path fails. `y` becomes `^`. */
function compileRegExp({ source, flags }: RegExp): PathTest {
  const expression = new RegExp(
    flags.includes('y') ? `^(?:${source})` : source,
    flags.replaceAll(/[gy]/g, ''),
  );
  return path => expression.test(path);
}

/**
 * Compiles a text that has to match the whole path. `*` stands for any number of characters. The pieces between the
 * stars are searched one by one from the left. A regular expression for `*a*a*a*b` would take exponential time on
 * some paths, and visitors choose the path.
 */
function compileText(text: string): PathTest {
  const pieces = text.split('*');
  const head = pieces[0] ?? '';
  const tail = pieces.at(-1) ?? '';
  const between = pieces.slice(1, -1).filter(piece => piece !== '');
  if (pieces.length === 1) return path => path === text;

  return path => {
    const end = path.length - tail.length;
    if (!path.startsWith(head) || !path.endsWith(tail)) return false;
    let from = head.length;
    for (const piece of between) {
      const found = path.indexOf(piece, from);
      if (found === -1) return false;
      from = found + piece.length;
    }
    return from <= end; // head, pieces and tail must not overlap
  };
}

function isTest(test: PathTest | undefined): test is PathTest {
  return test !== undefined;
}
