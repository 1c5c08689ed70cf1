import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { Browser } from '../support/browser.js';
import { MemorySessionStore } from '../../lib/stores/memory/index.js';
import { sessionStoreCases } from '../../lib/testing/index.js';
import {
  allExamples,
  asModule,
  blocksOf,
  demonstrationsOf,
  fileNameOf,
  isApplication,
  pages,
  read,
  root,
  type Demonstration,
  type Example,
} from './documentation.js';
import { hasCurl, standIn, stepsOf, type } from './transcript.js';
import { freePort } from '../support/free-port.js';

// Every example of the documentation is compiled against the packed package. Applications are started and asked with
// the curl commands that follow them, specs are run, and stores have to pass the cases of their contract.

vi.setConfig({ testTimeout: 60_000 }); // each application is a process of its own

const tsc = join(root, 'node_modules/typescript/bin/tsc');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');

/** The options of a project that `nest new` made, and no others. */
const compilerOptions = {
  target: 'ES2022',
  module: 'NodeNext',
  moduleResolution: 'NodeNext',
  types: ['node'],
  strict: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  rootDir: 'src',
  outDir: 'dist',
};

/** An example, and the file that it is written to: examples of one page can import each other. */
type PlacedExample = Example & { readonly file: string };

const examples: readonly PlacedExample[] = allExamples().map((example, index) => ({
  ...example,
  file: `${example.page.replace(/\W+/g, '-')}/${fileNameOf(example) ?? `example${index}.ts`}`,
}));
const fileOf = ({ place }: Example): string => examples.find(example => example.place === place)!.file;

let project: string;
let complaints: string[];

beforeAll(async () => {
  project = await mkdtemp(join(inject('consumer'), 'documentation-'));
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  for (const example of examples) await addFile(example.file, asModule(example));
  await addFile('README-md/app.module.ts', moduleOf(readme!.application));
  await writeFile(join(project, 'vitest.config.mjs'), 'export default {};');
  complaints = (await compile()).split('\n').filter(line => line !== '' && !line.startsWith(' '));
});
afterAll(() => rm(project, { recursive: true }));

async function addFile(name: string, code: string): Promise<void> {
  const file = join(project, 'src', name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, code);
}

/** The messages of the compiler. */
async function compile(): Promise<string> {
  return new Promise(resolve => {
    execFile(process.execPath, [tsc, '-p', project], { cwd: project }, (_, stdout) => resolve(stdout));
  });
}

const [readme] = demonstrationsOf('README.md');
/** The application without its last lines, which start it: what another `main.ts` can import. */
function moduleOf({ code }: Example): string {
  return code.replace(/^const app = [\s\S]*/m, '').replace(/^class AppModule/m, 'export class AppModule');
}

describe('every example compiles against the packed package', () => {
  it.each(examples)('$place', ({ file, code }) => {
    expect(
      complaints.filter(line => line.startsWith(`src/${file}(`)),
      code,
    ).toEqual([]);
  });

  it('and nothing else went wrong', () => {
    expect(complaints).toEqual([]);
  });

  it('no two examples are the same file', () => {
    expect(new Set(examples.map(({ file }) => file)).size).toBe(examples.length);
  });

  it.each(examples.filter(isApplication))('the application at $place imports all that it uses', example => {
    const added = asModule(example)
      .split('\n')
      .filter(line => line.startsWith('import ') && !example.code.includes(line));
    expect(added).toEqual([]);
  });
});

describe('applications answer as their page says', () => {
  const demonstrations = pages.flatMap(demonstrationsOf);

  it('there are some', () => {
    expect(demonstrations.length).toBeGreaterThan(1);
  });

  it.skipIf(!hasCurl).each(demonstrations)('$transcript.place', async demonstration => {
    const { application, transcript } = demonstration;
    await expectToPrint(fileOf(application), transcript);
  });
});

describe('the application of the README', () => {
  it('has no more than 25 lines of code', () => {
    const lines = readme!.application.code.split('\n').filter(line => line.trim() !== '');
    expect(lines.length).toBeLessThanOrEqual(25);
  });

  it.skipIf(!hasCurl)('prints the same with the main.ts for Fastify', async () => {
    await expectToPrint('README-md/main.ts', readme!.transcript);
  });

  const clients = [
    {
      name: 'curl',
      isThere: hasCurl,
      ask: (command: string, { cwd, url }: Running) => type(command, cwd, url),
    },
    {
      name: 'fetch',
      isThere: true,
      ask: (command: string, { browser }: Running) => standIn(command, browser),
    },
  ];
  describe.each(clients)('asked by $name', ({ isThere, ask }) => {
    it.skipIf(!isThere)('prints what the README says, and goes on after a kill -9', async () => {
      const { transcript, application }: Demonstration = readme!;
      const steps = stepsOf(transcript.code);
      expect(steps.length).toBeGreaterThan(4);
      const cwd = await mkdtemp(join(project, 'run-'));
      const first = await start(fileOf(application), cwd);
      for (const { command, expected } of steps) expect(await ask(command, first), command).toBe(expected);
      await first.stop();
      const second = await start(fileOf(application), cwd, { visitor: first.browser });
      const { command, expected } = steps.at(-1)!;
      const before = JSON.parse(expected) as { views: number };
      expect(JSON.parse(await ask(command, second))).toEqual({ ...before, views: before.views + 1 });
      await second.stop();
    });
  });
});

