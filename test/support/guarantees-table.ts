import { storeTypes } from '../../lib/options/store-types.js';
import { guarantees, otherSpecs, type Guarantee } from './guarantees.js';
import type { Platform } from './platforms.js';

/** A test of a run. */
export interface RanTest {
  readonly spec: string;
  /** Of its suites, from the outermost, and its own. They say where it ran: `… on express over redis`. */
  readonly titles: readonly string[];
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending';
}

export const adapters: readonly Platform['name'][] = ['express', 'fastify'];
export const stores: readonly string[] = Object.keys(storeTypes);
/** Where the store is a stand-in of the tests, or has no say. */
const ANY_STORE = 'any store';
const columns = [ANY_STORE, ...stores].flatMap(store => adapters.map(adapter => `${store} on ${adapter}`));

/** The columns that a test counts in, by its titles; specs in `test/<store>/` are over that store. None: no adapter. */
export function cellsOf(test: RanTest): string[] {
  const title = titleOf(test);
  const named = (names: readonly string[], where: string): string[] =>
    names.filter(name => new RegExp(`\\b${where} ['"]?${name}\\b(?!-)`, 'i').test(title));
  const inFolder = stores.filter(store => test.spec.startsWith(`test/${store}/`));
  const over = inFolder.length > 0 ? inFolder : named(stores, 'over(?: one)?');
  return adapters
    .filter(adapter => named([adapter], 'on').length > 0)
    .flatMap(adapter => (over.length > 0 ? over : [ANY_STORE]).map(store => `${store} on ${adapter}`));
}

/** One guarantee, and how many tests showed it in each column. */
export interface Row {
  readonly guarantee: Guarantee;
  readonly passed: ReadonlyMap<string, number>;
}

export interface Table {
  readonly rows: readonly Row[];
  /** Why the numbers are not to be believed. */
  readonly problems: readonly string[];
}

/** Whether this entry of `shownBy` means this test. */
function means(entry: string, test: RanTest): boolean {
  const [spec, beginning = ''] = entry.split(' > ');
  return spec === test.spec && test.titles.some(title => title.startsWith(beginning));
}

/** Sorts the tests of a complete run into the table. */
export function tabulate(tests: readonly RanTest[], promised: readonly Guarantee[] = guarantees): Table {
  const nameless = new Set<string>();
  const skipped = new Map<string, number>();
  const seen = new Set<string>();
  const unmatched: string[] = [];
  const rows = promised.map(guarantee => {
    const passed = new Map<string, number>();
    const matching = guarantee.shownBy.map(entry => tests.filter(test => means(entry, test)));
    unmatched.push(...guarantee.shownBy.filter((_, i) => matching[i]?.length === 0));
    for (const test of new Set(matching.flat())) {
      const cells = cellsOf(test);
      if (cells.length === 0) nameless.add(titleOf(test));
      const counts = test.state === 'passed' ? passed : skipped;
      for (const cell of cells) {
        seen.add(cell);
        counts.set(cell, (counts.get(cell) ?? 0) + 1);
      }
    }
    return { guarantee, passed };
  });
  return {
    rows,
    problems: [
      ...unmatched.map(entry => `no test is meant by "${entry}"`),
      ...[...nameless].map(title => `no adapter is named by "${title}"`),
      ...[...skipped].map(([cell, count]) => `not run: ${cell} (${count} skipped)`),
      ...columns.filter(column => !seen.has(column)).map(column => `no test: ${column}`),
    ],
  };
}

/** What a run says about the committed page. */
export interface Verdict {
  /** The page, when it has to be written. */
  readonly page?: string;
  /** What is wrong with the page, or with the run. */
  readonly complaint?: string;
}

export interface Run {
  readonly tests: readonly RanTest[];
  readonly hasPassed: boolean;
  /** Whether tests were picked by their names. */
  readonly isFiltered: boolean;
  /** Whether the page is to be written. */
  readonly isUpdate: boolean;
  /** The page as it is. */
  readonly committed: string | undefined;
}

const AGAIN = '"npm run guarantees" makes it anew.';

/** Runs of a few files or tests have nothing to say about the page, and one that failed says so itself. */
export function judge(run: Run, promised: readonly Guarantee[] = guarantees): Verdict {
  const specs = new Set(run.tests.map(({ spec }) => spec));
  const isPartial =
    run.isFiltered || promised.some(one => one.shownBy.some(entry => !specs.has(specOf(entry))));
  if (isPartial || !run.hasPassed) {
    const why = isPartial ? 'not all of its tests were run' : 'tests failed';
    return run.isUpdate ? { complaint: `was not written: ${why}.` } : {};
  }
  const { rows, problems } = tabulate(run.tests, promised);
  if (problems.length > 0) {
    const list = problems.map(problem => `\n  ${problem}`).join('');
    return { complaint: `was not ${run.isUpdate ? 'written' : 'compared'}:${list}` };
  }
  const page = render(rows);
  if (page === run.committed) return {};
  return run.isUpdate ? { page } : { complaint: `is out of date. ${AGAIN}` };
}

