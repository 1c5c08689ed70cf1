import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { resolveCookieOptions } from '../options/resolve-cookie-options.js';
import type { SessionCookieOptions } from '../options/cookie-options.interface.js';
import { SessionCookie } from './session-cookie.js';

const V = 'pZ3yKq0vVb-1mXc9_TfLw8sRhQ2eJ6nUaGiDoB5kYtE';
const W = 'W00000000000000000000000000000000000000000A';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');

/** A header as Node delivers its raw bytes: one character per byte. */
const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const sid = (index: number) => `${String(index).padStart(42, '0')}A`;
const list = (count: number, pair: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => pair(i));

function cookieOf(options: SessionCookieOptions = {}): SessionCookie {
  const problems: [] = [];
  const resolved = resolveCookieOptions(options, { production: false }, problems);
  expect(problems).toEqual([]);
  return new SessionCookie(resolved);
}

describe('reading the session cookie', () => {
  const plain = cookieOf();
  const prefixed = cookieOf({ secure: true });

  it.each<[string, string | undefined, readonly string[]]>([
    // Absent, empty, odd separators
    ['no Cookie header', undefined, []],
    ['empty header', '', []],
    ['no equals sign', 'sid', []],
    ['empty value', 'sid=', []],
    ['nameless', `=${V}`, []],
    ['nameless, with our name in the value', `=sid=${V}`, []],
    ['only separators', '; ; ;;;', []],
    ['two equals signs', `sid==${V}`, []],
    ['padding', `sid=${V}=`, []],
    ['no space after the separator', `a=1;sid=${V}`, [V]],
    ['several spaces', `a=1;   sid=${V}`, [V]],
    ['a tab', `a=1;\tsid=${V}`, [V]],
    ['a space before the separator', `sid=${V} ; a=1`, [V]],
    ['a space in the name', `sid =${V}`, []],
    ['a space in the value', `sid= ${V}`, []],
    ['a comma after the value', `sid=${V},a=1`, []],
    ['joined by a comma', `a=1, sid=${V}`, []],
    ['joined by &', `a=1&sid=${V}`, []],
    ['a colon', `sid:${V}`, []],
    ['trailing separator', `sid=${V};`, [V]],
    // Duplicates and ambiguity; several header lines as Node joins them
    ['the same twice', `sid=${V}; sid=${V}`, [V]],
    ['junk first', `sid=junk; sid=${V}`, [V]],
    ['junk last', `sid=${V}; sid=junk`, [V]],
    ['two live sessions', `sid=${V}; sid=${W}`, [V, W]],
    // Only well-formed values count towards the four: fifty planted malformed ones sign no user out.
    ['fifty malformed ones first', `${list(50, i => `sid=x${i}`).join('; ')}; sid=${V}`, [V]],
    ['two header lines', `a=1; sid=${V}`, [V]],
    ['two header lines with two live sessions', `sid=${V}; sid=${W}`, [V, W]],
    ['the second of three header lines', `a=1; sid=${V}; b=3`, [V]],
    ['another case of the name', `SID=${V}`, []],
    ['another case with another session', `SID=${W}; sid=${V}`, [V]],
    // Tampering, as far as it applies to tokens without a signature
    ['one more character', `sid=${V}A`, []],
    ['the other alphabet', `sid=${V.replaceAll('-', '+').replaceAll('_', '/')}`, []],
    ['characters that decoders skip', `sid=${V.slice(0, 20)}!*${V.slice(20)}`, []],
    ['hex of the decoded token', `sid=${Buffer.from(V, 'base64url').toString('hex')}`, []],
    ["express-session's form", `sid=s:${V}`, []],
    ["express-session's form, encoded", `sid=s%3A${V}`, []],
    ['a JWT', 'sid=eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiYWRtaW4ifQ.', []],
    // Encodings
    ['first character percent-encoded', `sid=%70${V.slice(1)}`, []],
    ['percent-encoded', `sid=${Buffer.from(V).toString('hex').replaceAll(/../g, '%$&')}`, []],
    ['encoded name', `%73id=${V}`, []],
    ['bad percent-encoding', 'sid=%zz', []],
    ['a percent sign', 'sid=%', []],
    ['an encoded NUL', 'sid=%00', []],
    ['overlong UTF-8', 'sid=%C0%AE%C0%AE%2F', []],
    ['quotes', `sid="${V}"`, []],
    ['an opening quote', `sid="${V}`, []],
    ['a closing quote', `sid=${V}"`, []],
    ['a cookie sandwich', `$Version=1; a="x; sid=${V}; y"`, [V]],
    ['octal escapes', `a="x\\073 sid=${W}"; sid=${V}`, [V]],
    ['a euro sign', `sid=${latin1('€')}`, []],
    ['invalid UTF-8', 'sid=\xff\xfe', []],
    ['an overlong slash', 'sid=\xc0\xaf', []],
    ['a byte order mark', `\xef\xbb\xbfsid=${V}`, []],
    ['full-width letters', `${latin1('ｓｉｄ')}=${V}`, []],
    ['full-width letters, decoded', `ｓｉｄ=${V}`, []],
    ['a zero width space', `sid=${V}\xe2\x80\x8b`, []],
    ['a right-to-left override', `sid=\xe2\x80\xae${V}`, []],
    ['a long s', `${latin1('ſ')}id=${V}`, []],
    ['a long s, decoded', `ſid=${V}`, []],
    // Characters that Node accepts
    ['a tab', 'sid=a\tb', []],
    ['an encoded header', 'sid=x%0d%0aSet-Cookie:%20a=b', []],
    ['a forged line of a log', 'sid=x%0aFAKE [ERROR] admin logged in', []],
    ['an encoded terminal escape', 'sid=%1b[2J', []],
    ['a script', 'sid=<script>alert(1)</script>', []],
    ['JNDI', 'sid=${jndi:ldap://127.0.0.1/a}', []],
    ['formats and templates', 'sid=%s%n%x{{7*7}}${7*7}', []],
    // Path, key and query injection
    ['a path up', 'sid=../../../../etc/passwd', []],
    ['a path up, encoded', 'sid=..%2f..%2f..%2fetc%2fpasswd', []],
    ['a Windows path', 'sid=..\\..\\windows\\win.ini', []],
    ['an absolute path', 'sid=/etc/passwd', []],
    ['this directory and its parent', 'sid=.; sid=..', []],
    ['devices', 'sid=CON; sid=NUL.json', []],
    ['a slash', 'sid=a/b', []],
    ['a temporary file', 'sid=.tmp-0123456789abcdef', []],
    ['three hundred characters', `sid=${'a'.repeat(300)}`, []],
    ['globs', 'sid=*; sid=sess:*; sid=[a-z]?', []],
    ['a hash tag', 'sid={slot}x', []],
    ['a JSON cookie', 'sid=j:{"$ne":null}', []],
    ['an operator', 'sid={"$gt":""}', []],
    ['brackets in the name', `sid[$ne]=1; sid[$regex]=.*; sid[]=${V}`, []],
    ['conditions and statements', "sid=' || '1'=='1; sid=true;return true", []],
    ['SQL', "sid=' OR '1'='1", []],
    // Prototype names
    ['__proto__ beside', `__proto__=x; sid=${V}`, [V]],
    ['constructor beside', `constructor=x; hasOwnProperty=y; toString=z; sid=${V}`, [V]],
    ['__proto__ as the value', 'sid=__proto__', []],
    ['constructor as the value', 'sid=constructor', []],
    ['a polluting name', `__proto__[polluted]=1; sid=${V}`, [V]],
    // Size and count
    ['4096 octets in the value', `sid=${V.padEnd(4096, 'A')}`, []],
    ['4097 octets in the value', `sid=${'A'.repeat(4097)}`, []],
    ['8 KiB', `sid=${'A'.repeat(8192)}`, []],
    ['15.9 KiB', `sid=${'A'.repeat(16_280)}`, []],
    ['a big neighbour', `a=${'x'.repeat(15_360)}; sid=${V}`, [V]],
    ['4000 empty neighbours', `${'a=; '.repeat(4000)}sid=${V}`, [V]],
    ['1200 neighbours', `${'a=1; '.repeat(1200)}sid=${V}`, [V]],
    ['8000 separators', `${'; '.repeat(8000)}sid=${V}`, [V]],
    ['chunks', list(200, i => `sid${i}=${V}`).join('; '), []],
    ['chunks with a dot', `sid.0=${V}; sid.99999999=x`, []],
    ['a deflate bomb', `sid=${deflateSync(Buffer.alloc(4_000_000)).toString('base64url')}`, []],
  ])('%s', (_, header, tokens) => {
    expect(plain.read(header).tokens).toEqual(tokens);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it.each<[string, string, readonly string[]]>([
    ['encoded prefix', `__%48ost-sid=${V}`, []],
    ['a blank of Latin-1 before a name', `\xa0__Host-sid=${W}; __Host-sid=${V}`, [V]],
    ['the prefix in lower case', `__host-sid=${V}`, []],
    ['the prefix in upper case', `__HOST-sid=${V}`, []],
    ['another prefix', `__Secure-sid=${V}`, []],
    ['no prefix', `sid=${V}`, []],
    ['prefixes of another draft', `__Host-Http-sid=${V}; __Http-sid=${V}`, []],
    ['names that PHP would turn into ours', `..Host-sid=${V}; __Host-sid[x]=${V}; _[Host-sid=${V}`, []],
    ['two live sessions', `__Host-sid=${V}; __Host-sid=${W}`, [V, W]],
    ['beside a cookie without the prefix', `__Host-sid=${V}; sid=${W}`, [V]],
  ])('%s, under the name __Host-sid', (_, header, tokens) => {
    expect(prefixed.name).toBe('__Host-sid');
    expect(prefixed.read(header).tokens).toEqual(tokens);
  });

  it('accepts the sixteen canonical last characters of the 64: each makes a different token', () => {
    const passed = ALPHABET.filter(last => plain.read(`sid=${V.slice(0, -1)}${last}`).tokens.length > 0);
    expect(passed.join('')).toBe('AEIMQUYcgkosw048');
  });

  it('reports whether there is a cookie of this name at all, so that destroy() knows whether to clear it', () => {
    expect(plain.read(`a=1; sid=${V}`)).toEqual({
      brought: true,
      tokens: [V],
      malformed: false,
      forged: false,
      crowded: false,
    });
    expect(plain.read('sid=')).toEqual({
      brought: true,
      tokens: [],
      malformed: true,
      forged: false,
      crowded: false,
    });
    expect(plain.read('sid=junk; a=1')).toEqual({
      brought: true,
      tokens: [],
      malformed: true,
      forged: false,
      crowded: false,
    });
    expect(plain.read('xsid=junk').brought).toBe(false);
    expect(plain.read(`SID=${V}`).brought).toBe(false);
    expect(plain.read('sid').brought).toBe(false);
  });

  it('returns four of five different well-formed tokens, and reports that there are more', () => {
    const five = list(5, i => `sid=${sid(i)}`).join('; ');
    expect(plain.read(five)).toEqual({
      brought: true,
      tokens: list(4, sid),
      malformed: false,
      forged: false,
      crowded: true,
    });
    expect(plain.read(list(4, i => `sid=${sid(i)}`).join('; ')).crowded).toBe(false);
  });

  it('creates no object for a request without the cookie', () => {
    const nothing = plain.read(undefined);
    expect(plain.read('a=1; b=2')).toBe(nothing);
    expect(plain.read(`xsid=${V}`)).toBe(nothing);
    expect(Object.isFrozen(nothing) && Object.isFrozen(nothing.tokens)).toBe(true);
  });
});

describe('writing the session cookie', () => {
  it('writes every attribute of the options', () => {
    const cookie = cookieOf({
      secure: true,
      domain: 'example.com',
      path: '/app',
      sameSite: 'none',
      partitioned: true,
      priority: 'high',
      maxAge: '30d',
    });
    expect(cookie.set(V, true)).toBe(
      `__Secure-sid=${V}; Max-Age=2592000; Domain=example.com; Path=/app; HttpOnly; Secure; Partitioned; ` +
        'Priority=High; SameSite=None',
    );
  });

  it('always writes SameSite, and writes HttpOnly unless the option is false', () => {
    expect(cookieOf().set(V, false)).toBe(`sid=${V}; Path=/; HttpOnly; SameSite=Lax`);
    expect(cookieOf({ httpOnly: false, sameSite: 'strict' }).set(V, false)).toBe(
      `sid=${V}; Path=/; SameSite=Strict`,
    );
  });

  it.each<[boolean | 'auto', boolean, boolean]>([
    [true, true, true],
    [true, false, true],
    ['auto', true, true],
    ['auto', false, false],
    [false, true, false],
    [false, false, false],
  ])('with secure: %s and HTTPS: %s, Secure is written: %s', (secure, request, expected) => {
    const cookie = cookieOf({ secure });
    expect(cookie.set(V, request).includes('; Secure')).toBe(expected);
    expect(cookie.clear(request).includes('; Secure')).toBe(expected);
  });

  it('a browser-session cookie has neither Max-Age nor Expires; a persistent one rounds up', () => {
    expect(cookieOf().set(V, false)).not.toMatch(/Max-Age|Expires/);
    expect(cookieOf({ maxAge: 1500 }).set(V, false)).toContain('; Max-Age=2;');
    expect(cookieOf({ maxAge: 1 }).set(V, false)).toContain('; Max-Age=1;');
  });

  it('clears with Max-Age=0 and Expires in 1970, for any maxAge', () => {
    for (const cookie of [cookieOf(), cookieOf({ maxAge: '30d' })]) {
      const line = cookie.clear(false);
      expect(line).toMatch(/^sid=; /);
      expect(line.match(/Max-Age=\d+/g)).toEqual(['Max-Age=0']);
      expect(line).toContain('; Expires=Thu, 01 Jan 1970 00:00:00 GMT');
    }
  });

  it('clears with the same attributes that it sets with, for every valid combination', () => {
    let combinations = 0;
    for (const options of everyCombination()) {
      const problems: [] = [];
      const resolved = resolveCookieOptions(options, { production: true }, problems);
      if (problems.length > 0) continue;
      combinations++;
      const cookie = new SessionCookie(resolved);
      for (const secure of [true, false]) {
        const set = parseStrictly(cookie.set(V, secure));
        const clear = parseStrictly(cookie.clear(secure));
        expect(set.pair).toBe(`${cookie.name}=${V}`);
        expect(clear.pair).toBe(`${cookie.name}=`);
        expect(withoutTimes(clear.attributes)).toEqual(withoutTimes(set.attributes));
        expect(refusals(cookie.name, set.attributes), `${cookie.name} ${JSON.stringify(options)}`).toEqual(
          [],
        );
      }
    }
    expect(combinations).toBeGreaterThan(150);
  });

  it.each([
    ['sid=x; Path=/', true],
    ['sid=', true],
    [' sid = x', true],
    ['sidx=1', false],
    ['SID=1', false],
    ['a=sid=1', false],
    ['sid', false],
    ['a=1; sid=2', false],
  ])('%j is ours: %s', (line, own) => {
    expect(cookieOf().isOwn(line)).toBe(own);
  });

  it('recognises its own lines', () => {
    const cookie = cookieOf({ secure: true });
    expect(cookie.isOwn(cookie.set(V, true)) && cookie.isOwn(cookie.clear(true))).toBe(true);
  });
});

function* everyCombination(): Generator<SessionCookieOptions> {
  for (const name of ['sid', '__Host-sid', '__Secure-sid', '__Http-sid', '__Host-Http-sid', '__hOST-sid'])
    for (const secure of [undefined, true, false, 'auto'] as const)
      for (const domain of [undefined, 'example.com'])
        for (const path of ['/', '/app'])
          for (const partitioned of [false, true])
            for (const sameSite of ['lax', 'none'] as const)
              for (const httpOnly of [true, false])
                for (const maxAge of [undefined, '1d'])
                  yield { name, secure, domain, path, partitioned, sameSite, httpOnly, maxAge };
}

/** RFC 6265bis §4.1.1, and no attribute twice. */
function parseStrictly(line: string): { pair: string; attributes: Map<string, string> } {
  const [pair = '', ...rest] = line.split('; ');
  expect(pair).toMatch(/^[!#$%&'*+\-.^_`|~\w]+=[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/);
  const attributes = new Map<string, string>();
  for (const attribute of rest) {
    const [, key, value = ''] = /^([A-Za-z-]+)(?:=([\x20-\x3a\x3c-\x7e]+))?$/.exec(attribute) ?? [];
    expect(key, attribute).toBeDefined();
    expect(attributes.has(key!), `${attribute} twice`).toBe(false);
    attributes.set(key!, value);
  }
  return { pair, attributes };
}

/** Why a browser would refuse the cookie (RFC 6265bis §5.7 and the layered draft). */
function refusals(name: string, attributes: Map<string, string>): string[] {
  const lower = name.toLowerCase();
  const secure = attributes.has('Secure');
  const embedded = attributes.get('SameSite') === 'None' || attributes.has('Partitioned');
  const rules: [string, boolean][] = [
    ['a prefix without Secure', /^__(?:secure|host|http)-/.test(lower) && !secure],
    ['__Host- with Domain', lower.startsWith('__host-') && attributes.has('Domain')],
    ['__Host- with a Path', lower.startsWith('__host-') && attributes.get('Path') !== '/'],
    ['__Http- without HttpOnly', /^__(?:host-)?http-/.test(lower) && !attributes.has('HttpOnly')],
    ['SameSite=None or Partitioned without Secure', embedded && !secure],
  ];
  return rules.filter(([, broken]) => broken).map(([rule]) => rule);
}

function withoutTimes(attributes: Map<string, string>): Map<string, string> {
  return new Map([...attributes].filter(([key]) => key !== 'Max-Age' && key !== 'Expires'));
}
