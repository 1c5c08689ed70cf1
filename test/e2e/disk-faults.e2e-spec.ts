import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildLib, type BuiltLib } from '../support/built-lib.js';
import { platforms } from '../support/platforms.js';
import { me, NO_SESSION, returning, startScriptedApp, visitor } from '../support/scripts.js';
import { startAppProcess, type AppProcess } from '../support/session-app-processes.js';
import type { RunningApp } from '../support/start-app.js';

const login = returning(async session => session.login('alice'));
const write = returning(session => void (session['late'] = true));
const untouched = returning(() => ({ ok: true }));

let parent: string;
let lib: BuiltLib;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'nestjs-http-session-'));
  lib = buildLib();
});
afterAll(async () => {
  lib.dispose();
  await rm(parent, { recursive: true, force: true });
});

// A disk that cannot be written to answers as one that is full does: lib/stores/filesystem/files.spec.ts.
describe.each(platforms)('a directory that is gone on $name over filesystem', platform => {
  const directory = (): string => join(parent, `gone-${platform.name}`);
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform, {
      backend: { type: 'filesystem', directory: directory() },
    });
  });
  afterAll(() => running.close());

  it('is a 503 and never "logged out", costs other routes nothing, and works again when it is back', async () => {
    const alice = await visitor(running, {}, 'alice');
    const { cookie } = alice;
    await rename(directory(), `${directory()}-away`);
    for (const path of ['/me', write, login]) {
      const answer = await alice.get(path);
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(answer.setCookies).toEqual([]);
    }
    expect((await alice.get(untouched)).json()).toEqual({ ok: true });
    await rename(`${directory()}-away`, directory());
    expect(alice.cookie).toBe(cookie);
    expect(await me(alice)).toEqual({ user: 'alice', data: {} });
    expect((await alice.get(write)).status).toBe(200);
    expect(await me(alice)).toEqual({ user: 'alice', data: { late: true } });
  });
});

describe.each(platforms)('a disk without room on $name over filesystem', platform => {
  let app: AppProcess;
  beforeAll(async () => {
    const options = { type: 'filesystem', directory: join(parent, `full-${platform.name}`) } as const;
    app = await startAppProcess(lib, platform.name, options, { limits: '-f 16' });
  });
  afterAll(async () => {
    app.process.kill();
    await app.ended;
  });

  it('a change that needs room is a 503, and existing sessions can be read and ended', async () => {
    const browser = app.browser();
    await browser.get('/login/alice');
    const written: Record<string, string> = {};
    let refused;
    for (let i = 0; !refused && i < 1_000; i++) {
      const key = `${i}`.padStart(80, '0');
      const answer = await browser.get(`/set/${key}`);
      if (answer.status === 200) written[key] = key;
      else refused = answer;
    }
    expect(refused?.status).toBe(503);
    expect(refused?.setCookies).toEqual([]);
    expect((await browser.get('/me')).json()).toMatchObject({ user: 'alice', data: written });
    const before = browser.copy();
    expect((await browser.get('/logout')).status).toBe(200);
    expect((await before.get('/me')).json()).toEqual(NO_SESSION);
    expect(app.complaints).toEqual([]);
  });
});
