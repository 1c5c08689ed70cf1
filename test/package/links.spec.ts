import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, inject, it } from 'vitest';

const unpacked = join(inject('consumer'), 'node_modules/nestjs-http-session');
const files = await readdir(unpacked, { recursive: true });
const pages = files.filter(file => file.endsWith('.md') && !file.startsWith('dist/'));

const withoutCode = (text: string): string => text.replace(/```[\s\S]*?```|`[^`\n]*`/g, '');

/** The targets of all links and pictures of a page. */
function linksOf(text: string): string[] {
  const inline = withoutCode(text).matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g);
  const reference = withoutCode(text).matchAll(/^\[[^\]]+\]:\s*(\S+)/gm);
  return [...inline, ...reference].map(([, target = '']) => target);
}

/** The anchors of a page, as GitHub and npm name its headings. */
function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading = ''] of text.replace(/```[\s\S]*?```/g, '').matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return anchors;
}

/** The links that lead nowhere for a reader who has the package alone. */
async function brokenLinksOf(page: string): Promise<string[]> {
  const broken: string[] = [];
  for (const link of linksOf(await readFile(join(unpacked, page), 'utf8'))) {
    if (/^[a-z]+:/i.test(link)) continue;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? join(unpacked, page) : resolve(unpacked, dirname(page), path);
    if (!existsSync(target)) broken.push(`${link} (no such file in the package)`);
    else if (anchor !== undefined && !anchorsOf(await readFile(target, 'utf8')).has(anchor)) {
      broken.push(`${link} (no such heading)`);
    }
  }
  return broken;
}

describe('links in the published pages', () => {
  it('there are pages, and links in them', async () => {
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'SECURITY.md']));
    expect(linksOf(await readFile(join(unpacked, 'README.md'), 'utf8')).length).toBeGreaterThan(5);
  });

  it.each(pages)('%s links to files of the package and to absolute addresses alone', async page => {
    expect(await brokenLinksOf(page)).toEqual([]);
  });
});

describe('the manifest', () => {
  it('says where the project is, where to report a bug, and who made it', async () => {
    const manifest = JSON.parse(await readFile(join(unpacked, 'package.json'), 'utf8')) as {
      homepage?: string;
      bugs?: string;
      author?: string;
      repository?: { type: string; url: string };
    };
    const project = 'https://github.com/nestjs-http-session/nestjs-http-session';
    expect(manifest.homepage).toContain(project);
    expect(manifest.bugs).toBe(`${project}/issues`);
    expect(manifest.repository).toEqual({ type: 'git', url: `git+${project}.git` });
    expect(manifest.author).toBeTruthy();
  });
});
