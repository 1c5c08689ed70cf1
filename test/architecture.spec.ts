import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const lib = fileURLToPath(new URL('../lib', import.meta.url));
const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter(
  file => file.endsWith('.ts') && !/\.(spec|test-d)\.ts$/.test(file),
);

const COLUMNS = 120;

interface SourceFile {
  readonly code: string;
  /** The lines of its comments that are too long, with their numbers. */
  readonly longComments: readonly string[];
  /** Files of lib, as `session/session-state.ts`, also those of which it imports types alone. */
  readonly imports: readonly string[];
  /** Everything else: packages and Node's own modules. */
  readonly packages: readonly string[];
}

const IMPORT = /\b(?:import|export)\s+[^;'"()]*?\bfrom\s*'([^']+)'|\b(?:import|require)\(?\s*'([^']+)'/g;

const sources = new Map<string, SourceFile>(
  files.map(file => {
    const text = readFileSync(join(lib, file), 'utf8');
    const code = text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
    const from = [...code.matchAll(IMPORT)].map(([, named, bare]) => named ?? bare ?? '');
    const inLib = (to: string) => relative(lib, join(lib, dirname(file), to)).replace(/\.js$/, '.ts');
    return [
      file,
      {
        code,
        longComments: longCommentsOf(text),
        imports: from.filter(to => to.startsWith('.')).map(inLib),
        packages: from.filter(to => !to.startsWith('.')),
      },
    ];
  }),
);

/** Prettier wraps code and leaves comments as they are. */
function longCommentsOf(text: string): string[] {
  return text
    .split('\n')
    .map((line, i) => ({ line, at: `line ${i + 1} has ${line.length} columns` }))
    .filter(({ line }) => line.length > COLUMNS && /^\s*(?:\/\/|\/?\*)/.test(line))
    .map(({ at }) => at);
}

/** `stores/redis` for a file of a store, `lifecycle` for one of a folder, `.` for one at the root. */
function place(file: string): string {
  if (!file.includes('/')) return '.';
  return file.split('/', file.startsWith('stores/') ? 2 : 1).join('/');
}

/** `file → what` for everything that breaks the rule. */
function breaches(offends: (file: string, source: SourceFile) => readonly string[]): string[] {
  return [...sources].flatMap(([file, source]) => offends(file, source).map(what => `${file} → ${what}`));
}

/** The one file that names all stores. */
const REGISTRY = 'options/store-types.ts';

const LEAVES = ['codec', 'errors', 'time', 'crypto', 'events'];

/**
 * Which folders a folder may import besides itself, types included. Root files may import all of them. `testing/` stands
 * above the root files.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(LEAVES.map(leaf => [leaf, LEAVES])),
  store: LEAVES,
  options: ['store', ...LEAVES],
  cookie: ['options', ...LEAVES],
  http: LEAVES,
  session: ['store', 'options', ...LEAVES],
  backend: ['session', 'store', 'options', ...LEAVES],
  lifecycle: ['backend', 'session', 'store', 'cookie', 'http', 'options', ...LEAVES],
  nest: ['lifecycle', 'session', 'http', ...LEAVES],
};

describe('the import rules: arrows only point down', () => {
  it('the rules see the files and their imports', () => {
    expect(files).toContain('store/session-store.ts');
    expect(sources.get('store/session-store.ts')?.imports).toEqual(['store/session-record.interface.ts']);
    expect(files.filter(file => !sources.get(file)?.code)).toEqual([]);
  });

  it('every import of lib/ leads to a file that is there', () => {
    expect(breaches((_, { imports }) => imports.filter(to => !sources.has(to)))).toEqual([]);
  });

  it('a folder imports only from the folders below it', () => {
    const seen = breaches((file, { imports }) => {
      const here = place(file);
      if (here === '.' || here === 'testing' || here.startsWith('stores/') || file === REGISTRY) return [];
      const below = ARROWS[here] ?? [];
      return imports.filter(to => place(to) !== here && !below.includes(place(to)));
    });
    expect(seen).toEqual([]);
  });

  it('a store knows the contract and the leaves: no other store, no session, no HTTP, no Nest', () => {
    const below = ['store', 'codec', 'errors', 'time', 'crypto'];
    const seen = breaches((file, { imports, packages }) => {
      const here = place(file);
      if (!here.startsWith('stores/')) return [];
      const nest = packages.filter(name => name.startsWith('@nestjs/'));
      return [...imports.filter(to => place(to) !== here && !below.includes(place(to))), ...nest];
    });
    expect(seen).toEqual([]);
  });

  it('only the registry of types names the stores, and testing/ the one in memory', () => {
    const seen = breaches((file, { imports }) => {
      if (file.startsWith('stores/') || [REGISTRY, 'index.ts'].includes(file)) return [];
      const named = imports.filter(to => to.startsWith('stores/'));
      return place(file) === 'testing' ? named.filter(to => !to.startsWith('stores/memory/')) : named;
    });
    expect(seen).toEqual([]);
  });

  it('nothing imports the public index', () => {
    expect(breaches((_, { imports }) => imports.filter(to => to === 'index.ts'))).toEqual([]);
  });

  it('nothing but tests imports testing/', () => {
    const seen = breaches((file, { imports }) =>
      place(file) === 'testing' ? [] : imports.filter(to => place(to) === 'testing'),
    );
    expect(seen).toEqual([]);
  });

  it('no file imports itself through others', () => {
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): string[] => {
      if (path.includes(file)) return [[...path.slice(path.indexOf(file)), file].join(' → ')];
      if (done.has(file)) return [];
      const found = (sources.get(file)?.imports ?? []).flatMap(to => visit(to, [...path, file]));
      done.add(file);
      return found;
    };
    expect(files.flatMap(file => visit(file, []))).toEqual([]);
  });

  it('Nest is known at the root, in nest/, testing/ and errors/ only', () => {
    const seen = breaches((file, { packages }) =>
      ['.', 'nest', 'testing', 'errors'].includes(place(file))
        ? []
        : packages.filter(name => name.startsWith('@nestjs/')),
    );
    expect(seen).toEqual([]);
  });

  it.each([
    ['the time of day', /\bDate\.now\(|\bnew Date\(\)/, /^time\/clock\.ts$/],
    ['what must not be guessed', /\brandomBytes\b|\brandomUUID\b|\bgetRandomValues\b/, /^crypto\//],
    ['cryptography', /node:crypto/, /^crypto\//],
  ])('%s comes from one place', (_, pattern, home) => {
    const users = [...sources].filter(([, { code }]) => pattern.test(code)).map(([file]) => file);
    expect(users.filter(file => !home.test(file))).toEqual([]);
  });

  it(`no comment is wider than ${COLUMNS} columns`, () => {
    expect(breaches((_, { longComments }) => longComments)).toEqual([]);
  });

  it('a driver is imported by its own store only, and only when that is used', () => {
    const drivers = { ioredis: 'stores/redis', mongodb: 'stores/mongodb' };
    for (const [driver, home] of Object.entries(drivers)) {
      const users = [...sources]
        .filter(([, { packages }]) => packages.includes(driver))
        .map(([file]) => file);
      expect(users.filter(file => place(file) !== home)).toEqual([]);
      // It is required by a file of its own, which is imported by import() alone.
      const atLoad = new RegExp(
        `^(?:import|export) (?!type\\b)(?:[^;]*\\b(?:from |require\\())?'(?:${driver}|[./]*/driver\\.js)'`,
        'm',
      );
      const loading = [...sources].filter(([, { code }]) => atLoad.test(code)).map(([file]) => file);
      expect(loading).toEqual([`${home}/driver.ts`]);
    }
  });
});
