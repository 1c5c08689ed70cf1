// A process with limited resources: node file-store-limits.mjs <built lib> <directory> size|handles
// It uses FileSessionStore under a limit that the shell has set, and prints the results for the test.
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , lib, directory, job] = process.argv;
const { FileSessionStore } = await import(pathToFileURL(join(lib, 'stores/filesystem/index.js')).href);
const store = new FileSessionStore({ directory });
const now = 1_700_000_000_000;
const moments = { expiresAt: now + 3_600_000, lastSeenAt: now };
const id = 'e5'.repeat(32);
const change = text => ({ set: { 'd:n': text }, delete: [], ...moments });
store.create(id, { ...moments, meta: 'm', data: { 'd:n': '0' } });

function size() {
  let last = '0';
  let refused;
  for (let i = 1; refused === undefined; i++) {
    const text = 'x'.repeat(i * 37);
    try {
      if (store.update(id, change(text), now) === 'done') last = text;
    } catch (error) {
      refused = `${error.name} ${['EFBIG', 'ENOSPC'].includes(error.code) ? 'EFBIG or ENOSPC' : error.code}`;
    }
  }
  const isOldVersion = store.load(id).data['d:n'] === last;
  const touched = store.touch(id, { expiresAt: moments.expiresAt + 5, lastSeenAt: now }, now);
  const movedTo = store.load(id).expiresAt - moments.expiresAt;
  const destroyed = store.destroy(id, now)?.data['d:n'] === last;
  return { refused, isOldVersion, touched, movedTo, destroyed, after: store.load(id) ?? null };
}

function handles() {
  const fault = task => {
    try {
      return { result: task() };
    } catch (error) {
      return { name: error.name, code: error.code, namesTheId: error.stack.includes(id.slice(0, 8)) };
    }
  };
  const open = [];
  try {
    for (;;) open.push(openSync(directory, 'r'));
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
  }
  const outcomes = {
    load: fault(() => store.load(id)),
    create: fault(() => store.create('e6'.repeat(32), { ...moments, meta: 'm', data: {} })),
    update: fault(() => store.update(id, change('1'), now)),
    touch: fault(() => store.touch(id, { ...moments, lastSeenAt: now + 1 }, now)),
    destroy: fault(() => store.destroy(id, now)),
  };
  for (const fd of open) closeSync(fd);
  return { ...outcomes, afterwards: store.load(id).meta };
}

const outcome = job === 'size' ? size() : handles();
store.close();
process.stdout.write(JSON.stringify(outcome));
