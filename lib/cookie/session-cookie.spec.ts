import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { resolveCookieOptions } from '../options/resolve-cookie-options.js';
import type { SessionCookieOptions } from '../options/cookie-options.interface.js';
import { SessionCookie } from './session-cookie.js';

const V = 'pZ3yKq0vVb-1mXc9_TfLw8sRhQ2eJ6nUaGiDoB5kYtE';
const W = 'W00000000000000000000000000000000000000000A';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');

/** How Node hands raw bytes of a header over. */
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
    // A. Absent, empty, odd separators
    ['H-01', undefined, []],
    ['H-02', '', []],
    ['H-03', 'sid', []],
    ['H-04', 'sid=', []],
    ['H-05', `=${V}`, []],
    ['H-06', `=sid=${V}`, []],
    ['H-07', '; ; ;;;', []],
    ['H-08', `sid==${V}`, []],
    ['H-09', `sid=${V}=`, []],
    ['H-10', `a=1;sid=${V}`, [V]],
    ['H-11', `a=1;   sid=${V}`, [V]],
    ['H-12', `a=1;\tsid=${V}`, [V]],
    ['H-13', `sid=${V} ; a=1`, [V]],
    ['H-14', `sid =${V}`, []],
    ['H-15', `sid= ${V}`, []],
    ['H-16', `sid=${V},a=1`, []],
    ['H-17', `a=1, sid=${V}`, []],
    ['H-18', `a=1&sid=${V}`, []],
    ['H-19', `sid:${V}`, []],
    ['H-20', `sid=${V};`, [V]],
    // B. Duplicates and ambiguity; H-26 to H-28 as Node joins the lines
    ['H-21', `sid=${V}; sid=${V}`, [V]],
    ['H-22', `sid=junk; sid=${V}`, [V]],
    ['H-23', `sid=${V}; sid=junk`, [V]],
    ['H-24', `sid=${V}; sid=${W}`, [V, W]],
    // DESIGN §2.5 counts well-formed values only: fifty planted pieces of junk do not sign anybody out
    ['H-25', `${list(50, i => `sid=x${i}`).join('; ')}; sid=${V}`, [V]],
    ['H-26', `a=1; sid=${V}`, [V]],
    ['H-27', `sid=${V}; sid=${W}`, [V, W]],
    ['H-28', `a=1; sid=${V}; b=3`, [V]],
    ['H-29', `SID=${V}`, []],
    ['H-30', `SID=${W}; sid=${V}`, [V]],
    // C. What applies to a token that carries no signature
    ['H-42', `sid=${V}A`, []],
    ['H-45', `sid=${V.replaceAll('-', '+').replaceAll('_', '/')}`, []],
    ['H-46', `sid=${V.slice(0, 20)}!*${V.slice(20)}`, []],
    ['H-48', `sid=${Buffer.from(V, 'base64url').toString('hex')}`, []],
    ['H-52 plain', `sid=s:${V}`, []],
    ['H-52 encoded', `sid=s%3A${V}`, []],
    ['H-53', 'sid=eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiYWRtaW4ifQ.', []],
    // D. Encodings
    ['H-61', `sid=%70${V.slice(1)}`, []],
    ['H-62', `sid=${Buffer.from(V).toString('hex').replaceAll(/../g, '%$&')}`, []],
    ['H-63', `%73id=${V}`, []],
    ['H-65', 'sid=%zz', []],
    ['H-66', 'sid=%', []],
    ['H-67', 'sid=%00', []],
    ['H-68', 'sid=%C0%AE%C0%AE%2F', []],
    ['H-69', `sid="${V}"`, []],
    ['H-70', `sid="${V}`, []],
    ['H-71', `sid=${V}"`, []],
    ['H-72', `$Version=1; a="x; sid=${V}; y"`, [V]],
    ['H-73', `a="x\\073 sid=${W}"; sid=${V}`, [V]],
    ['H-74', `sid=${latin1('€')}`, []],
    ['H-75', 'sid=\xff\xfe', []],
    ['H-76', 'sid=\xc0\xaf', []],
    ['H-78', `\xef\xbb\xbfsid=${V}`, []],
    ['H-79', `${latin1('ｓｉｄ')}=${V}`, []],
    ['H-79 decoded', `ｓｉｄ=${V}`, []],
    ['H-80', `sid=${V}\xe2\x80\x8b`, []],
    ['H-81', `sid=\xe2\x80\xae${V}`, []],
    ['H-82', `${latin1('ſ')}id=${V}`, []],
    ['H-82 decoded', `ſid=${V}`, []],
    // E. What Node lets through
    ['H-89', 'sid=a\tb', []],
    ['H-90', 'sid=x%0d%0aSet-Cookie:%20a=b', []],
    ['H-91', 'sid=x%0aFAKE [ERROR] admin logged in', []],
    ['H-92', 'sid=%1b[2J', []],
    ['H-93', 'sid=<script>alert(1)</script>', []],
    ['H-94', 'sid=${jndi:ldap://127.0.0.1/a}', []],
    ['H-95', 'sid=%s%n%x{{7*7}}${7*7}', []],
    // F. Path, key and query injection
    ['H-96', 'sid=../../../../etc/passwd', []],
    ['H-97', 'sid=..%2f..%2f..%2fetc%2fpasswd', []],
    ['H-98', 'sid=..\\..\\windows\\win.ini', []],
    ['H-99', 'sid=/etc/passwd', []],
    ['H-100', 'sid=.; sid=..', []],
    ['H-101', 'sid=CON; sid=NUL.json', []],
    ['H-102', 'sid=a/b', []],
    ['H-103', 'sid=.tmp-0123456789abcdef', []],
    ['H-104', `sid=${'a'.repeat(300)}`, []],
    ['H-105', 'sid=*; sid=sess:*; sid=[a-z]?', []],
    ['H-106', 'sid={slot}x', []],
    ['H-107', 'sid=j:{"$ne":null}', []],
    ['H-108', 'sid={"$gt":""}', []],
    ['H-109', `sid[$ne]=1; sid[$regex]=.*; sid[]=${V}`, []],
    ['H-110', "sid=' || '1'=='1; sid=true;return true", []],
    ['H-111', "sid=' OR '1'='1", []],
    // G. Prototype names
    ['H-112', `__proto__=x; sid=${V}`, [V]],
    ['H-113', `constructor=x; hasOwnProperty=y; toString=z; sid=${V}`, [V]],
    ['H-114', 'sid=__proto__', []],
    ['H-115', 'sid=constructor', []],
    ['H-116', `__proto__[polluted]=1; sid=${V}`, [V]],
    // H. Size and count
    ['H-117', `sid=${V.padEnd(4096, 'A')}`, []],
    ['H-118', `sid=${'A'.repeat(4097)}`, []],
    ['H-119', `sid=${'A'.repeat(8192)}`, []],
    ['H-120', `sid=${'A'.repeat(16_280)}`, []],
    ['H-122', `a=${'x'.repeat(15_360)}; sid=${V}`, [V]],
    ['H-123', `${'a=; '.repeat(4000)}sid=${V}`, [V]],
    ['H-124', `${'a=1; '.repeat(1200)}sid=${V}`, [V]],
    ['H-125', `${'; '.repeat(8000)}sid=${V}`, [V]],
    ['H-126', list(200, i => `sid${i}=${V}`).join('; '), []],
    ['H-127', `sid.0=${V}; sid.99999999=x`, []],
    ['H-128', `sid=${deflateSync(Buffer.alloc(4_000_000)).toString('base64url')}`, []],
  ])('%s', (_, header, sids) => {
    expect(plain.read(header).sids).toEqual(sids);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it.each<[string, string, readonly string[]]>([
    ['H-64', `__%48ost-sid=${V}`, []],
    ['H-77', `\xa0__Host-sid=${W}; __Host-sid=${V}`, [V]],
    ['H-129', `__host-sid=${V}`, []],
    ['H-130', `__HOST-sid=${V}`, []],
    ['H-131', `__Secure-sid=${V}`, []],
    ['H-132', `sid=${V}`, []],
    ['H-133', `__Host-Http-sid=${V}; __Http-sid=${V}`, []],
    ['H-134', `..Host-sid=${V}; __Host-sid[x]=${V}; _[Host-sid=${V}`, []],
    ['H-135', `__Host-sid=${V}; __Host-sid=${W}`, [V, W]],
    ['H-136', `__Host-sid=${V}; sid=${W}`, [V]],
  ])('%s, under the name __Host-sid', (_, header, sids) => {
    expect(prefixed.name).toBe('__Host-sid');
    expect(prefixed.read(header).sids).toEqual(sids);
  });

  it('H-33: of the 64 last characters the sixteen canonical ones pass, which are other sids', () => {
    const passed = ALPHABET.filter(last => plain.read(`sid=${V.slice(0, -1)}${last}`).sids.length > 0);
    expect(passed.join('')).toBe('AEIMQUYcgkosw048');
  });

  it('tells whether the request brought a cookie of our name at all, so that destroy() knows what to clear', () => {
    expect(plain.read(`a=1; sid=${V}`)).toEqual({
      brought: true,
      sids: [V],
      malformed: false,
      crowded: false,
    });
    expect(plain.read('sid=')).toEqual({ brought: true, sids: [], malformed: true, crowded: false });
    expect(plain.read('sid=junk; a=1')).toEqual({ brought: true, sids: [], malformed: true, crowded: false });
    expect(plain.read('xsid=junk').brought).toBe(false);
    expect(plain.read(`SID=${V}`).brought).toBe(false);
    expect(plain.read('sid').brought).toBe(false);
  });

  it('gives four of five different well-formed sids, and says that there were more', () => {
    const five = list(5, i => `sid=${sid(i)}`).join('; ');
    expect(plain.read(five)).toEqual({ brought: true, sids: list(4, sid), malformed: false, crowded: true });
    expect(plain.read(list(4, i => `sid=${sid(i)}`).join('; ')).crowded).toBe(false);
  });

  it('makes no object for a request without our cookie', () => {
    const nothing = plain.read(undefined);
    expect(plain.read('a=1; b=2')).toBe(nothing);
    expect(plain.read(`xsid=${V}`)).toBe(nothing);
    expect(Object.isFrozen(nothing) && Object.isFrozen(nothing.sids)).toBe(true);
  });
});

