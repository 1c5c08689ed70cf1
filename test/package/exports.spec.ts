import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, inject, it } from 'vitest';

const run = promisify(execFile);
const consumer = inject('consumer');
const unpacked = join(consumer, 'node_modules/nestjs-http-session');
const stores = readdirSync(fileURLToPath(new URL('../../lib/stores', import.meta.url)));
const entries = [
  'nestjs-http-session',
  'nestjs-http-session/testing',
  ...stores.map(name => `nestjs-http-session/stores/${name}`),
];

/** The JSON that a script prints, run by this very Node beside the unpacked package. */
async function inNode<T>(script: string): Promise<T> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: consumer,
  });
  return JSON.parse(stdout) as T;
}

const header = `import { createRequire } from 'node:module'; const require = createRequire(process.cwd() + '/');`;

describe('the exports map', () => {
  it('has a store for every folder of lib/stores, and there are some', () => {
    expect(stores.length).toBeGreaterThan(0);
  });

  it.each(entries)('%s gives import and require one and the same instance', async entry => {
    const { names, different } = await inNode<{ names: string[]; different: string[] }>(`${header}
      const imported = await import('${entry}');
      const required = require('${entry}');
      const names = Object.keys(imported);
      const different = names.filter(name => imported[name] !== required[name]);
      console.log(JSON.stringify({ names, different }));`);
    expect(names.length).toBeGreaterThan(0);
    expect(different).toEqual([]);
  });

  it.each(entries)(
    '%s has a CommonJS build with the same names, for tools without module-sync',
    async entry => {
      const file = join(unpacked, 'dist/cjs', entry.replace('nestjs-http-session', ''), 'index.js');
      const { missing } = await inNode<{ missing: string[] }>(`${header}
      const imported = await import('${entry}');
      const built = require(${JSON.stringify(file)});
      const missing = Object.keys(imported).filter(name => typeof built[name] !== typeof imported[name]);
      console.log(JSON.stringify({ missing }));`);
      expect(missing).toEqual([]);
    },
  );

  it('the CommonJS build never reaches for ES modules: Jest cannot import() without a flag', async () => {
    const files = (await readdir(join(unpacked, 'dist/cjs'), { recursive: true })).filter(f =>
      f.endsWith('.js'),
    );
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const text = await readFile(join(unpacked, 'dist/cjs', file), 'utf8');
      const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
      expect(code, file).not.toMatch(/\bimport\(|^import |^export /m);
    }
  });

  it('a file that is not exported cannot be imported', async () => {
    const { code } = await inNode<{ code: string }>(
      `import('nestjs-http-session/dist/index.js').then(() => ({ code: 'none' }), ({ code }) => ({ code })).then(x => console.log(JSON.stringify(x)));`,
    );
    expect(code).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it.each(stores)(
    'stores/%s has declarations for both formats and for moduleResolution node10',
    async store => {
      const { typesVersions } = JSON.parse(await readFile(join(unpacked, 'package.json'), 'utf8')) as {
        typesVersions: { '*': { 'stores/*': [string] } };
      };
      const [node10] = typesVersions['*']['stores/*'];
      expect(existsSync(join(unpacked, node10.replace('*', store)))).toBe(true);
      expect(existsSync(join(unpacked, `dist/stores/${store}/index.d.ts`))).toBe(true);
    },
  );
});

describe('the packed package', () => {
  it('holds the two builds and the papers, and nothing of the tests', async () => {
    const files = await readdir(unpacked, { recursive: true });
    const top = new Set(files.map(file => file.split('/')[0]));
    expect([...top].sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist',
      'docs',
      'package.json',
    ]);
    expect(files.filter(file => /spec|test-d|\.tsbuildinfo/.test(file))).toEqual([]);
  });

  it('its source maps carry the source, as lib/ is not published', async () => {
    const map = JSON.parse(await readFile(join(unpacked, 'dist/index.js.map'), 'utf8')) as {
      sourcesContent?: string[];
    };
    expect(map.sourcesContent?.[0]).toContain('export');
  });
});
