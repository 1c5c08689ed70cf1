import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { sessionStoreCases } from '../../testing/index.js';
import { FileSessionStore } from './index.js';

let root: string;
const directories = new WeakMap<object, string>();
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'nestjs-http-session-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function storeIn(directory: string): FileSessionStore {
  const store = new FileSessionStore({ directory });
  directories.set(store, directory);
  return store;
}

describe('FileSessionStore keeps the contract', () => {
  const cases = sessionStoreCases({
    create: async () => storeIn(join(await mkdtemp(join(root, 'store-')), 'sessions')),
    peer: async store => storeIn(directories.get(store) as string),
    stranger: async store => storeIn(`${directories.get(store)}-other`),
    damage: async (store, id) => {
      const directory = directories.get(store) as string;
      await writeFile(join(directory, 'sessions', id[0]!, id[1]!, id), 'not a journal');
    },
    refused: async () => {
      const file = join(await mkdtemp(join(root, 'store-')), 'file');
      await writeFile(file, '');
      return storeIn(join(file, 'sessions'));
    },
    abilities: ['index', 'prune', 'ping', 'open', 'close'],
  });
  for (const { name, run } of cases) it(name, run);
});
