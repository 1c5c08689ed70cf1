import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Browser } from '../support/browser.js';
import { allExamples, asModule, blocksOf, read, root } from './documentation.js';
import { hasCurl, standIn, stepsOf, type } from './transcript.js';

const tsc = join(root, 'node_modules/typescript/bin/tsc');
const readme = read('README.md');

/** What `nest new` and our README ask of a project. */
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
};

/** A project beside the packed package, with these files. */
async function projectWith(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(inject('consumer'), 'readme-'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  await mkdir(join(folder, 'src'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, 'src', name), text);
  return folder;
}

/** What the compiler has to say. */
async function compile(project: string, ...options: string[]): Promise<string> {
  return new Promise(resolve => {
    execFile(process.execPath, [tsc, '-p', project, ...options], { cwd: project }, (_, stdout) =>
      resolve(stdout),
    );
  });
}

describe('every example compiles against the packed package', () => {
  const examples = allExamples().map((example, index) => ({ ...example, file: `example${index}.ts` }));
  let output: string[];
  beforeAll(async () => {
    const files = Object.fromEntries(examples.map(example => [example.file, asModule(example)]));
    const project = await projectWith(files);
    output = (await compile(project, '--noEmit')).split('\n');
    await rm(project, { recursive: true });
  });

  it.each(examples)('$place', ({ file, code }) => {
    expect(
      output.filter(line => line.startsWith(`src/${file}(`)),
      code,
    ).toEqual([]);
  });

  it('and nothing else went wrong', () => {
    expect(
      output.filter(line => line !== '' && !line.startsWith('src/example') && !line.startsWith(' ')),
    ).toEqual([]);
  });
});

describe('the application of the README', () => {
  const [application] = blocksOf(readme, 'ts', 'README.md');
  const [transcript] = blocksOf(readme, 'console', 'README.md');
  const steps = stepsOf(transcript!.code);
  let project: string;
  let complaints: string;
  let app: ChildProcess | undefined;
  let url: string;

  beforeAll(async () => {
    project = await projectWith({ 'main.ts': application!.code });
    complaints = await compile(project, '--outDir', 'dist');
  });
  afterAll(async () => {
    await stop();
    await rm(project, { recursive: true });
  });

  async function start(cwd: string): Promise<void> {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    app = spawn(process.execPath, [join(project, 'dist/main.js')], {
      cwd,
      env: { ...process.env, NODE_ENV: '', PORT: String(port) },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    // It has nothing to say when it listens, so we knock until somebody opens.
    while (!hasEnded(app) && !(await accepts(port))) await setTimeout(20);
    if (hasEnded(app)) throw new Error('the application ended before it listened');
  }

  async function stop(): Promise<void> {
    if (!app || hasEnded(app)) return;
    const closed = once(app, 'exit');
    app.kill('SIGKILL');
    await closed;
  }

  it('compiles, has no more than 25 lines of code, and says with curl what it does', () => {
    expect(application!.code.split('\n').filter(line => line.trim() !== '').length).toBeLessThanOrEqual(25);
    expect(steps.length).toBeGreaterThan(4);
    expect(complaints).toBe('');
  });

  const clients = [
    { name: 'curl', isThere: hasCurl, ask: (command: string, cwd: string) => type(command, cwd, url) },
    {
      name: 'fetch',
      isThere: true,
      ask: (command: string, _: string, browser: Browser) => standIn(command, browser),
    },
  ];
  describe.each(clients)('asked by $name', ({ isThere, ask }) => {
    it.skipIf(!isThere)('prints what the README says, and goes on after a kill -9', async () => {
      const cwd = await mkdtemp(join(project, 'run-'));
      await start(cwd);
      const browser = new Browser(url);
      for (const { command, expected } of steps) {
        expect(await ask(command, cwd, browser), command).toBe(expected);
      }
      await stop();
      await start(cwd);
      const { command, expected } = steps.at(-1)!;
      const again = { ...(JSON.parse(expected) as { views: number }) };
      expect(JSON.parse(await ask(command, cwd, browser.copy(url)))).toEqual({
        ...again,
        views: again.views + 1,
      });
      await stop();
    });
  });
});

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
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