describe('docs/debugging.md', () => {
  const page = 'docs/debugging.md';

  it.skipIf(!hasCurl)('shows the lines that NODE_DEBUG brings', async () => {
    const [demonstration] = demonstrationsOf(page);
    const [lines] = blocksOf(read(page), 'text', page);
    const running = await start(fileOf(demonstration!.application), await mkdtemp(join(project, 'run-')), {
      debug: true,
    });
    for (const { command } of stepsOf(demonstration!.transcript.code)) {
      await type(command, running.cwd, running.url);
    }
    await running.stop();
    expect(running.errors().replace(/^NESTJS-HTTP-SESSION \d+: /gm, '')).toBe(lines!.code);
  });
});

/** Runs a command in the project. */
async function inProject(...parameters: string[]): Promise<{ code: unknown; output: string }> {
  // The runner would take vitest's environment for its own.
  const { NODE_ENV: _, VITEST: __, NODE_OPTIONS: ___, ...env } = process.env;
  return new Promise(resolve => {
    execFile(process.execPath, parameters, { cwd: project, env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}

const compiled = (file: string): string => `dist/${file.replace(/\.ts$/, '.js')}`;

describe('the specs of docs/testing.md', () => {
  const specs = examples.filter(({ file }) => /^docs-testing-md.*\.spec\.ts$/.test(file));

  it('pass', async () => {
    expect(specs.length).toBeGreaterThan(1);
    const files = specs.map(({ file }) => compiled(file));
    const { code, output } = await inProject(vitest, 'run', '--root', project, '--reporter=json', ...files);
    expect(code, output).toBe(0);
    const tests = specs.flatMap(({ code: text }) => text.match(/^ *it\(/gm) ?? []);
    expect(output).toContain(`"numPassedTests":${tests.length},`);
  });
});

describe('the store of docs/custom-store.md', () => {
  const folder = 'docs-custom-store-md';
  const { length } = sessionStoreCases({
    create: () => new MemorySessionStore(),
    abilities: ['index', 'prune'],
  });

  it('passes the kit under Vitest', async () => {
    const spec = compiled(`${folder}/my-session.store.spec.ts`);
    const { code, output } = await inProject(vitest, 'run', '--root', project, '--reporter=json', spec);
    expect(code, output).toBe(0);
    expect(output).toContain(`"numPassedTests":${length},`);
  });

  it('passes the kit under node --test', async () => {
    const test = compiled(`${folder}/my-session.store.test.ts`);
    const { code, output } = await inProject('--test', '--test-reporter=tap', test);
    expect(code, output).toBe(0);
    expect(output).toContain(`\n# pass ${length}\n`);
  });

  it('is the store of the sample', () => {
    const { code } = examples.find(({ file }) => file === `${folder}/my-session.store.ts`)!;
    expect(read('sample/06-custom-store/src/my-session.store.ts')).toBe(code);
  });
});

// --- an application in a process of its own -------------------------------------------------------------------------

interface Running {
  readonly url: string;
  readonly cwd: string;
  readonly browser: Browser;
  /** The text that the application wrote to stderr. */
  errors(): string;
  stop(): Promise<void>;
}

async function expectToPrint(file: string, transcript: Example): Promise<void> {
  const running = await start(file, await mkdtemp(join(project, 'run-')));
  try {
    const steps = stepsOf(transcript.code);
    expect(steps.length).toBeGreaterThan(0);
    for (const { command, expected } of steps) {
      expect(await type(command, running.cwd, running.url), command).toBe(expected);
    }
  } finally {
    await running.stop();
  }
}

interface StartOptions {
  /** The browser that comes back to the application. */
  readonly visitor?: Browser;
  readonly debug?: boolean;
}

async function start(file: string, cwd: string, { visitor, debug }: StartOptions = {}): Promise<Running> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const app = spawn(process.execPath, [join(project, 'dist', file.replace(/\.ts$/, '.js'))], {
    cwd,
    env: { ...process.env, NODE_ENV: '', PORT: String(port), NODE_DEBUG: debug ? 'nestjs-http-session' : '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  app.stderr.on('data', data => (errors += String(data)));
  // An application prints nothing when it listens, so try to connect until it accepts.
  while (!hasEnded(app) && !(await accepts(port))) await setTimeout(20);
  if (hasEnded(app)) throw new Error(`${file} ended before it listened: ${errors}`);
  return {
    url,
    cwd,
    browser: visitor?.copy(url) ?? new Browser(url),
    errors: () => errors,
    async stop() {
      if (hasEnded(app)) return;
      const closed = once(app, 'close');
      app.kill('SIGKILL');
      await closed;
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
