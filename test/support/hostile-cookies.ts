import { createHmac, createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';

/** What the rows are made from: tokens that live, and some that do not. */
export interface HostileTokens {
  /** Alice's and Carol's live sessions. */
  readonly alice: string;
  readonly carol: string;
  readonly destroyed: string;
  readonly idleExpired: string;
  readonly absoluteExpired: string;
  readonly rotatedAway: string;
  /** Alive in another application. */
  readonly otherApp: string;
}

/**
 * - `alice`: her session, and no new cookie on the read
 * - `nobody`: an empty session without a store call on the read
 * - `unknown`: an empty session after one or more reads of the store
 * - `ambiguous`: empty for reads, and writes reject with 409
 * - `400`, `431`: refused by Node before we see it
 */
export type Expected = 'alice' | 'nobody' | 'unknown' | 'ambiguous' | 400 | 431;

export interface HostileRow {
  readonly id: string;
  readonly what: string;
  /** The values of the `Cookie` header lines. One character is one octet. */
  readonly cookies: readonly string[];
  readonly expected: Expected;
  /** The reasons of the `rejected` and `expired` events that the read emits; none when left out. */
  readonly events?: readonly string[];
  /** Where our contract differs from the corpus, and why. */
  readonly differs?: string;
}

/** UTF-8 as the octets of a header. */
const octets = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const percent = (text: string): string =>
  Array.from(text, char => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`).join('');

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Header lines of somebody else's cookie. */
const lines = (count: number): string[] => Array.from({ length: count }, () => 'a=1');

/** Another well-formed token. */
const swapFirst = (token: string): string => (token.startsWith('A') ? 'B' : 'A') + token.slice(1);

/** The corpus of `sid`, by the groups of the requirements: absent, duplicates, tampering, encodings, and so on. */
export function hostileRows(tokens: HostileTokens): HostileRow[] {
  const { alice: V, carol: W } = tokens;
  const mac = createHmac('sha256', 'guessed').update(V).digest('base64url');
  const rows: HostileRow[] = [];
  const add = (
    id: string,
    what: string,
    cookie: string | string[],
    expected: Expected,
    more: Partial<HostileRow> = {},
  ) =>
    void rows.push({ id, what, cookies: typeof cookie === 'string' ? [cookie] : cookie, expected, ...more });
  const malformed = (id: string, what: string, cookie: string | string[], more: Partial<HostileRow> = {}) =>
    add(id, what, cookie, 'nobody', { events: ['malformed'], ...more });
  const noMac = 'tokens are not signed here: the sid itself is the secret';

  // A. Absent, empty, odd separators
  add('H-01', 'no Cookie header', [], 'nobody');
  add('H-02', 'empty header', '', 'nobody');
  add('H-03', 'no equals sign', 'sid', 'nobody');
  malformed('H-04', 'empty value', 'sid=');
  add('H-05', 'nameless', `=${V}`, 'nobody');
  add('H-06', 'nameless, with our name in the value', `=sid=${V}`, 'nobody');
  add('H-07', 'only separators', '; ; ;;;', 'nobody');
  malformed('H-08', 'two equals signs', `sid==${V}`);
  malformed('H-09', 'padding', `sid=${V}=`);
  add('H-10', 'no space after the separator', `a=1;sid=${V}`, 'alice');
  add('H-11', 'several spaces', `a=1;   sid=${V}`, 'alice');
  add('H-12', 'a tab', `a=1;\tsid=${V}`, 'alice');
  add('H-13', 'a space before the separator', `sid=${V} ; a=1`, 'alice');
  add('H-14', 'a space in the name', `sid =${V}`, 'nobody');
  malformed('H-15', 'a space in the value', `sid= ${V}`);
  malformed('H-16', 'a comma after the value', `sid=${V},a=1`);
  add('H-17', 'joined by a comma', `a=1, sid=${V}`, 'nobody');
  add('H-18', 'joined by &', `a=1&sid=${V}`, 'nobody');
  add('H-19', 'a colon', `sid:${V}`, 'nobody');
  add('H-20', 'trailing separator', `sid=${V};`, 'alice');

  // B. Duplicates and ambiguity
  add('H-21', 'the same twice', `sid=${V}; sid=${V}`, 'alice');
  add('H-22', 'junk first', `sid=junk; sid=${V}`, 'alice', { events: ['malformed'] });
  add('H-23', 'junk last', `sid=${V}; sid=junk`, 'alice', { events: ['malformed'] });
  add('H-24', 'two live sessions', `sid=${V}; sid=${W}`, 'ambiguous', { events: ['ambiguous'] });
  const junk = Array.from({ length: 50 }, (_, i) => `sid=x${i + 1}`).join('; ');
  add('H-25', 'fifty malformed ones first', `${junk}; sid=${V}`, 'alice', {
    events: ['malformed'],
    differs: 'only well-formed values count towards the four that are tried (2.5)',
  });
  const forged = BASE64URL.slice(0, 4)
    .split('')
    .map(first => `sid=${first}${'b'.repeat(41)}A`);
  add('H-25b', 'four well-formed unknown ones first', [...forged, `sid=${V}`].join('; '), 'unknown', {
    events: ['crowded', 'unknown', 'unknown', 'unknown', 'unknown'],
  });
  add('H-26', 'two header lines', ['a=1', `sid=${V}`], 'alice');
  add('H-27', 'two header lines with two live sessions', [`sid=${V}`, `sid=${W}`], 'ambiguous', {
    events: ['ambiguous'],
  });
  add('H-29', 'another case of the name', `SID=${V}`, 'nobody');
  add('H-30', 'another case with another session', `SID=${W}; sid=${V}`, 'alice');

  // C. Tampering
  malformed('H-31', 'the id that stores see', `sid=${createHash('sha256').update(V).digest('hex')}`);
  add('H-32', 'the first character changed', `sid=${swapFirst(V)}`, 'unknown', {
    events: ['unknown'],
    differs: noMac,
  });
  for (let step = 1; step < 64; step++) {
    const last = BASE64URL[(BASE64URL.indexOf(V.slice(-1)) + step) % 64];
    const what = `the last character moved by ${step}`;
    const cookie = `sid=${V.slice(0, -1)}${last}`;
    // Every fourth character is canonical there; the others would decode to the same octets as one of those.
    if (step % 4 === 0) add('H-33', what, cookie, 'unknown', { events: ['unknown'], differs: noMac });
    else malformed('H-33', what, cookie);
  }
  malformed('H-34', 'cut by one character', `sid=${V.slice(0, -1)}`);
  malformed('H-35', 'cut to eight characters', `sid=${V.slice(0, 8)}`);
  malformed('H-36', 'an empty signature', `sid=${V}.`);
  malformed('H-37', 'an empty id', `sid=.${mac}`);
  malformed('H-38', 'a dot', 'sid=.');
  malformed('H-39', 'two dots', `sid=${V}..${mac}`);
  malformed('H-40', 'two signatures', `sid=${V}.${mac}.${mac}`);
  malformed('H-41', 'the signature of another', `sid=${V}.${W}`);
  malformed('H-42', 'one more character', `sid=${V}A`);
  malformed('H-45', 'the other alphabet', `sid=+/${V.slice(2)}`);
  malformed('H-46', 'characters that decoders skip', `sid=${V.slice(0, 5)}!*${V.slice(5)}`);
  add('H-47', 'in upper case', `sid=${V.slice(0, -1).toUpperCase()}A`, 'unknown', {
    events: ['unknown'],
    differs: noMac,
  });
  malformed('H-48', 'hex of the decoded token', `sid=${Buffer.from(V, 'base64url').toString('hex')}`);
  add('H-50', 'a token of another application', `sid=${tokens.otherApp}`, 'unknown', {
    events: ['unknown'],
    differs: noMac,
  });
  malformed('H-52', "express-session's form", `sid=s:${V}.${mac}`);
  malformed('H-52b', "express-session's form, encoded", `sid=s%3A${V}.${mac}`);
  malformed('H-53', 'a JWT', 'sid=eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiYWRtaW4ifQ.');
  malformed('H-54', 'another version', `sid=\u00ff${V}`);
  add('H-55', 'zeros', `sid=${'A'.repeat(43)}`, 'unknown', { events: ['unknown'], differs: noMac });
  add('H-56', 'well-formed and never stored', `sid=${'c'.repeat(42)}A`, 'unknown', { events: ['unknown'] });
  const notCleared = 'only destroy() clears a cookie: a parallel login may just have set the good one (2.13)';
  add('H-57', 'destroyed', `sid=${tokens.destroyed}`, 'unknown', {
    events: ['unknown'],
    differs: notCleared,
  });
  add('H-58', 'expired by idleness', `sid=${tokens.idleExpired}`, 'unknown', {
    events: ['idle'],
    differs: notCleared,
  });
  add('H-59', 'past its absolute limit', `sid=${tokens.absoluteExpired}`, 'unknown', {
    events: ['absolute'],
    differs: notCleared,
  });
  add('H-60', 'rotated away', `sid=${tokens.rotatedAway}`, 'unknown', { events: ['unknown'] });

  // D. Encodings
  malformed('H-61', 'first character percent-encoded', `sid=${percent(V.slice(0, 1))}${V.slice(1)}`);
  malformed('H-62', 'percent-encoded', `sid=${percent(V)}`);
  add('H-63', 'encoded name', `%73id=${V}`, 'nobody');
  add('H-64', 'encoded prefix', `__%48ost-sid=${V}`, 'nobody');
  malformed('H-65', 'bad percent-encoding', 'sid=%zz');
  malformed('H-66', 'a percent sign', 'sid=%');
  malformed('H-67', 'an encoded NUL', 'sid=%00');
  malformed('H-68', 'overlong UTF-8', 'sid=%C0%AE%C0%AE%2F');
  malformed('H-69', 'quotes', `sid="${V}"`);
  malformed('H-70', 'an opening quote', `sid="${V}`);
  malformed('H-71', 'a closing quote', `sid=${V}"`);
  add('H-72', 'a cookie sandwich', `$Version=1; a="x; sid=${V}; y"`, 'alice');
  add('H-73', 'octal escapes', `a="x\\073 sid=${W}"; sid=${V}`, 'alice');
  malformed('H-74', 'a euro sign', `sid=${octets('€')}`);
  malformed('H-75', 'invalid UTF-8', 'sid=\u00ff\u00fe');
  malformed('H-76', 'an overlong slash', 'sid=\u00c0\u00af');
  add('H-77', 'a blank of Latin-1 before a name', `\u00a0sid=${W}; sid=${V}`, 'alice');
  add('H-78', 'a byte order mark', `${octets('\ufeff')}sid=${V}`, 'nobody');
  add('H-79', 'full-width letters', `${octets('ｓｉｄ')}=${V}`, 'nobody');
  malformed('H-80', 'a zero width space', `sid=${V}${octets('\u200b')}`);
  malformed('H-81', 'a right-to-left override', `sid=${octets('\u202e')}${V}`);
  add('H-82', 'a long s', `${octets('ſ')}id=${V}`, 'nobody');

  // E. Control characters and injection
  add('H-83', 'NUL', 'sid=ab\0c', 400);
  add('H-84', 'CR', 'sid=ab\rc', 400);
  add('H-85', 'LF', 'sid=ab\nX-Inj: 1', 400);
  add('H-86', '0x01', 'sid=a\u0001b', 400);
  add('H-87', 'DEL', 'sid=a\u007fb', 400);
  add('H-88', 'a folded line', 'sid=ab\r\n cd', 400);
  malformed('H-89', 'a tab', 'sid=a\tb');
  malformed('H-90', 'an encoded header', 'sid=x%0d%0aSet-Cookie:%20a=b');
  malformed('H-91', 'a forged line of a log', 'sid=x%0aFAKE [ERROR] admin logged in');
  malformed('H-92', 'an encoded terminal escape', 'sid=%1b[2J');
  add('H-92b', 'a terminal escape', 'sid=\u001b[2J', 400);
  malformed('H-93', 'a script', 'sid=<script>alert(1)</script>');
  malformed('H-94', 'JNDI', 'sid=${jndi:ldap://127.0.0.1/a}');
  malformed('H-95', 'formats and templates', 'sid=%s%n%x{{7*7}}${7*7}');

  // F. Paths, keys and queries
  malformed('H-96', 'a path up', 'sid=../../../../etc/passwd');
  malformed('H-97', 'a path up, encoded', 'sid=..%2f..%2f..%2fetc%2fpasswd');
  malformed('H-98', 'a Windows path', 'sid=..\\..\\windows\\win.ini');
  malformed('H-99', 'an absolute path', 'sid=/etc/passwd');
  malformed('H-100', 'this directory', 'sid=.');
  malformed('H-100b', 'the parent directory', 'sid=..');
  malformed('H-101', 'a device', 'sid=CON');
  malformed('H-101b', 'a device with a suffix', 'sid=NUL.json');
  malformed('H-102', 'a slash', 'sid=a/b');
  malformed('H-103', 'a temporary file', 'sid=.tmp-0123456789abcdef');
  malformed('H-104', 'three hundred characters', `sid=${'a'.repeat(300)}`);
  malformed('H-105', 'a glob', 'sid=*');
  malformed('H-105b', 'a glob with a prefix', 'sid=sess:*');
  malformed('H-105c', 'a glob with a class', 'sid=[a-z]?');
  malformed('H-106', 'a hash tag', 'sid={slot}x');
  malformed('H-107', 'a JSON cookie', 'sid=j:{"$ne":null}');
  malformed('H-108', 'an operator', 'sid={"$gt":""}');
  add('H-109', 'brackets in the name', `sid[$ne]=1; sid[$regex]=.*; sid[]=${V}`, 'nobody');
  malformed('H-110', 'a condition', "sid=' || '1'=='1");
  malformed('H-110b', 'a statement', 'sid=true;return true');
  malformed('H-111', 'SQL', "sid=' OR '1'='1");

  // G. Names of prototypes
  add('H-112', '__proto__ beside', `__proto__=x; sid=${V}`, 'alice');
  add('H-113', 'constructor beside', `constructor=x; hasOwnProperty=y; toString=z; sid=${V}`, 'alice');
  malformed('H-114', '__proto__ as the value', 'sid=__proto__');
  malformed('H-115', 'constructor as the value', 'sid=constructor');
  add('H-116', 'a polluting name', `__proto__[polluted]=1; sid=${V}`, 'alice');

  // H. Size and count
  malformed('H-117', '4096 octets', `sid=${V.padEnd(4092, 'A')}`);
  malformed('H-118', '4097 octets', `sid=${V.padEnd(4093, 'A')}`);
  malformed('H-119', '8 KiB', `sid=${V.padEnd(8 * 1024, 'A')}`);
  malformed('H-120', '15.9 KiB', `sid=${V.padEnd(16_200, 'A')}`);
  add('H-121', '16 KiB and more', `sid=${V.padEnd(17 * 1024, 'A')}`, 431);
  add('H-122', 'a big neighbour', `a=${'x'.repeat(15 * 1024)}; sid=${V}`, 'alice');
  add('H-123', '4000 empty neighbours', `${'a=;'.repeat(4000)} sid=${V}`, 'alice');
  add('H-124', '900 header lines', [...lines(900), `sid=${V}`], 'alice');
  // Node 20 drops the lines after the thousandth; later ones refuse the request.
  const afterTheThousandth = Number.parseInt(process.versions.node, 10) < 22 ? 'nobody' : 431;
  add('H-124b', '1200 header lines', [...lines(1200), `sid=${V}`], afterTheThousandth, {
    differs: 'this is for Node to say',
  });
  add('H-125', '8000 separators', `${'; '.repeat(7900)}sid=${V}`, 'alice');
  add('H-126', 'chunks', Array.from({ length: 200 }, (_, i) => `sid${i}=x`).join('; '), 'nobody');
  add('H-127', 'chunks with a dot', `sid.0=${V}; sid.99999999=x`, 'nobody');
  const bomb = deflateRawSync(Buffer.alloc(4_000_000, 'a')).toString('base64url');
  malformed('H-128', 'a deflate bomb', `sid=${bomb}`);
  return rows;
}

/** The rows for a cookie that is named `__Host-sid`. */
export function prefixRows({ alice: V, carol: W }: Pick<HostileTokens, 'alice' | 'carol'>): HostileRow[] {
  const row = (id: string, cookie: string, expected: Expected, event?: string): HostileRow => ({
    id,
    what: cookie.replaceAll(V, 'V').replaceAll(W, 'W'),
    cookies: [cookie],
    expected,
    ...(event !== undefined && { events: [event] }),
  });
  return [
    row('H-77', `\u00a0__Host-sid=${W}; __Host-sid=${V}`, 'alice'),
    row('H-129', `__host-sid=${V}`, 'nobody'),
    row('H-130', `__HOST-sid=${V}`, 'nobody'),
    row('H-131', `__Secure-sid=${V}`, 'nobody'),
    row('H-132', `sid=${V}`, 'nobody'),
    row('H-133', `__Host-Http-sid=${V}`, 'nobody'),
    row('H-133b', `__Http-sid=${V}`, 'nobody'),
    row('H-134', `..Host-sid=${V}`, 'nobody'),
    row('H-134b', `__Host-sid[x]=${V}`, 'nobody'),
    row('H-134c', `_[Host-sid=${V}`, 'nobody'),
    row('H-135', `__Host-sid=${V}; __Host-sid=${W}`, 'ambiguous', 'ambiguous'),
    row('H-136', `__Host-sid=${V}; sid=${W}`, 'alice'),
  ];
}
