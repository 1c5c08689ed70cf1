import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { check, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { adapters, cellsOf, judge, render, stores, tabulate, type RanTest } from './guarantees-table.js';
import { guarantees, otherSpecs, type Guarantee } from './guarantees.js';
import { platforms } from './platforms.js';

const specOf = (entry: string): string => entry.split(' > ')[0]!;
const specs = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map(path => `test/${path.replaceAll('\\', '/')}`)
  .filter(path => path.endsWith('.e2e-spec.ts') && !path.startsWith('test/package/'));

const logout: Guarantee = {
  name: 'Logout sticks',
  meaning: 'The user stays signed out.',
  shownBy: ['test/e2e/logout.e2e-spec.ts'],
};
const count: Guarantee = {
  name: '`update()` counts',
  meaning: 'All of them.',
  shownBy: ['test/e2e/update.e2e-spec.ts > update()', 'test/e2e/processes.e2e-spec.ts > 100 parallel'],
};
const promised = [logout, count];

const everywhere = adapters.flatMap(adapter => [
  `on ${adapter}`,
  ...stores.map(store => `on ${adapter} over ${store}`),
]);
const test = (spec: string, ...titles: string[]): RanTest => ({
  spec: `test/e2e/${spec}.e2e-spec.ts`,
  titles,
  state: 'passed',
});
const over = ({ titles: [suite = ''] }: RanTest): string | undefined => / over (\w+)$/.exec(suite)?.[1];
const both = 'two processes, on express and on fastify, over redis';
/** A complete run: tests of both guarantees in every column, and tests that no guarantee selects. */
const complete = [
  ...everywhere.flatMap(where => [
    test('logout', `logout ${where}`, 'when fast', 'holds'),
    test('logout', `logout ${where}`, 'holds'),
    test('update', `update() ${where}`, 'holds'),
    test('update', `take() ${where}`, 'holds'),
  ]),
  test('processes', both, '100 parallel increments'),
  test('processes', both, 'a logout'),
  test('other', 'something else', 'holds'),
];
const run = { tests: complete, hasPassed: true, isFiltered: false, isUpdate: false, committed: undefined };
const page = render(tabulate(complete, promised).rows);

describe('the guarantees', () => {
  it.each(guarantees)('$name: the specs and titles that show it exist', ({ shownBy, alsoShownBy = [] }) => {
    expect(shownBy.map(specOf).filter(spec => !specs.includes(spec))).toEqual([]);
    expect(alsoShownBy.filter(spec => !existsSync(spec))).toEqual([]);
    const named = shownBy.map(entry => entry.split(' > ') as [string, string?]);
    expect(named.filter(([spec, title = '']) => !readFileSync(spec, 'utf8').includes(title))).toEqual([]);
  });

  it('every e2e spec shows a guarantee or is listed in otherSpecs', () => {
    const named = [...guarantees.flatMap(({ shownBy }) => shownBy.map(specOf)), ...Object.keys(otherSpecs)];
    expect([...new Set(named)].toSorted()).toEqual(specs.toSorted());
  });

  it('no spec in otherSpecs shows a guarantee', () => {
    const shown = new Set(guarantees.flatMap(({ shownBy }) => shownBy.map(specOf)));
    expect(Object.keys(otherSpecs).filter(spec => shown.has(spec))).toEqual([]);
  });

  it('the columns are the adapters that the tests run on', () => {
    expect(adapters).toEqual(platforms.map(({ name }) => name));
  });
});

describe('where a test ran', () => {
  it.each([
    { titles: ['rotation on express over redis', 'login()', 'works'], cells: ['redis on express'] },
    { titles: ["limits on 'fastify' over 'mongodb'", 'hold'], cells: ['mongodb on fastify'] },
    { titles: ['Passport 0.7 on Express over filesystem', 'works'], cells: ['filesystem on express'] },
    { titles: ['shared on express over one memory store given to both'], cells: ['memory on express'] },
    { titles: ['an application over redis', 'on fastify', 'works'], cells: ['redis on fastify'] },
    { titles: ['an outage', 'is over soon, on fastify'], cells: ['any store on fastify'] },
    { titles: [both], cells: ['redis on express', 'redis on fastify'] },
    { titles: ['HTTP/2 on fastify'], cells: ['any store on fastify'] },
    { titles: ['Passport on Express over a store that fails'], cells: ['any store on express'] },
    { titles: ['what is based on express-session'], cells: [] },
    { titles: ['problems in the options'], cells: [] },
  ])('$titles', ({ titles, cells }) => {
    expect(cellsOf(test('any', ...titles))).toEqual(cells);
  });

  it('specs in the folder of a store are over that store', () => {
    const spec = 'test/mongodb/start-up.e2e-spec.ts';
    expect(cellsOf({ ...test('', 'start-up on express'), spec })).toEqual(['mongodb on express']);
  });
});

describe('a complete run', () => {
  it('counts each selected test once, in the columns where it ran', () => {
    const { rows, problems } = tabulate(complete, promised);
    expect(problems).toEqual([]);
    const [logouts, counts] = rows.map(({ passed }) => passed);
    expect([...logouts!.values()]).toEqual(everywhere.map(() => 2));
    expect(counts!.get('memory on express')).toBe(1);
    expect(counts!.get('redis on express')).toBe(2);
    expect(counts!.get('redis on fastify')).toBe(2);
  });

  it('counts a test once if two entries select it', () => {
    const twice = { ...logout, shownBy: [...logout.shownBy, `${logout.shownBy[0]} > when fast`] };
    expect(tabulate(complete, [twice]).rows[0]!.passed).toEqual(tabulate(complete, [logout]).rows[0]!.passed);
  });

  it('is written as a page that prettier leaves unchanged', async () => {
    expect(page).toMatch(/^\| \[1\. Logout sticks\]\(#1-logout-sticks\) +\|( +2 \|)+$/m);
    expect(page).toMatch(/^\| \[2\. `update\(\)` counts\]\(#2-update-counts\) +\|/m);
    const options = { ...(await resolveConfig('docs/guarantees.md')), filepath: 'docs/guarantees.md' };
    expect(await check(page, options)).toBe(true);
    expect(await check(render(tabulate(complete).rows), options)).toBe(true);
  });

  it('has a dash where a guarantee has no test', () => {
    const elsewhere = complete.filter(one => !one.spec.includes('update') || over(one) !== 'memory');
    expect(render(tabulate(elsewhere, promised).rows)).toMatch(/^\| \[2\. .*\| +– \|/m);
  });

  it('that agrees with the page reports nothing', () => {
    expect(judge({ ...run, committed: page }, promised)).toEqual({});
    expect(judge({ ...run, committed: page, isUpdate: true }, promised)).toEqual({});
  });

  it('that differs from the page complains, or writes the page with --update', () => {
    for (const committed of [undefined, page.replace(' 2 |', ' 3 |')]) {
      expect(judge({ ...run, committed }, promised).complaint).toMatch(/out of date.*npm run guarantees/);
      expect(judge({ ...run, committed, isUpdate: true }, promised)).toEqual({ page });
    }
  });

  it.each<{ what: string; tests: RanTest[]; complaint: RegExp }>([
    {
      what: 'in which a server was missing',
      tests: complete.map(one => (over(one) === 'redis' ? { ...one, state: 'skipped' as const } : one)),
      complaint: /not run: redis on express \(4 skipped\)\n.*not run: redis on fastify \(4 skipped\)$/,
    },
    {
      what: 'without any test over a store',
      tests: complete.filter(one => over(one) !== 'mongodb'),
      complaint: /no test: mongodb on express\n.*no test: mongodb on fastify$/,
    },
    {
      what: 'with a test whose title names no adapter',
      tests: [...complete, test('logout', 'a logout', 'holds')],
      complaint: /no adapter is named by "a logout > holds"$/,
    },
    {
      what: 'without a test that an entry selects',
      tests: complete.filter(({ titles }) => !titles.some(title => title.startsWith('100'))),
      complaint: /no test is meant by "test\/e2e\/processes\.e2e-spec\.ts > 100 parallel"/,
    },
  ])('$what is not compared and not written', ({ tests, complaint }) => {
    expect(judge({ ...run, tests, committed: page }, promised).complaint).toMatch(complaint);
    const update = judge({ ...run, tests, isUpdate: true }, promised);
    expect(update.complaint).toMatch(complaint);
    expect(update.page).toBeUndefined();
  });
});

describe('a run that cannot be compared', () => {
  it.each([
    { what: 'of a few files', changed: { tests: complete.filter(({ spec }) => /logout/.test(spec)) } },
    { what: 'of tests selected by name', changed: { isFiltered: true } },
    { what: 'that failed', changed: { hasPassed: false } },
  ])('$what reports nothing without --update, and writes nothing with it', ({ changed }) => {
    expect(judge({ ...run, ...changed, committed: 'old' }, promised)).toEqual({});
    expect(judge({ ...run, ...changed, committed: 'old', isUpdate: true }, promised)).toEqual({
      complaint: expect.stringMatching(/^was not written/),
    });
  });
});

describe('docs/guarantees.md', () => {
  it('contains every guarantee in its current words', () => {
    const committed = readFileSync('docs/guarantees.md', 'utf8');
    for (const { name, meaning } of guarantees) {
      expect(committed).toContain(`. ${name}\n`);
      expect(committed).toContain(meaning);
    }
  });
});