describe('writing the session cookie', () => {
  it('writes every attribute that was asked for', () => {
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

  it('always writes SameSite, and HttpOnly unless told otherwise (REQ-46, REQ-47)', () => {
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
  ])(
    'secure %s on a request that is secure: %s gives Secure: %s (HTTP-12, REQ-55)',
    (secure, request, expected) => {
      const cookie = cookieOf({ secure });
      expect(cookie.set(V, request).includes('; Secure')).toBe(expected);
      expect(cookie.clear(request).includes('; Secure')).toBe(expected);
    },
  );

  it('a browser-session cookie has neither Max-Age nor Expires; a persistent one rounds up (HTTP-16)', () => {
    expect(cookieOf().set(V, false)).not.toMatch(/Max-Age|Expires/);
    expect(cookieOf({ maxAge: 1500 }).set(V, false)).toContain('; Max-Age=2;');
    expect(cookieOf({ maxAge: 1 }).set(V, false)).toContain('; Max-Age=1;');
  });

  it('clears with Max-Age=0 and Expires in 1970, whatever the maxAge (REQ-31)', () => {
    for (const cookie of [cookieOf(), cookieOf({ maxAge: '30d' })]) {
      const line = cookie.clear(false);
      expect(line).toMatch(/^sid=; /);
      expect(line.match(/Max-Age=\d+/g)).toEqual(['Max-Age=0']);
      expect(line).toContain('; Expires=Thu, 01 Jan 1970 00:00:00 GMT');
    }
  });

  it('clears with the very attributes it sets with, for every combination that starts (REQ-31, REQ-44, REQ-45, REQ-52)', () => {
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
  ])('%j is ours: %s (REQ-50)', (line, own) => {
    expect(cookieOf().isOwn(line)).toBe(own);
  });

  it('knows its own lines', () => {
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

/** RFC 6265bis §4.1.1, and no attribute twice (REQ-50). */
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
