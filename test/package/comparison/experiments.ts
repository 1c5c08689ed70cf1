import { expect } from 'vitest';
import { Browser } from '../../support/browser.js';
import { Deferred } from '../../support/deferred.js';
import { meetingOf } from '../../support/deferred.js';
import { read } from '../documentation.js';
import { letHandlersMeet } from './common-shop.js';

const PARALLEL = 20;

/** Measures a row of a table, and says it as the cell does. */
export type Experiment<T> = (running: T) => Promise<string>;

/** An application at one address, or two that share nothing but the store. */
export interface Running {
  readonly urls: readonly [string, ...string[]];
}

interface Data {
  readonly user: string | null;
  readonly count: number;
  readonly keys: number;
}

export async function signedIn({ urls: [url] }: Running): Promise<Browser> {
  const browser = new Browser(url);
  await browser.post('/login');
  expect(await dataOf(browser)).toMatchObject({ user: 'ada' });
  return browser;
}

export async function dataOf(browser: Browser): Promise<Data> {
  return (await browser.get('/data')).json<Data>();
}

/** So many answers to others come after one that has left. */
export async function fiftyAnswers(url: string): Promise<'others'> {
  const other = new Browser(url);
  for (let count = 0; count < 50; count++) await other.get('/plain');
  return 'others';
}

/** The next handler that waits reaches it, and goes on when told. */
export function holdHandler(): { reached: Promise<void>; goOn(): void } {
  const reached = new Deferred();
  const released = new Deferred();
  letHandlersMeet(() => {
    reached.resolve();
    return released.promise;
  });
  return { reached: reached.promise, goOn: () => released.resolve() };
}

/** Twenty tabs, at the addresses in turn, of which no handler goes on before all are there. */
function twentyTabs(browser: Browser, { urls }: Running, send: (tab: Browser, index: number) => unknown) {
  letHandlersMeet(meetingOf(PARALLEL));
  const tabs = Array.from({ length: PARALLEL }, (_, index) => browser.copy(urls[index % urls.length]));
  return Promise.all(tabs.map(send));
}

export const twentyKeys: Experiment<Running> = async running => {
  const browser = await signedIn(running);
  await twentyTabs(browser, running, (tab, index) => tab.post(`/item/${index}`));
  return String((await dataOf(browser)).keys);
};

export const twentyCounts: Experiment<Running> = async running => {
  const browser = await signedIn(running);
  await twentyTabs(browser, running, tab => tab.post('/count'));
  return String((await dataOf(browser)).count);
};

/** The logout is at the last address, the request that it overtakes at the first. */
export const logoutOvertakes: Experiment<Running> = async running => {
  const browser = await signedIn(running);
  const { reached, goOn } = holdHandler();
  const slow = browser.copy().post('/slow-item');
  await reached;
  await browser.copy(running.urls.at(-1)).post('/logout');
  expect(await dataOf(browser.copy())).toMatchObject({ user: null });
  goOn();
  await slow;
  return (await dataOf(browser)).user === null ? 'signed out' : 'signed in again';
};

export const logoutClearsCookie: Experiment<Running> = async running => {
  const browser = await signedIn(running);
  await browser.post('/logout');
  return browser.cookies.size === 0 ? 'yes' : 'no';
};

/** A table of a page. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  cell(row: string, column: string): string | undefined;
}

/** The first table below this heading. */
export function tableOf(page: string, heading: string): Table {
  const section = read(page).split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const table = section.split('\n\n').find(block => block.startsWith('|'));
  const [header, , ...rows] = table!.trim().split('\n').map(cellsOf);
  return {
    columns: header!.slice(1),
    rows: rows.map(([label = '']) => label),
    cell: (row, column) => rows.find(([label]) => label === row)?.[header!.indexOf(column)],
  };
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map(cell => cell.trim().replaceAll('`', ''));
}
