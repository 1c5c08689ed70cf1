import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

const run = promisify(execFile);
const installed = join(inject('consumer'), 'node_modules');
const DRIVERS: readonly string[] = ['ioredis', 'mongodb'];

let project: string;
const modules = () => join(project, 'node_modules');

/** A project with everything that is installed here, except for the drivers. */
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'nestjs-http-session-drivers-'));
  await mkdir(modules());
  for (const name of await readdir(installed)) {
    if (DRIVERS.includes(name) || name === 'nestjs-http-session') continue;
    await symlink(join(installed, name), join(modules(), name));
  }
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  await cp(join(installed, 'nestjs-http-session'), join(modules(), 'nestjs-http-session'), {
    recursive: true,
  });
});
afterAll(() => rm(project, { recursive: true, force: true }));

/** Installs a package of these files in place of the driver. */
async function install(driver: string, files: Readonly<Record<string, string>>): Promise<void> {
  await remove(driver);
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(modules(), driver, file)), { recursive: true });
    await writeFile(join(modules(), driver, file), text);
  }
}

const remove = (driver: string) => rm(join(modules(), driver), { recursive: true, force: true });

interface Failure {
  readonly name: string;
  readonly message: string;
  readonly cause?: { readonly code?: string; readonly message: string };
}

/** What the first call of a new store is rejected with: `open()` of one, `load()` of another. */
async function failures(entry: string, store: string): Promise<Failure[]> {
  const script = `
    const { ${store} } = require(${JSON.stringify(entry)});
    const plain = ({ name, message, cause }) =>
      ({ name, message, cause: cause && { code: cause.code, message: cause.message } });
    const failure = call => call.then(() => 'it did not fail', plain);
    (async () => {
      const stores = [new ${store}(), new ${store}()];
      const seen = [await failure(stores[0].open()), await failure(stores[1].load('a'.repeat(64)))];
      for (const store of stores) await store.close();
      console.log(JSON.stringify(seen));
    })();`;
  const { stdout } = await run(process.execPath, ['--input-type=commonjs', '--eval', script], {
    cwd: project,
  });
  return JSON.parse(stdout) as Failure[];
}

const STORES = [
  { type: 'redis', driver: 'ioredis', store: 'RedisSessionStore', client: 'Redis' },
  { type: 'mongodb', driver: 'mongodb', store: 'MongoSessionStore', client: 'MongoClient' },
];
// By its name Node gets the ES modules, under `require()` too.
const BUILDS = [
  ['ES modules', (type: string) => `nestjs-http-session/stores/${type}`],
  ['CommonJS', (type: string) => `./node_modules/nestjs-http-session/dist/cjs/stores/${type}/index.js`],
] as const;

describe.each(BUILDS)('the driver of a store, from the build as %s', (build, entryOf) => {
  describe.each(STORES)('$driver', ({ type, driver, store, client }) => {
    const seen = () => failures(entryOf(type), store);
    /** A class whose instances cannot be made: what it says proves that the store has it. */
    const unusable = `class ${client} { constructor() { throw new Error('the driver was loaded'); } }`;

    it('is named with the command that installs it when it is missing', async () => {
      await remove(driver);
      for (const failure of await seen()) {
        expect(failure.name).toBe('StoreRefusedError');
        expect(failure.message).toBe(
          `[session:${type}] the driver "${driver}" is not installed. Run: npm install ${driver}`,
        );
        expect(failure.cause?.code).toMatch(/MODULE_NOT_FOUND$/);
      }
    });

    it('is not said to be missing when it throws while it loads', async () => {
      await install(driver, { 'index.js': `throw new Error('no such CPU');` });
      for (const { message, cause } of await seen()) {
        expect(message).toBe(
          `[session:${type}] the driver "${driver}" is installed, but it fails while it loads. The cause says why.`,
        );
        expect(cause?.message).toBe('no such CPU');
      }
    });

    it('is not said to be missing when a package that it needs is', async () => {
      await install(driver, { 'index.js': `require('a-package-of-the-driver');` });
      for (const { message, cause } of await seen()) {
        expect(message).toContain('is installed, but it fails while it loads');
        expect(cause?.message).toContain(`'a-package-of-the-driver'`);
      }
    });

    it('may be CommonJS or ES modules', async () => {
      const manifest = JSON.stringify({ name: driver, type: 'module', main: 'index.js' });
      const kinds: Readonly<Record<string, string>>[] = [
        { 'index.js': `exports.${client} = ${unusable};` },
        { 'package.json': manifest, 'index.js': `export ${unusable}` },
      ];
      for (const files of kinds) {
        await install(driver, files);
        const [{ cause, message } = { message: '' }] = await seen();
        expect(message).toContain('the "url" cannot be used');
        expect(cause?.message).toBe('the driver was loaded');
      }
    });

    it('may be in the bundle of an application, where it is not installed', async () => {
      await install(driver, { 'index.js': `exports.${client} = ${unusable};` });
      await writeFile(
        join(project, 'store.js'),
        `export { ${store} } from ${JSON.stringify(entryOf(type))};`,
      );
      const { build: bundle } = await import('vite');
      const others = (await readdir(modules())).filter(
        name => name !== driver && name !== 'nestjs-http-session',
      );
      await bundle({
        configFile: false,
        logLevel: 'silent',
        root: project,
        build: { ssr: 'store.js', outDir: 'bundle', target: 'node20', emptyOutDir: true },
        ssr: { noExternal: true, external: others },
      });
      await remove(driver);
      const [{ cause, message } = { message: '' }] = await failures('./bundle/store.js', store);
      expect(message).toContain('the "url" cannot be used');
      expect(cause?.message).toBe('the driver was loaded');
    });

    // The CommonJS build is for Jest and other tools that cannot import() without a flag.
    if (build === 'CommonJS') return;

    it('may be one that require() refuses', async () => {
      const asynchronous = `await null; export ${unusable}`;
      const named = { name: driver, type: 'module' };
      for (const manifest of [
        { ...named, main: 'index.js' },
        { ...named, exports: { import: './index.js' } },
      ]) {
        await install(driver, { 'package.json': JSON.stringify(manifest), 'index.js': asynchronous });
        const [{ cause, message } = { message: '' }] = await seen();
        expect(message).toContain('the "url" cannot be used');
        expect(cause?.message).toBe('the driver was loaded');
      }
    });
  });
});
