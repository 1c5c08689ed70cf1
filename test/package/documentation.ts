import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as common from '@nestjs/common';
import * as core from '@nestjs/core';
import * as library from '../../lib/index.js';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A piece of code in our documentation. */
export interface Example {
  /** The file that it is in: `docs/testing.md`. */
  readonly page: string;
  /** `docs/testing.md:42` */
  readonly place: string;
  readonly code: string;
}

export function read(path: string): string {
  return readFileSync(root + path, 'utf8');
}

function filesOf(folder: string, matching: RegExp): string[] {
  return readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
    .map(name => `${folder}/${name}`)
    .filter(name => matching.test(name) && !/node_modules|\/dist\//.test(name))
    .sort();
}

/** The blocks of this language in a Markdown text. */
export function blocksOf(markdown: string, language: string, file: string): Example[] {
  const fences = markdown.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return [...fences].map(({ 1: code = '', index }) => ({
    page: file,
    place: `${file}:${markdown.slice(0, index).split('\n').length}`,
    code,
  }));
}

/** The pages that we write for users: the README and the guides. The page of the guarantees is generated. */
export const pages: readonly string[] = [
  'README.md',
  ...filesOf('docs', /\.md$/).filter(file => file !== 'docs/guarantees.md'),
];

/** Every TypeScript example that a user may copy: from the pages, and from the comments that editors show. */
export function allExamples(): Example[] {
  const papers = [...pages, ...filesOf('lib', /README\.md$/), ...filesOf('sample', /README\.md$/)];
  const sources = filesOf('lib', /(?<!\.spec|\.test-d)\.ts$/);
  return [
    ...papers.flatMap(file => blocksOf(read(file), 'ts', file)),
    ...sources.flatMap(file => blocksOf(commentsOf(read(file)), 'ts', file)),
  ];
}

/** The name of the file that an example is: its first line is a comment that says so, `// app.module.ts`. */
export function fileNameOf({ code }: Example): string | undefined {
  return /^\/\/ ([\w.-]+\.ts)\b/.exec(code)?.[1];
}

/** Whether an example is a program that listens for requests. */
export function isApplication({ code }: Example): boolean {
  return code.includes('app.listen(');
}

/** An application of a page, and what the page says that curl prints. */
export interface Demonstration {
  readonly application: Example;
  readonly transcript: Example;
}

/** Each transcript of a page, with every application that stands between it and the transcript before it. */
export function demonstrationsOf(page: string): Demonstration[] {
  const text = read(page);
  const applications = blocksOf(text, 'ts', page).filter(isApplication);
  let end = 0;
  return blocksOf(text, 'console', page).flatMap(transcript => {
    const begin = end;
    end = lineOf(transcript);
    const shown = applications.filter(example => lineOf(example) > begin && lineOf(example) < end);
    if (shown.length === 0) throw new Error(`no application above the transcript at ${transcript.place}`);
    return shown.map(application => ({ application, transcript }));
  });
}

function lineOf({ place }: Example): number {
  return Number(place.split(':')[1]);
}

/** The doc comments of a source file as Markdown; other lines are empty, so that line numbers stay. */
function commentsOf(source: string): string {
  let isInside = false;
  const lines = source.split('\n').map(line => {
    if (/^\s*\/\*\*/.test(line)) isInside = !line.includes('*/');
    else if (isInside && line.includes('*/')) isInside = false;
    else if (isInside) return line.replace(/^\s*\* ?/, '');
    return '';
  });
  return lines.join('\n');
}

/** What an example may use without importing it. The first module that has a name gives it: `Session` is ours. */
const modules: readonly (readonly [name: string, names: readonly string[]])[] = [
  ['nestjs-http-session', [...Object.keys(library), ...typesOf(read('lib/index.ts'))]],
  ['nestjs-http-session/testing', typesOf(read('lib/testing/index.ts'))],
  ...readdirSync(`${root}lib/stores`).map(
    store => [`nestjs-http-session/stores/${store}`, typesOf(read(`lib/stores/${store}/index.ts`))] as const,
  ),
  [
    '@nestjs/common',
    [
      ...Object.keys(common),
      'ArgumentsHost',
      'CallHandler',
      'CanActivate',
      'ExceptionFilter',
      'ExecutionContext',
      'NestMiddleware',
    ],
  ],
  ['@nestjs/core', Object.keys(core)],
  ['@nestjs/testing', ['Test']],
  ['ioredis', ['Cluster', 'Redis']],
  ['mongodb', ['MongoClient']],
  // Test runners have these as globals.
  ['vitest', ['afterAll', 'beforeAll', 'describe', 'expect', 'it', 'vi']],
];

/** What an example may use without declaring it: the parts of an application that it is not about. */
const surroundings: Readonly<Record<string, string>> = {
  session: `declare const session: import('nestjs-http-session').Session<ReturnType<typeof JSON.parse>>;`,
  sessions: `declare const sessions: import('nestjs-http-session').Sessions;`,
  id: `declare const id: string;`,
  user: `declare const user: { readonly id: string; readonly name: string };`,
  Users: `declare class Users {
    verify(credentials: object): Promise<{ readonly id: string; readonly name: string }>;
    setPassword(userId: string, password: string): Promise<void>;
  }`,
  Credentials: `declare class Credentials { readonly name: string; readonly password: string }`,
  AppModule: `declare class AppModule {}`,
  SettingsModule: `declare class SettingsModule {}`,
  RedisModule: `declare class RedisModule {}`,
  DatabaseModule: `declare class DatabaseModule {}`,
  AppSettings: `declare class AppSettings { readonly sessionDirectory: string }`,
  REDIS: `declare const REDIS: unique symbol;`,
  MONGO: `declare const MONGO: unique symbol;`,
  app: `declare const app: import('@nestjs/common').INestApplication;`,
  MySessionStore: `declare const MySessionStore: new () => import('nestjs-http-session').SessionStore;`,
};

/** The example as a module of its own, with the imports and declarations that it leaves out. */
export function asModule({ code }: Example): string {
  const text = code.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const own = new Set<string>();
  for (const [, names = ''] of text.matchAll(/import\s+(?:type\s+)?\{([^}]*)\}/g)) {
    for (const name of names.split(',')) own.add(name.replace(/.*\bas\b|\btype\b/, '').trim());
  }
  for (const [, name = ''] of text.matchAll(/\b(?:class|const|let|function|interface|type|enum) (\w+)/g)) {
    own.add(name);
  }
  const isMissing = (name: string): boolean =>
    !own.has(name) && new RegExp(`(?<![.\\w'"])${name}\\b`).test(text);
  const imports = modules.flatMap(([module, names]) => {
    const missing = [...new Set(names)].filter(isMissing);
    for (const name of missing) own.add(name);
    return missing.length > 0 ? [`import { ${missing.join(', ')} } from '${module}';`] : [];
  });
  const declarations = Object.entries(surroundings).filter(([name]) => isMissing(name));
  // Handlers without their controller.
  const isBody = /^\s*@(?:Get|Post|Put|Patch|Delete|All)\(/.test(text) && !/\bclass\b/.test(text);
  const body = isBody ? `class Example {\n${code}}\n` : code;
  return [...imports, ...declarations.map(([, declaration]) => declaration), body, 'export {};\n'].join('\n');
}

/** The names that an index file exports, types included. */
function typesOf(index: string): string[] {
  const lists = index.replace(/\/\/.*$/gm, '').matchAll(/export\s+(?:type\s+)?\{([^}]*)\}/g);
  return [...lists].flatMap(([, names = '']) =>
    names
      .split(',')
      .map(name => name.replace(/\btype\b/, '').trim())
      .filter(name => name !== ''),
  );
}
