import { storeTypes } from '../../lib/options/store-types.js';
import { guarantees, otherSpecs, type Guarantee } from './guarantees.js';
import type { Platform } from './platforms.js';

/** A test of a run. */
export interface RanTest {
  readonly spec: string;
  /** The titles of its suites, outermost first, and its own. They name where it ran: `… on express over redis`. */
  readonly titles: readonly string[];
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending';
}

export const adapters: readonly Platform['name'][] = ['express', 'fastify'];
export const stores: readonly string[] = Object.keys(storeTypes);
/** The column of tests with a store made for tests, and of tests whose outcome does not depend on the store. */
const ANY_STORE = 'any store';
const columns = [ANY_STORE, ...stores].flatMap(store => adapters.map(adapter => `${store} on ${adapter}`));

/**
 * The columns in which a test counts, read from its titles. A spec in `test/<store>/` counts for that store. Returns
 * no columns if the titles name no adapter.
 */
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
  /** The reasons why the numbers are incomplete. */
  readonly problems: readonly string[];
}

/** Whether this entry of `shownBy` selects this test. */
function means(entry: string, test: RanTest): boolean {
  const [spec, beginning = ''] = entry.split(' > ');
  return spec === test.spec && test.titles.some(title => title.startsWith(beginning));
}

/** Builds the table from the tests of a complete run. */
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

/** The result of comparing a run with the committed page. */
export interface Verdict {
  /** The new page, if it has to be written. */
  readonly page?: string;
  /** The problem with the page or with the run. */
  readonly complaint?: string;
}

export interface Run {
  readonly tests: readonly RanTest[];
  readonly hasPassed: boolean;
  /** Whether the run was limited to tests with certain names. */
  readonly isFiltered: boolean;
  /** Whether the page should be written. */
  readonly isUpdate: boolean;
  /** The page in the repository. */
  readonly committed: string | undefined;
}

const AGAIN = 'Run "npm run guarantees" to write it again.';

/** A run of a few files or tests cannot be compared with the page. A run that failed reports that itself. */
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

/** The anchor that GitHub gives to a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

/** The page, formatted as prettier formats it. */
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

/** A table whose first column is aligned left, and the columns with numbers right. */
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
  '<!-- Generated by "npm run guarantees". Edit test/support/guarantees.ts and test/support/guarantees-table.ts. -->',
  `What you can rely on, for each store and each HTTP adapter. A number is how many tests of whole applications show the
guarantee there; all of these tests passed. \`–\` means that no test of a whole application covers it there.`,
  `This page is generated by the test run. \`npm run guarantees\` writes it, and \`npm test\` compares it with the results.
CI fails if the page is out of date or if the server of a store was missing. [CONTRIBUTING.md](../CONTRIBUTING.md) lists
the servers that the run needs.`,
];

const LEGEND = [
  `_any store_ counts tests with a store made for tests, which fails, waits or counts on demand, and tests about the cookie
or the response whose outcome does not depend on the store. The numbers in a row differ a little: \`memory\` has no tests
with several processes, some tests of Passport run on Express only, and some faults can occur in one store only.`,
  `Every store also passes the conformance cases of the store contract. They run without HTTP and are not counted here:
${link('lib/testing/store-cases/session-store-cases.ts')}.`,
];

const AS_FAR_AS = [
  '## As far as the store keeps what it acknowledged',
  `A session is saved when the store has acknowledged it. If the store loses data after that, the library cannot restore
it. If the store loses a logout, the session is live again.`,
  `- **memory**: everything is lost when the process ends. [More](../lib/stores/memory/README.md)
- **filesystem**: survives every crash of a process, and a power cut only with \`durable: true\`.
  [More](../lib/stores/filesystem/README.md#limits)
- **redis**: replicates after it has answered. A failover can lose the writes that no replica had received, unless
  \`waitReplicas\` waits for the replicas. A restart keeps the data that Redis' own persistence has written.
  [More](../lib/stores/redis/README.md#failover-and-what-may-be-lost), shown by ${link('test/redis/replicas.spec.ts')}
- **mongodb**: a majority of the members acknowledges each write by default, so a failover loses nothing. A \`w\` that you
  set applies to changes and touches. [More](../lib/stores/mongodb/README.md#failover-and-what-may-be-lost). If there is a
  \`mongod\`, the failover of three members is tested by
  ${link('lib/stores/mongodb/mongodb.replica-set.spec.ts')}`,
];
