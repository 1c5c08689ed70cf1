import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { errorOf, printed } from '../../../test/support/redis-records.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { assertVersion } from './collection-set-up.js';
import { makeClient } from './mongodb-client.js';

const run = promisify(execFile);

describe('the client that the store makes', () => {
  it('waits 2 s for a server, a connection and an answer, and 1 s for each answer while it connects', async () => {
    const { options } = await makeClient('mongodb://localhost:27017');
    expect(options).toMatchObject({
      serverSelectionTimeoutMS: 2_000,
      waitQueueTimeoutMS: 2_000,
      connectTimeoutMS: 1_000,
      socketTimeoutMS: 2_000,
      appName: 'nestjs-http-session',
    });
  });

  it('takes what the connection string says instead, in any case', async () => {
    const url = 'mongodb://localhost/?SocketTimeoutms=700&appName=shop&serverSelectionTimeoutMS=800';
    const { options } = await makeClient(url);
    expect(options).toMatchObject({
      socketTimeoutMS: 700,
      appName: 'shop',
      serverSelectionTimeoutMS: 800,
      connectTimeoutMS: 1_000,
    });
  });

  it.each([
    'mongodb://zoe:open-sesame@host:port/',
    'mongodb://zoe:open-sesame@:27017/?bad',
    'mongodb://zoe:open-sesame@host/?replicaSet=',
    'mongodb://zoe:open-sesame@host/?noSuchOption=1',
    'mongodb+srv://zoe:open-sesame@host1,host2/',
    'mongodb://zoe:open-sesame@sesame@host/',
  ])('%s is refused, without the password in whatever a log prints', async url => {
    const error = await errorOf(makeClient(url));
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(printed(error)).not.toContain('sesame');
  });

  it('says which package to install when the driver is missing', async () => {
    const { build } = await import('vite');
    const folder = await mkdtemp(join(tmpdir(), 'nestjs-http-session-'));
    try {
      const result = await build({
        configFile: false,
        logLevel: 'silent',
        build: {
          write: false,
          ssr: new URL('./index.ts', import.meta.url).pathname,
          target: 'node20',
          rolldownOptions: { external: ['mongodb'] },
        },
      });
      await writeFile(join(folder, 'store.mjs'), 'output' in result ? result.output[0].code : '');
      const script = `
        import { MongoSessionStore } from './store.mjs';
        const store = new MongoSessionStore();
        for (const call of [() => store.open(), () => store.load('a'.repeat(64))])
          await call().catch(error => console.log(error.name, error.message));
        await store.close();`;
      await writeFile(join(folder, 'main.mjs'), script);
      // Looked for where nothing is installed, wherever the folder for temporary files is.
      const hooks = `export const resolve = (name, context, next) =>
        next(name, name === 'mongodb' ? { ...context, parentURL: 'file:///nowhere.mjs' } : context);`;
      await writeFile(join(folder, 'hooks.mjs'), hooks);
      const start = `import { register } from 'node:module';
        register('./hooks.mjs', import.meta.url);
        await import('./main.mjs');`;
      await writeFile(join(folder, 'start.mjs'), start);
      const { stdout } = await run(process.execPath, [join(folder, 'start.mjs')]);
      const line =
        'StoreRefusedError [session:mongodb] the driver "mongodb" is not installed. Run: npm install mongodb';
      expect(stdout.trim().split('\n')).toEqual([line, line]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

// Servers that old cannot be had next to a current one; they say what they are in the answer to one command.
const serverOf = (hello: () => Promise<object>) => ({ command: hello });

describe('a server that is too old', () => {
  it.each([
    ['4.4', async () => ({ maxWireVersion: 9 })],
    [
      'one that does not know the question',
      () => Promise.reject(Object.assign(new Error('no such command'), { code: 59 })),
    ],
    ['one that says nothing', async () => ({})],
  ])('%s is refused', async (_, hello) => {
    await expect(assertVersion(serverOf(hello))).rejects.toThrow(StoreRefusedError);
    await expect(assertVersion(serverOf(hello))).rejects.toThrow('older than MongoDB 5.0');
  });

  it('5.0 will do, and no answer is no refusal', async () => {
    await assertVersion(serverOf(async () => ({ maxWireVersion: 13 })));
    const gone = assertVersion(serverOf(() => Promise.reject(new Error('connection closed'))));
    await expect(gone).rejects.toThrow('connection closed');
  });
});
