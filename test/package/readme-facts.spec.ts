import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { pages, read, root } from './documentation.js';

/** The rows of all tables of a page. */
function rowsOf(page: string): string[] {
  return read(page)
    .split('\n')
    .filter(line => line.startsWith('|'));
}

describe('the README', () => {
  it('is at most 14 KB', () => {
    expect(Buffer.byteLength(read('README.md'))).toBeLessThanOrEqual(14_336);
  });

  it('links to every guide', () => {
    for (const page of pages.filter(name => name !== 'README.md')) {
      expect(read('README.md')).toContain(`](${page})`);
    }
  });
});

describe('the pages name everything, and nothing that is not there', () => {
  const cookie = 'lib/options/cookie-options.interface.ts';
  const options = [
    ...optionsOf('lib/options/session-options.interface.ts').filter(([name]) => name !== 'cookie'),
    ...optionsOf(cookie, 'cookie.'),
    ...optionsOf('lib/options/secret-options.interface.ts', 'secret.'),
  ];

  it('the options are found', () => {
    expect(options.map(([name]) => name)).toEqual(
      expect.arrayContaining(['load', 'maxSize', 'cookie.sameSite']),
    );
  });

  it.each(options)('the option %s, whose default is %s', (name, fallback) => {
    const row = rowsOf('docs/options.md').find(line => line.startsWith(`| \`${name}\``));
    expect(row, `a row for ${name}`).toBeDefined();
    if (fallback !== undefined) expect(row!.split('|')[2]).toContain(fallback);
  });

  it('every type of store, with its own options', () => {
    const registry = read('lib/options/store-types.ts');
    const types = [...registry.matchAll(/^ {2}(\w+): \{\s+optionNames: \[([^\]]*)\]/gm)];
    expect(types.length).toBeGreaterThan(1);
    for (const [, type = '', names = ''] of types) {
      expect(rowOf('README.md', type), `a row for ${type}`).toBeDefined();
      for (const [, name = ''] of names.matchAll(/'(\w+)'/g)) {
        expect(rowOf('docs/options.md', type), type).toContain(`\`${name}\``);
      }
    }
  });

  it.each([
    [
      'a session',
      'lib/session/session.interface.ts',
      'SessionMembers<T',
      'docs/session-object.md',
      'flashes',
    ],
    ['Sessions', 'lib/sessions.service.ts', 'class Sessions', 'docs/signing-in.md', 'events$'],
  ])('every member of %s', (_, source, start, page, example) => {
    const members = methodsOf(read(source).split(start)[1]!.split('\n}')[0]!);
    expect(members).toContain(example);
    for (const name of members.filter(member => member !== 'constructor')) {
      expect(rowsOf(page).join('\n'), name).toMatch(new RegExp(`\`${name.replace('$', '\\$')}[\`(]`));
    }
  });

  it('every error, with its status and its codes', () => {
    const rows = rowsOf('docs/errors.md');
    const source = read('lib/errors/session.error.ts');
    const codes = [...source.split(';')[1]!.matchAll(/'(SESSION_\w+)'/g)].map(([, code = '']) => code);
    expect(codes.length).toBeGreaterThan(10);
    for (const code of codes) {
      expect(
        rows.some(row => row.includes(`\`${code}\``)),
        code,
      ).toBe(true);
    }
    const statuses = [...source.matchAll(/class (\w+) extends SessionError[\s\S]*?super\([^,]+, (\d{3})/g)];
    expect(statuses.length).toBeGreaterThan(4);
    for (const [, name, status] of statuses) {
      const row = rows.find(line => line.startsWith(`| \`${name}\``));
      expect(row?.split('|')[2]?.trim(), name).toBe(status);
    }
  });

  it('every event, with its reasons', () => {
    const rows = rowsOf('docs/events.md');
    const source = read('lib/events/session-events.ts');
    const types = [...source.matchAll(/type: '([\w-]+)'/g)].map(([, type]) => type);
    const lists = source.matchAll(/reason: ((?:'[\w-]+'(?: \| )?)+)/g);
    const rejections = source.split('SessionRejection =')[1]!.split(';\n')[0]!;
    const reasons = [...[...lists].map(([, list]) => list), rejections].flatMap(list =>
      [...list!.matchAll(/'([\w-]+)'/g)].map(([, reason]) => reason),
    );
    expect(new Set(types).size).toBe(6);
    expect(reasons).toEqual(expect.arrayContaining(['logout', 'idle', 'malformed', 'late']));
    for (const type of types)
      expect(
        rows.some(row => row.startsWith(`| \`${type}\``)),
        type,
      ).toBe(true);
    for (const reason of reasons)
      expect(
        rows.some(row => row.includes(`\`${reason}\``)),
        reason,
      ).toBe(true);
  });

  it('the numbers of docs/performance.md are those of bench/README.md', () => {
    const measured = rowsOf('bench/README.md').map(numbersOf);
    const rows = rowsOf('docs/performance.md').filter(row => /, (?:read|write),/.test(row));
    expect(rows.length).toBeGreaterThan(3);
    for (const row of rows) {
      const [label = ''] = cellsOf(row);
      const row0 = measured.find(other => other.label === label);
      expect(row0, label).toBeDefined();
      for (const number of numbersOf(row).numbers) expect(row0!.numbers, row).toContain(number);
    }
  });
});

describe('links and names of files', () => {
  const repository = 'https://github.com/nestjs-http-session/nestjs-http-session/';
  const inPackage = [...pages, 'CHANGELOG.md', 'SECURITY.md'];
  const papers = [...inPackage, 'CONTRIBUTING.md', 'lib/README.md', 'bench/README.md'];

  it.each(papers)('what %s links to, or names as a file, is there', file => {
    const text = read(file);
    for (const path of [...localLinksOf(file).map(({ path: linked }) => linked), ...filesNamedIn(text)]) {
      expect(existsSync(root + path), path).toBe(true);
    }
    for (const { path, anchor } of localLinksOf(file)) {
      if (anchor) expect(anchorsOf(path), `${file} links to ${path}#${anchor}`).toContain(anchor);
    }
  });

  it.each(inPackage)('%s links to files of the package, and else absolutely', async file => {
    const unpacked = join(inject('consumer'), 'node_modules/nestjs-http-session');
    expect(await readFile(join(unpacked, file), 'utf8')).toBe(read(file));
    for (const { path, isAbsolute } of localLinksOf(file)) {
      if (!isAbsolute) expect(existsSync(join(unpacked, path)), `${file} links to ${path}`).toBe(true);
    }
  });

  /** The links to our own files: relative ones, and those that name the repository. */
  function localLinksOf(file: string): { path: string; anchor: string | undefined; isAbsolute: boolean }[] {
    const targets = [...read(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    return targets
      .map(target => ({
        target: target.replace(/^(.*)\/(?:blob|tree)\/main\//, '$1/'),
        isAbsolute: /^https?:/.test(target),
      }))
      .filter(({ target, isAbsolute }) => !isAbsolute || target.startsWith(repository))
      .map(({ target, isAbsolute }) => {
        const [path = '', anchor] = target.replace(repository, '').split('#');
        const base = isAbsolute ? '' : dirname(file);
        return { path: path === '' ? file : join(base, path), anchor, isAbsolute };
      });
  }
});

it('the guides are all in docs/', () => {
  const files = readdirSync(root + 'docs').filter(name => name.endsWith('.md'));
  expect(files.map(name => `docs/${name}`).sort()).toEqual([...pages.slice(1), 'docs/guarantees.md'].sort());
});

/** The properties of an interface, with the first word of their `@default`. */
function optionsOf(file: string, prefix = ''): [option: string, fallback: string | undefined][] {
  return [...read(file).matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*readonly (\w+)\?:/g)].map(
    ([, comment = '', name = '']) => [
      prefix + name,
      /@default ('[^']*'|\S+)/.exec(comment)?.[1]?.replace(/[:,]$/, ''),
    ],
  );
}

function methodsOf(text: string): string[] {
  return [
    ...new Set(
      [...text.matchAll(/^ {2}(?:readonly |async |get )?(\w+\$?)[(<:]/gm)].map(([, name = '']) => name),
    ),
  ];
}

function cellsOf(row: string): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map(cell => cell.trim());
}

function numbersOf(row: string): { label: string; numbers: string[] } {
  const [label = '', ...cells] = cellsOf(row);
  return { label, numbers: [...cells.join(' ').matchAll(/\d[\d.]*/g)].map(([number]) => number) };
}

function filesNamedIn(text: string): string[] {
  return [...text.matchAll(/`((?:test|lib|sample|bench|scripts|docs)\/[\w./-]+)`/g)].map(
    ([, path = '']) => path,
  );
}

function anchorsOf(file: string): string[] {
  return [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}

function rowOf(page: string, type: string): string | undefined {
  return rowsOf(page).find(line => line.startsWith(`| \`'${type}'\``));
}
