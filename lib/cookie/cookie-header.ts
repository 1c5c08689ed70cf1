const SPACE = 0x20;
const TAB = 0x09;
const EQUALS = 0x3d;

/** The values that a `Cookie` header has under one name. */
export interface CookieValues {
  /** The distinct genuine values in the order of the header: the first `limit` of them. */
  readonly genuine: readonly string[];
  /** Whether the header has a value that is not well-formed. */
  readonly malformed: boolean;
  /** Whether the header has a value that is forged. */
  readonly forged: boolean;
  /** Whether the header has more than `limit` distinct genuine values. */
  readonly crowded: boolean;
}

/**
 * Reads the values of the cookie `name` from a `Cookie` header.
 *
 * This is stricter than the parsers of the frameworks, because attackers use what those tolerate:
 *
 * - The name is compared byte by byte, and nothing is decoded or unquoted.
 * - Spaces and tabs are dropped around a pair, but not around its `=`. No browser stores such a name or value.
 * - Only `;` separates pairs.
 *
 * The header is read in one pass, without regular expressions and without a map of names, so other cookies cost little.
 */
export function readCookieValues(
  header: string,
  name: string,
  judge: (value: string) => 'genuine' | 'malformed' | 'forged',
  limit: number,
): CookieValues {
  const genuine: string[] = [];
  let malformed = false;
  let forged = false;
  let crowded = false;

  for (let start = 0; start < header.length;) {
    const separator = header.indexOf(';', start);
    const end = separator === -1 ? header.length : separator;
    const value = valueOf(header, start, end, name);
    if (value !== undefined) {
      const verdict = judge(value);
      if (verdict === 'malformed') malformed = true;
      else if (verdict === 'forged') forged = true;
      else if (!genuine.includes(value)) {
        if (genuine.length < limit) genuine.push(value);
        else crowded = true;
      }
    }
    start = end + 1;
  }
  return { genuine, malformed, forged, crowded };
}

/**
 * The name of the cookie that a `Set-Cookie` line sets, as browsers read it: without spaces and tabs around it
 * (RFC 6265bis §5.6). Returns `''` if the cookie has no name.
 */
export function nameOfSetCookie(line: string): string {
  const separator = line.indexOf(';');
  const end = separator === -1 ? line.length : separator;
  const equals = line.indexOf('=');
  if (equals === -1 || equals > end) return '';
  const start = skipBlanks(line, 0, equals);
  return line.slice(start, dropBlanks(line, start, equals));
}

/** The value of the pair between `start` and `end` if its name is exactly `name`. */
function valueOf(header: string, start: number, end: number, name: string): string | undefined {
  const first = skipBlanks(header, start, end);
  const equals = first + name.length;
  if (equals >= end || header.charCodeAt(equals) !== EQUALS || !header.startsWith(name, first))
    return undefined;
  return header.slice(equals + 1, dropBlanks(header, equals + 1, end));
}

function skipBlanks(text: string, start: number, end: number): number {
  let first = start;
  while (first < end && isBlank(text.charCodeAt(first))) first++;
  return first;
}

function dropBlanks(text: string, start: number, end: number): number {
  let last = end;
  while (last > start && isBlank(text.charCodeAt(last - 1))) last--;
  return last;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
