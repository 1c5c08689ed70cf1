import { createHmac, createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';

/** The tokens that the rows use: of live sessions, and of sessions that have ended. */
export interface HostileTokens {
  /** Alice's and Carol's live sessions. */
  readonly alice: string;
  readonly carol: string;
  readonly destroyed: string;
  readonly idleExpired: string;
  readonly absoluteExpired: string;
  readonly rotatedAway: string;
  /** The token of a live session of another application. */
  readonly otherApp: string;
}

/**
 * - `alice`: Alice's session; the read sets no new cookie
 * - `ignored`: an empty session; the read does not call the store
 * - `unknown`: an empty session, after one or more loads from the store
 * - `ambiguous`: reads see an empty session, writes are rejected with 409
 * - `400`, `431`: Node refuses the request before the application sees it
 */
export type Expected = 'alice' | 'ignored' | 'unknown' | 'ambiguous' | 400 | 431;

export interface HostileRow {
  /** The name of the row. */
  readonly what: string;
  /** The values of the `Cookie` header lines. One character is one octet. */
  readonly cookies: readonly string[];
  readonly expected: Expected;
  /** The reasons of the `rejected` and `expired` events that the read emits. No events if left out. */
  readonly events?: readonly string[];
  /** The reason for an outcome that may be surprising. */
  readonly why?: string;
}

/** The UTF-8 octets of a text, as a header value with one character per octet. */
const octets = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const percent = (text: string): string =>
  Array.from(text, char => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`).join('');

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Header lines with other cookies. */
const lines = (count: number): string[] => Array.from({ length: count }, () => 'a=1');

/** Another well-formed token. */
const swapFirst = (token: string): string => (token.startsWith('A') ? 'B' : 'A') + token.slice(1);

/** Hostile requests to an application whose cookie is named `sid`, by kind of attack. */
export function hostileRows(tokens: HostileTokens): HostileRow[] {
  const { alice: V, carol: W } = tokens;
  const mac = createHmac('sha256', 'guessed').update(V).digest('base64url');
  const rows: HostileRow[] = [];
  const add = (what: string, cookie: string | string[], expected: Expected, more: Partial<HostileRow> = {}) =>
    void rows.push({ what, cookies: typeof cookie === 'string' ? [cookie] : cookie, expected, ...more });
  const malformed = (what: string, cookie: string | string[], more: Partial<HostileRow> = {}) =>
    add(what, cookie, 'ignored', { events: ['malformed'], ...more });
  const noMac = 'tokens are not signed here: the sid itself is the secret';

  // Absent, empty, odd separators
  add('no Cookie header', [], 'ignored');
  add('empty header', '', 'ignored');
  add('no equals sign', 'sid', 'ignored');
  malformed('empty value', 'sid=');
  add('nameless', `=${V}`, 'ignored');
  add('nameless, with our name in the value', `=sid=${V}`, 'ignored');
  add('only separators', '; ; ;;;', 'ignored');
  malformed('two equals signs', `sid==${V}`);
  malformed('padding', `sid=${V}=`);
  add('no space after the separator', `a=1;sid=${V}`, 'alice');
  add('several spaces', `a=1;   sid=${V}`, 'alice');
  add('a tab', `a=1;\tsid=${V}`, 'alice');
  add('a space before the separator', `sid=${V} ; a=1`, 'alice');
  add('a space in the name', `sid =${V}`, 'ignored');
  malformed('a space in the value', `sid= ${V}`);
  malformed('a comma after the value', `sid=${V},a=1`);
  add('joined by a comma', `a=1, sid=${V}`, 'ignored');
  add('joined by &', `a=1&sid=${V}`, 'ignored');
  add('a colon', `sid:${V}`, 'ignored');
  add('trailing separator', `sid=${V};`, 'alice');

  // Duplicates and ambiguity
  add('the same twice', `sid=${V}; sid=${V}`, 'alice');
  add('junk first', `sid=junk; sid=${V}`, 'alice', { events: ['malformed'] });
  add('junk last', `sid=${V}; sid=junk`, 'alice', { events: ['malformed'] });
  add('two live sessions', `sid=${V}; sid=${W}`, 'ambiguous', { events: ['ambiguous'] });
  const junk = Array.from({ length: 50 }, (_, i) => `sid=x${i + 1}`).join('; ');
  add('fifty malformed ones first', `${junk}; sid=${V}`, 'alice', {
    events: ['malformed'],
    why: 'only well-formed values count towards the four that are tried',
  });
  const forged = BASE64URL.slice(0, 4)
    .split('')
    .map(first => `sid=${first}${'b'.repeat(41)}A`);
  add('four well-formed unknown ones first', [...forged, `sid=${V}`].join('; '), 'unknown', {
    events: ['crowded', 'unknown', 'unknown', 'unknown', 'unknown'],
  });
  add('two header lines', ['a=1', `sid=${V}`], 'alice');
  add('two header lines with two live sessions', [`sid=${V}`, `sid=${W}`], 'ambiguous', {
    events: ['ambiguous'],
  });
  add('another case of the name', `SID=${V}`, 'ignored');
  add('another case with another session', `SID=${W}; sid=${V}`, 'alice');

  // Tampering
  malformed('the id that stores see', `sid=${createHash('sha256').update(V).digest('hex')}`);
  add('the first character changed', `sid=${swapFirst(V)}`, 'unknown', {
    events: ['unknown'],
    why: noMac,
  });
  for (let step = 1; step < 64; step++) {
    const last = BASE64URL[(BASE64URL.indexOf(V.slice(-1)) + step) % 64];
    const what = `the last character moved by ${step}`;
    const cookie = `sid=${V.slice(0, -1)}${last}`;
    // Only every fourth last character is canonical. Each of the others decodes to the same octets as a canonical one.
    if (step % 4 === 0) add(what, cookie, 'unknown', { events: ['unknown'], why: noMac });
    else malformed(what, cookie);
  }
  malformed('cut by one character', `sid=${V.slice(0, -1)}`);
  malformed('cut to eight characters', `sid=${V.slice(0, 8)}`);
  malformed('an empty signature', `sid=${V}.`);
  malformed('an empty id', `sid=.${mac}`);
  malformed('a dot', 'sid=.');
  malformed('two dots', `sid=${V}..${mac}`);
  malformed('two signatures', `sid=${V}.${mac}.${mac}`);
  malformed('the signature of another', `sid=${V}.${W}`);
  malformed('one more character', `sid=${V}A`);
  malformed('the other alphabet', `sid=+/${V.slice(2)}`);
  malformed('characters that decoders skip', `sid=${V.slice(0, 5)}!*${V.slice(5)}`);
  add('in upper case', `sid=${V.slice(0, -1).toUpperCase()}A`, 'unknown', {
    events: ['unknown'],
    why: noMac,
  });
  malformed('hex of the decoded token', `sid=${Buffer.from(V, 'base64url').toString('hex')}`);
  add('a token of another application', `sid=${tokens.otherApp}`, 'unknown', {
    events: ['unknown'],
    why: noMac,
  });
  malformed("express-session's form", `sid=s:${V}.${mac}`);
  malformed("express-session's form, encoded", `sid=s%3A${V}.${mac}`);
  malformed('a JWT', 'sid=eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiYWRtaW4ifQ.');
  malformed('another version', `sid=\u00ff${V}`);
  add('zeros', `sid=${'A'.repeat(43)}`, 'unknown', { events: ['unknown'], why: noMac });
  add('well-formed and never stored', `sid=${'c'.repeat(42)}A`, 'unknown', { events: ['unknown'] });
  const notCleared = 'only destroy() clears a cookie: a parallel login may just have set the good one';
  add('destroyed', `sid=${tokens.destroyed}`, 'unknown', {
    events: ['unknown'],
    why: notCleared,
  });
  add('expired by idleness', `sid=${tokens.idleExpired}`, 'unknown', {
    events: ['idle'],
    why: notCleared,
  });
  add('past its absolute limit', `sid=${tokens.absoluteExpired}`, 'unknown', {
    events: ['absolute'],
    why: notCleared,
  });
  add('rotated away', `sid=${tokens.rotatedAway}`, 'unknown', { events: ['unknown'] });

  // Encodings
  malformed('first character percent-encoded', `sid=${percent(V.slice(0, 1))}${V.slice(1)}`);
  malformed('percent-encoded', `sid=${percent(V)}`);
  add('encoded name', `%73id=${V}`, 'ignored');
  add('encoded prefix', `__%48ost-sid=${V}`, 'ignored');
  malformed('bad percent-encoding', 'sid=%zz');
  malformed('a percent sign', 'sid=%');
  malformed('an encoded NUL', 'sid=%00');
  malformed('overlong UTF-8', 'sid=%C0%AE%C0%AE%2F');
  malformed('quotes', `sid="${V}"`);
  malformed('an opening quote', `sid="${V}`);
  malformed('a closing quote', `sid=${V}"`);
  add('a cookie sandwich', `$Version=1; a="x; sid=${V}; y"`, 'alice');
  add('octal escapes', `a="x\\073 sid=${W}"; sid=${V}`, 'alice');
  malformed('a euro sign', `sid=${octets('€')}`);
  malformed('invalid UTF-8', 'sid=\u00ff\u00fe');
  malformed('an overlong slash', 'sid=\u00c0\u00af');
  add('a blank of Latin-1 before a name', `\u00a0sid=${W}; sid=${V}`, 'alice');
  add('a byte order mark', `${octets('\ufeff')}sid=${V}`, 'ignored');
  add('full-width letters', `${octets('ｓｉｄ')}=${V}`, 'ignored');
  malformed('a zero width space', `sid=${V}${octets('\u200b')}`);
  malformed('a right-to-left override', `sid=${octets('\u202e')}${V}`);
  add('a long s', `${octets('ſ')}id=${V}`, 'ignored');

  // Control characters and injection
  add('NUL', 'sid=ab\0c', 400);
  add('CR', 'sid=ab\rc', 400);
  add('LF', 'sid=ab\nX-Inj: 1', 400);
  add('0x01', 'sid=a\u0001b', 400);
  add('DEL', 'sid=a\u007fb', 400);
  add('a folded line', 'sid=ab\r\n cd', 400);
  malformed('a tab', 'sid=a\tb');
  malformed('an encoded header', 'sid=x%0d%0aSet-Cookie:%20a=b');
  malformed('a forged line of a log', 'sid=x%0aFAKE [ERROR] admin logged in');
  malformed('an encoded terminal escape', 'sid=%1b[2J');
  add('a terminal escape', 'sid=\u001b[2J', 400);
  malformed('a script', 'sid=<script>alert(1)</script>');
  malformed('JNDI', 'sid=${jndi:ldap://127.0.0.1/a}');
  malformed('formats and templates', 'sid=%s%n%x{{7*7}}${7*7}');

  // Paths, keys and queries
  malformed('a path up', 'sid=../../../../etc/passwd');
  malformed('a path up, encoded', 'sid=..%2f..%2f..%2fetc%2fpasswd');
  malformed('a Windows path', 'sid=..\\..\\windows\\win.ini');
  malformed('an absolute path', 'sid=/etc/passwd');
  malformed('this directory', 'sid=.');
  malformed('the parent directory', 'sid=..');
  malformed('a device', 'sid=CON');
  malformed('a device with a suffix', 'sid=NUL.json');
  malformed('a slash', 'sid=a/b');
  malformed('a temporary file', 'sid=.tmp-0123456789abcdef');
  malformed('three hundred characters', `sid=${'a'.repeat(300)}`);
  malformed('a glob', 'sid=*');
  malformed('a glob with a prefix', 'sid=sess:*');
  malformed('a glob with a class', 'sid=[a-z]?');
  malformed('a hash tag', 'sid={slot}x');
  malformed('a JSON cookie', 'sid=j:{"$ne":null}');
  malformed('an operator', 'sid={"$gt":""}');
  add('brackets in the name', `sid[$ne]=1; sid[$regex]=.*; sid[]=${V}`, 'ignored');
  malformed('a condition', "sid=' || '1'=='1");
  malformed('a statement', 'sid=true;return true');
  malformed('SQL', "sid=' OR '1'='1");

  // Names of prototypes
  add('__proto__ beside', `__proto__=x; sid=${V}`, 'alice');
  add('constructor beside', `constructor=x; hasOwnProperty=y; toString=z; sid=${V}`, 'alice');
  malformed('__proto__ as the value', 'sid=__proto__');
  malformed('constructor as the value', 'sid=constructor');
  add('a polluting name', `__proto__[polluted]=1; sid=${V}`, 'alice');

  // Size and count
  malformed('4096 octets', `sid=${V.padEnd(4092, 'A')}`);
  malformed('4097 octets', `sid=${V.padEnd(4093, 'A')}`);
  malformed('8 KiB', `sid=${V.padEnd(8 * 1024, 'A')}`);
  malformed('15.9 KiB', `sid=${V.padEnd(16_200, 'A')}`);
  add('16 KiB and more', `sid=${V.padEnd(17 * 1024, 'A')}`, 431);
  add('a big neighbour', `a=${'x'.repeat(15 * 1024)}; sid=${V}`, 'alice');
  add('4000 empty neighbours', `${'a=;'.repeat(4000)} sid=${V}`, 'alice');
  add('900 header lines', [...lines(900), `sid=${V}`], 'alice');
  // Node 20 drops the lines after the thousandth. Later versions refuse the request.
  const afterTheThousandth = Number.parseInt(process.versions.node, 10) < 22 ? 'ignored' : 431;
  add('1200 header lines', [...lines(1200), `sid=${V}`], afterTheThousandth, {
    why: 'this is for Node to say',
  });
  add('8000 separators', `${'; '.repeat(7900)}sid=${V}`, 'alice');
  add('chunks', Array.from({ length: 200 }, (_, i) => `sid${i}=x`).join('; '), 'ignored');
  add('chunks with a dot', `sid.0=${V}; sid.99999999=x`, 'ignored');
  const bomb = deflateRawSync(Buffer.alloc(4_000_000, 'a')).toString('base64url');
  malformed('a deflate bomb', `sid=${bomb}`);
  return rows;
}

/** The rows for a cookie that is named `__Host-sid`. */
export function prefixRows({ alice: V, carol: W }: Pick<HostileTokens, 'alice' | 'carol'>): HostileRow[] {
  const row = (cookie: string, expected: Expected, event?: string): HostileRow => ({
    what: cookie.replaceAll(V, 'V').replaceAll(W, 'W'),
    cookies: [cookie],
    expected,
    ...(event !== undefined && { events: [event] }),
  });
  return [
    row(`\u00a0__Host-sid=${W}; __Host-sid=${V}`, 'alice'),
    row(`__host-sid=${V}`, 'ignored'),
    row(`__HOST-sid=${V}`, 'ignored'),
    row(`__Secure-sid=${V}`, 'ignored'),
    row(`sid=${V}`, 'ignored'),
    row(`__Host-Http-sid=${V}`, 'ignored'),
    row(`__Http-sid=${V}`, 'ignored'),
    row(`..Host-sid=${V}`, 'ignored'),
    row(`__Host-sid[x]=${V}`, 'ignored'),
    row(`_[Host-sid=${V}`, 'ignored'),
    row(`__Host-sid=${V}; __Host-sid=${W}`, 'ambiguous', 'ambiguous'),
    row(`__Host-sid=${V}; sid=${W}`, 'alice'),
  ];
}
