import { mkdtemp, rm } from 'node:fs/promises';
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
    abilities: ['index', 'prune', 'ping', 'open', 'close'],
  });
  for (const { name, run } of cases) it(name, run);
});
