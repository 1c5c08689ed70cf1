import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser.js';
import { Samples, type RunningSample } from './running-sample.js';

describe('the typed session, sample 03-typed-session', () => {
  let samples: Samples;
  let api: RunningSample;
  beforeAll(async () => {
    samples = await Samples.copy();
    api = await samples.start('03-typed-session');
  });
  afterAll(() => samples.dispose());

  it('gives one key to a pipe, and the session to a service', async () => {
    const browser = new Browser(api.url);
    expect((await browser.get('/language')).json()).toEqual({ language: 'en' });
    expect((await browser.get('/hello')).json()).toEqual({ greeting: 'Hello, stranger' });
    expect(browser.cookies.size).toBe(0);
    expect((await browser.request('PUT', '/language', { body: { language: 'eo' } })).status).toBe(200);
    expect((await browser.request('PUT', '/language', { body: { language: 'tlh' } })).status).toBe(400);
    expect((await browser.get('/language')).json()).toEqual({ language: 'eo' });
    expect((await browser.get('/hello')).json()).toEqual({ greeting: 'Saluton, stranger' });
  });

  it('lets a guard read the session, and keeps a Date a Date', async () => {
    const browser = new Browser(api.url);
    expect((await browser.get('/drafts')).status).toBe(403);
    expect((await browser.post('/sign-in', { name: 'Ada', role: 'reader' })).status).toBe(204);
    expect((await browser.get('/drafts')).status).toBe(403);
    await browser.post('/sign-in', { name: 'Ada', role: 'editor' });
    expect((await browser.post('/drafts', { text: 'First' })).json()).toEqual({ count: 1 });
    expect((await browser.get('/drafts')).json()).toEqual([
      { text: 'First', year: new Date().getFullYear() },
    ]);
    const taken = await Promise.all([1, 2, 3].map(() => browser.request('DELETE', '/drafts')));
    expect(taken.map(answer => answer.json<unknown[]>().length).sort()).toEqual([0, 0, 1]);
    await browser.post('/sign-out');
    expect((await browser.get('/drafts')).status).toBe(403);
  });

  it('refuses a sign-in without a name or with an unknown role', async () => {
    const browser = new Browser(api.url);
    expect((await browser.post('/sign-in', { role: 'editor' })).status).toBe(400);
    expect((await browser.post('/sign-in', { name: 'Ada', role: 'owner' })).status).toBe(400);
    expect(browser.cookies.size).toBe(0);
  });

  it('tells TypeScript what a session holds: a wrong value does not compile', async () => {
    const file = join(samples.folder, 'sample/03-typed-session/src/wrong.ts');
    await writeFile(
      file,
      `import type { Session } from 'nestjs-http-session';
       export function wrong(session: Session): void {
         session.role = 'owner';
         session.langage = 'en';
       }`,
    );
    const tsc = join(samples.folder, '../node_modules/typescript/bin/tsc');
    const output = await new Promise<string>(resolve => {
      execFile(
        process.execPath,
        [tsc, '--noEmit', '-p', 'sample/tsconfig.build.json'],
        { cwd: samples.folder },
        (_, out) => resolve(out),
      );
    });
    expect(output).toMatch(/wrong\.ts\(3,.*'"owner"' is not assignable/);
    expect(output).toMatch(/wrong\.ts\(4,.*'langage' does not exist/);
    expect(output.match(/error TS/g)).toHaveLength(2);
  });
});
