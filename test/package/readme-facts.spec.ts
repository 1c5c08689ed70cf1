import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, root } from './documentation.js';

const readme = read('README.md');

describe('the README names everything, and nothing that is not there', () => {
  const rows = readme.split('\n').filter(line => line.startsWith('|'));

  const cookie = 'lib/options/cookie-options.interface.ts';
  const options = [
    ...optionsOf('lib/options/session-options.interface.ts').filter(([name]) => name !== 'cookie'),
    ...optionsOf(cookie, 'cookie.'),
  ];

  it('the options are found', () => {
    expect(options.map(([name]) => name)).toEqual(
      expect.arrayContaining(['load', 'maxSize', 'cookie.sameSite']),
    );
  });

  it.each(options)('the option %s, whose default is %s', (name, fallback) => {
    const row = rows.find(line => line.startsWith(`| \`${name}\``));
    expect(row, `a row for ${name}`).toBeDefined();
    if (fallback !== undefined) expect(row!.split('|')[2]).toContain(fallback);
  });

  it('every type of store, with its own options', () => {
    const registry = read('lib/options/store-types.ts');
    const types = [...registry.matchAll(/^ {2}(\w+): \{\s+optionNames: \[([^\]]*)\]/gm)];
    expect(types.length).toBeGreaterThan(1);
    for (const [, type = '', names = ''] of types) {
      const row = rows.find(line => line.startsWith(`| \`'${type}'\``));
      expect(row, `a row for ${type}`).toBeDefined();
      for (const [, name = ''] of names.matchAll(/'(\w+)'/g)) expect(row, type).toContain(`\`${name}\``);
    }
  });

  it('every member of a session, and every method of Sessions', () => {
    const session = methodsOf(read('lib/session/session.interface.ts').split('SessionMembers<T')[1]!);
    const service = methodsOf(read('lib/sessions.service.ts').split('class Sessions')[1]!.split('\n}')[0]!);
    expect(session).toEqual(expect.arrayContaining(['id', 'loggedInAs', 'update', 'destroy', 'flashes']));
    expect(service).toEqual(expect.arrayContaining(['current', 'revokeByUser', 'ping', 'events$']));
    for (const name of [...session, ...service].filter(name => name !== 'constructor')) {
      expect(readme, name).toMatch(new RegExp(`\`${name.replace('$', '\\$')}[\`(]`));
    }
  });

  it('every error, with its status and its codes', () => {
    const source = read('lib/errors/session.error.ts');
    const codes = [...source.split(';')[1]!.matchAll(/'(SESSION_\w+)'/g)].map(([, code = '']) => code);
    expect(codes.length).toBeGreaterThan(10);
    for (const code of codes)
      expect(
        rows.some(row => row.includes(`\`${code}\``)),
        code,
      ).toBe(true);
    const statuses = [...source.matchAll(/class (\w+) extends SessionError[\s\S]*?super\([^,]+, (\d{3})/g)];
    expect(statuses.length).toBeGreaterThan(4);
    for (const [, name, status] of statuses) {
      expect(
        rows
          .find(row => row.startsWith(`| \`${name}\``))
          ?.split('|')[2]
          ?.trim(),
        name,
      ).toBe(status);
    }
  });

  const papers = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'lib/README.md'].filter(file =>
    existsSync(root + file),
  );
  it.each(papers)('what %s links to, or names as a file, is there', file => {
    const text = read(file);
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) =>
      join(dirname(file), link),
    );
    const files = [...text.matchAll(/`((?:test|lib|sample|bench|scripts)\/[\w./-]+)`/g)].map(
      ([, path = '']) => path,
    );
    for (const path of [...links, ...files]) expect(existsSync(root + path), path).toBe(true);
    const anchors = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor);
    const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    expect(headings).toEqual(expect.arrayContaining(anchors));
  });
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