const titleOf = ({ titles }: RanTest): string => titles.join(' > ');
const specOf = (entry: string): string => entry.split(' > ')[0] ?? entry;
const link = (path: string): string => `[\`${path}\`](../${path})`;

/** As GitHub names the heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

/** The page, formatted as prettier would. */
export function render(rows: readonly Row[]): string {
  const headings = rows.map(({ guarantee }, i) => `${i + 1}. ${guarantee.name}`);
  const head = ['', ...[ANY_STORE, ...stores].flatMap(store => [store, ...adapters.slice(1).map(() => '')])];
  const body = rows.map(({ passed }, i) => [
    `[${headings[i]}](#${anchorOf(headings[i] ?? '')})`,
    ...columns.map(column => String(passed.get(column) ?? '–')),
  ]);
  const adapterRow = ['', ...[ANY_STORE, ...stores].flatMap(() => ['Express', 'Fastify'])];
  const sections = rows.flatMap(({ guarantee }, i) => [
    `### ${headings[i]}`,
    guarantee.meaning,
    guarantee.shownBy.map(listItem).join('\n'),
    ...(guarantee.alsoShownBy
      ? [`Below HTTP, not counted: ${guarantee.alsoShownBy.map(link).join(', ')}.`]
      : []),
  ]);
  const others = Object.entries(otherSpecs).map(([spec, about]) => `- ${about}: ${link(spec)}`);
  return [
    ...INTRODUCTION,
    markdownTable([head, adapterRow, ...body]),
    ...LEGEND,
    '## What each one means, and the tests',
    ...sections,
    '## No guarantee, and tested the same way',
    others.join('\n'),
    ...AS_FAR_AS,
  ]
    .join('\n\n')
    .concat('\n');
}

function listItem(entry: string): string {
  const [spec = '', beginning] = entry.split(' > ');
  return `- ${link(spec)}${beginning === undefined ? '' : `: \`${beginning} …\``}`;
}

/** The first column to the left, numbers to the right. */
function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, i) => Math.max(3, ...rows.map(row => row[i]?.length ?? 0)));
  const pad = (text: string, i: number): string =>
    i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0);
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const lines = rows.map(row => row.map(pad));
  return [lines[0] ?? [], rule, ...lines.slice(1)].map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

const INTRODUCTION = [
  '# Guarantees',
  '<!-- Made by "npm run guarantees". Edit test/support/guarantees.ts and test/support/guarantees-table.ts. -->',
  `What you may rely on, over which store and on which HTTP adapter. A number is how many tests of whole applications
show it there; all of them passed. \`–\`: no test of a whole application there.`,
  `This page is made by the test run: \`npm run guarantees\` writes it, \`npm test\` compares it with what was seen, and CI
fails when it says something else or when a store was not there. The servers it needs are in
[CONTRIBUTING.md](../CONTRIBUTING.md).`,
];

const LEGEND = [
  `_any store_: the tests' own store, which fails, waits or counts when it is told to, or a guarantee of the cookie and the
answer alone, in which the store has no say. Numbers differ a little within a row: \`memory\` has no tests of several
processes, Passport is tested on Express, and some things can go wrong in one store only.`,
  `Every store passes the cases of its contract besides, without HTTP and not counted here:
${link('test/support/session-store.cases.ts')}.`,
];

const AS_FAR_AS = [
  '## As far as the store keeps what it acknowledged',
  `A saved session is one that the store has acknowledged. What a store loses after that, we cannot give back, and a logout
that it loses is a session that is there again.`,
  `- **memory**: ends with its process. [More](../lib/stores/memory/README.md)
- **filesystem**: survives any crash of a process; a power cut only with \`durable: true\`.
  [More](../lib/stores/filesystem/README.md#limits)
- **redis**: replicates after it has answered, so a failover may lose what the replicas did not have yet, unless
  \`waitReplicas\` waits for them; a restart keeps what its own persistence keeps.
  [More](../lib/stores/redis/README.md#failover-and-what-may-be-lost), shown by ${link('test/redis/replicas.spec.ts')}
- **mongodb**: acknowledged by the majority of the members by default, so a failover loses nothing; a \`w\` of your own
  holds for changes and touches. [More](../lib/stores/mongodb/README.md#failover-and-what-may-be-lost). Three members and
  their failover are tested where there is a \`mongod\`, by
  ${link('lib/stores/mongodb/mongodb.replica-set.spec.ts')}`,
];
