import { describe, expect, it } from 'vitest';
import { type CookieValues, nameOfSetCookie, readCookieValues } from './cookie-header.js';

const isWord = (value: string) => /^[a-z]+$/.test(value);
/** A word with a `q` is forged. */
const judge = (value: string) => (!isWord(value) ? 'malformed' : value.includes('q') ? 'forged' : 'genuine');
const read = (header: string, name = 'sid', limit = 4) => readCookieValues(header, name, judge, limit);

describe('readCookieValues', () => {
  it('returns the distinct genuine values in the order of the header', () => {
    expect(read('sid=b; sid=a; x=y; sid=b')).toEqual({
      genuine: ['b', 'a'],
      malformed: false,
      forged: false,
      crowded: false,
    });
  });

  it('reports forged values, which do not count towards the limit', () => {
    const header = `${'sid=q; '.repeat(50)}sid=a`;
    expect(read(header, 'sid', 1)).toEqual({
      genuine: ['a'],
      malformed: false,
      forged: true,
      crowded: false,
    });
  });

  it('reports malformed values, which do not count towards the limit', () => {
    const header = `${'sid=?; '.repeat(50)}sid=a`;
    expect(read(header, 'sid', 1)).toEqual({
      genuine: ['a'],
      malformed: true,
      forged: false,
      crowded: false,
    });
  });

  it('keeps values up to the limit, and reports that there are more', () => {
    expect(read('sid=a; sid=b; sid=c', 'sid', 2)).toEqual({
      genuine: ['a', 'b'],
      malformed: false,
      forged: false,
      crowded: true,
    });
    expect(read('sid=a; sid=b; sid=a', 'sid', 2).crowded).toBe(false);
  });

  it('drops spaces and tabs around a pair and nothing else', () => {
    expect(read(' \t sid=a \t ;').genuine).toEqual(['a']);
    for (const code of [0x0b, 0x0c, 0xa0, 0x1680, 0x2003, 0x2028, 0x3000, 0xfeff]) {
      const blank = String.fromCharCode(code);
      expect(read(`${blank}sid=a`).genuine, `before, ${code}`).toEqual([]);
      expect(read(`sid=a${blank}`), `after, ${code}`).toEqual({
        genuine: [],
        malformed: true,
        forged: false,
        crowded: false,
      });
    }
  });

  it('treats characters of regular expressions in a name literally', () => {
    expect(read('axb=b; a.b=a', 'a.b').genuine).toEqual(['a']);
    expect(read('$^*=a', '$^*').genuine).toEqual(['a']);
  });

  it('agrees with a slow and obviously correct reader on 40 000 headers of a small grammar', () => {
    const random = generator(20_240_611);
    for (let round = 0; round < 40_000; round++) {
      const header = someHeader(random);
      expect(read(header), JSON.stringify(header)).toEqual(slowRead(header, 'sid', 4));
    }
  });

  it('is not affected by the position of other cookies or by added blanks', () => {
    const random = generator(77);
    const pairs = ['sid=a', 'x=1', 'sid=b', '__proto__=y', 'sidx=c', ' =d'];
    const expected = new Set(read(pairs.join('; ')).genuine);
    for (let round = 0; round < 200; round++) {
      const moved = pairs.map(pair => ({ pair, at: random() })).sort((a, b) => a.at - b.at);
      const header = moved.map(({ pair }) => ' \t'.repeat(random() * 3) + pair).join(';');
      expect(new Set(read(header).genuine), header).toEqual(expected);
    }
  });

  it.each([
    ['empty cookies', (size: number) => 'a=; '.repeat(size / 4)],
    ['separators', (size: number) => ';'.repeat(size)],
    ['blanks', (size: number) => ' '.repeat(size)],
    ['equals signs', (size: number) => '='.repeat(size)],
    ['blanks behind our value', (size: number) => `sid=${' '.repeat(size)}x`],
    ['blanks and half of our name', (size: number) => ' si'.repeat(size / 3)],
    ['many malformed values', (size: number) => 'sid=1;'.repeat(size / 6)],
    ['many well-formed values', (size: number) => 'sid=a;sid=b;sid=c;sid=d;sid=e;'.repeat(size / 30)],
  ])('takes time in proportion to the length: %s', (_, header) => {
    const [short, long] = [flat(header(100_000)), flat(header(1_600_000))];
    const [shortMs, longMs] = [fastest(() => read(short)), fastest(() => read(long))];
    // Sixteen times the length; quadratic would be 256 times, and minutes. The floor is for pauses of the machine.
    expect(longMs / Math.max(shortMs, 10)).toBeLessThan(80);
  });
});

describe('nameOfSetCookie', () => {
  it.each([
    ['sid=x; Path=/', 'sid'],
    ['sid=', 'sid'],
    ['\t sid \t= x', 'sid'],
    ['SID=x', 'SID'],
    ['a=sid=x', 'a'],
    ['sid', ''],
    ['sid; a=b', ''],
    ['=sid', ''],
    ['', ''],
    ['\u00a0sid=x', '\u00a0sid'],
  ])('%j sets %j', (line, name) => {
    expect(nameOfSetCookie(line)).toBe(name);
  });
});

/** Splits, cuts at the first `=`, and compares: slow, and easy to verify. */
function slowRead(header: string, name: string, limit: number): CookieValues {
  const values = header
    .split(';')
    .map(pair => pair.replace(/^[ \t]+/, '').replace(/[ \t]+$/, ''))
    .filter(pair => pair.slice(0, pair.indexOf('=')) === name && pair.includes('='))
    .map(pair => pair.slice(pair.indexOf('=') + 1));
  const distinct = [...new Set(values.filter(value => judge(value) === 'genuine'))];
  return {
    genuine: distinct.slice(0, limit),
    malformed: values.some(value => !isWord(value)),
    forged: values.some(value => judge(value) === 'forged'),
    crowded: distinct.length > limit,
  };
}

const PIECES = [
  'sid',
  'sid=',
  '=',
  ';',
  '; ',
  ' ',
  '\t',
  'a',
  'q',
  'bc',
  '"',
  ',',
  '%73',
  'SID',
  'si',
  '\u00a0',
  '__proto__=x',
  'sid=e;',
];

function someHeader(random: () => number): string {
  let header = '';
  for (let left = random() * 14; left > 0; left--) {
    header +=
      random() < 0.05 ? String.fromCharCode(random() * 256) : PIECES[Math.floor(random() * PIECES.length)];
  }
  return header;
}

/** Mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** `repeat` makes a rope, which is flattened by the first read. A header from the network is a flat string. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function fastest(run: () => unknown): number {
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    const before = performance.now();
    run();
    best = Math.min(best, performance.now() - before);
  }
  return best;
}
