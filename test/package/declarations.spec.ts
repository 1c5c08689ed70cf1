import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';

const unpacked = join(inject('consumer'), 'node_modules/nestjs-http-session');

/** The packages that a declaration file mentions, itself or through the files that it imports. */
async function packagesOf(file: string, seen = new Set<string>()): Promise<Set<string>> {
  const packages = new Set<string>();
  if (seen.has(file)) return packages;
  seen.add(file);
  const text = (await readFile(file, 'utf8')).replace(/\/\*[\s\S]*?\*\//g, '');
  for (const [, from = ''] of text.matchAll(
    /(?:from\s+|import\s*\(?\s*|<reference types=)["']([^"']+)["']/g,
  )) {
    if (from.startsWith('.')) {
      const next = await packagesOf(join(dirname(file), from.replace(/\.js$/, '.d.ts')), seen);
      for (const name of next) packages.add(name);
    } else packages.add(from.split('/', from.startsWith('@') ? 2 : 1).join('/'));
  }
  return packages;
}

describe.each(['dist', 'dist/cjs'])('the declarations of %s', build => {
  it('mention at the root no package that a user may not have: no driver, above all', async () => {
    const manifest = JSON.parse(await readFile(join(unpacked, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
      peerDependencies: Record<string, string>;
      peerDependenciesMeta: Record<string, { optional: boolean }>;
    };
    const optional = Object.keys(manifest.peerDependenciesMeta);
    expect(optional).toEqual(expect.arrayContaining(['ioredis', 'mongodb']));
    const installed = [
      ...Object.keys(manifest.dependencies),
      ...Object.keys(manifest.peerDependencies).filter(name => !optional.includes(name)),
      ...builtinModules.flatMap(name => [name, `node:${name}`]),
    ];
    const mentioned = await packagesOf(join(unpacked, build, 'index.d.ts'));
    expect([...mentioned]).toContain('@nestjs/common');
    expect([...mentioned].filter(name => !installed.includes(name))).toEqual([]);
  });
});
