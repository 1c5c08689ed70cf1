import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { SessionConfigProblem } from '../errors/session-config.error.js';
import { compileExclude } from './compile-exclude.js';
import { OptionReader } from './option-reader.js';

function compile(exclude: unknown) {
  const problems: SessionConfigProblem[] = [];
  const test = compileExclude(new OptionReader({ exclude }, '', problems));
  return { test: test ?? (() => false), none: test === undefined, problems };
}

describe('exclude', () => {
  it.each<[string, string, boolean]>([
    ['/health', '/health', true],
    ['/health', '/health/', false],
    ['/health', '/healthy', false],
    ['/health', '/x/health', false],
    ['/health', '/HEALTH', false],
    ['/assets/*', '/assets/', true],
    ['/assets/*', '/assets/a/b.css', true],
    ['/assets/*', '/assets', false],
    ['/*.css', '/a/b.css', true],
    ['/*.css', '/a/b.css.map', false],
    ['/*/static/*', '/shop/static/a.js', true],
    ['/*/static/*', '/static/a.js', false],
    ['/*', '/', true],
    ['/**', '/x', true],
    ['/ab*ba', '/aba', false],
    ['/ab*ba', '/abba', true],
    ['/a*b*b', '/ab', false],
    ['/a*b*b', '/abb', true],
    ['/a*bc*c', '/abc', false],
    ['/a*bc*c', '/abcc', true],
    ['/a.b', '/axb', false],
    ['/(a|b)+$', '/a', false],
  ])('%s on %s: %s', (text, path, expected) => {
    expect(compile([text]).test(path)).toBe(expected);
  });

  it('excludes a path if any entry matches', () => {
    const { test } = compile(['/a', /^\/b/, '/c/*']);
    expect(['/a', '/bb', '/c/d', '/d'].map(test)).toEqual([true, true, true, false]);
  });

  it('gives the same answer for a path twice, whatever flags a regular expression has', () => {
    for (const expression of [/\/a/g, /\/a/y, /\/a/gy, /\/A/giu]) {
      const { test } = compile([expression]);
      expect([test('/a'), test('/a'), test('/a')], String(expression)).toEqual([true, true, true]);
    }
    expect(compile([/a|b/y]).test('/b')).toBe(false);
  });

  it('does not change the given regular expression', () => {
    const expression = /\/a/g;
    compile([expression]).test('/a');
    expect(expression.lastIndex).toBe(0);
  });

  it('accepts lists and regular expressions of another realm, such as those of Jest', () => {
    const { test, problems } = compile(runInNewContext('[/^.x/]'));
    expect(problems).toEqual([]);
    expect(test('/x')).toBe(true);
  });

  it('excludes nothing without entries', () => {
    expect(compile(undefined).none && compile(null).none && compile([]).none).toBe(true);
  });

  it('reports every wrong entry with its index', () => {
    const { problems } = compile(['/fine', 'assets', 3, null, '/a?b=1', '']);
    expect(problems.map(({ message }) => message)).toEqual([
      "entry 1 is 'assets'; paths begin with '/'.",
      'entry 2 is 3; write text or a regular expression.',
      'entry 3 is missing; write text or a regular expression.',
      expect.stringContaining("entry 4 is '/a?b=1'; only the path is compared"),
      "entry 5 is ''; paths begin with '/'.",
    ]);
    expect(compile('/assets/*').problems[0]?.message).toContain("write a list: ['/assets/*']");
  });

  it('agrees with a regular expression on all short patterns and paths', () => {
    const words = [
      '',
      'a',
      'b',
      '*',
      'aa',
      'ab',
      'a*',
      '*a',
      '*b',
      'a*b',
      'ab*',
      '*a*',
      'a*a',
      '**',
      'a*b*a',
      '*ab*b',
    ];
    const paths = words.flatMap(one => words.map(other => `/${one}${other}`.replaceAll('*', 'c')));
    for (const one of words)
      for (const other of words) {
        const text = `/${one}${other}`;
        const { test } = compile([text]);
        const oracle = new RegExp(`^${text.replaceAll('*', '.*')}$`);
        for (const path of paths) expect(test(path), `${text} on ${path}`).toBe(oracle.test(path));
      }
  });

  it('takes time in proportion to the path, where a regular expression would take forever', () => {
    const { test } = compile([`/${'*a'.repeat(30)}*b`]);
    test(`/${'a'.repeat(1000)}`); // warm
    const started = performance.now();
    expect(test(`/${'a'.repeat(100_000)}`)).toBe(false);
    expect(test(`/${'a'.repeat(100_000)}c`)).toBe(false);
    expect(test(`/${'a'.repeat(100_000)}b`)).toBe(true);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
