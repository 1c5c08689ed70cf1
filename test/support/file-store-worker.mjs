// A process that works on a directory of sessions, for the tests of FileSessionStore across processes.
// node file-store-worker.mjs <built lib> <directory> <job> <arguments as JSON>
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , lib, directory, job, json] = process.argv;
const { FileSessionStore } = await import(pathToFileURL(join(lib, 'stores/filesystem/index.js')).href);
const store = new FileSessionStore({ directory });
const options = JSON.parse(json);
const say = line => writeSync(1, `${line}\n`);

const jobs = {
  /** Counts up one field by compare-and-set. */
  count({ id, times, now, expiresAt }) {
    for (let done = 0; done < times;) {
      const text = store.load(id).data['d:n'];
      const update = { set: { 'd:n': String(Number(text) + 1) }, delete: [], expect: { 'd:n': text } };
      if (store.update(id, { ...update, expiresAt, lastSeenAt: now }, now) === 'done') done++;
    }
  },
  /** Writes fields of its own, with touches in between. */
  fields({ id, name, times, now, expiresAt }) {
    for (let i = 1; i <= times; i++) {
      const set = { [`d:${name}${i % 7}`]: String(i) };
      const result = store.update(id, { set, delete: [], expiresAt, lastSeenAt: now + i }, now);
      if (result !== 'done') throw new Error(`update ${i}: ${JSON.stringify(result)}`);
      store.touch(id, { expiresAt: expiresAt + i, lastSeenAt: now + i }, now);
    }
  },
  /** Counts up one field for ever and says each count that the store has acknowledged. */
  acknowledge({ id, now, expiresAt }) {
    for (let i = Number(store.load(id).data['d:n']) + 1; ; i++) {
      const result = store.update(
        id,
        { set: { 'd:n': String(i) }, delete: [], expiresAt, lastSeenAt: now },
        now,
      );
      if (result !== 'done') throw new Error(JSON.stringify(result));
      say(i);
    }
  },
  /** Writes to all of these sessions, over and over, until every one of them is gone. */
  writeUntilGone({ ids, now, expiresAt }) {
    const live = new Set(ids);
    for (let i = 1; live.size > 0; i++) {
      for (const id of live) {
        const result = store.update(
          id,
          { set: { 'd:n': String(i) }, delete: [], expiresAt, lastSeenAt: now },
          now,
        );
        if (result === 'gone') live.delete(id);
      }
    }
  },
  /** Ends these sessions and says which it ended itself. */
  destroy({ ids, now }) {
    for (const id of ids) if (store.destroy(id, now)) say(id);
  },
  /** One call, and the kind of its outcome. */
  call({ verb, args }) {
    try {
      say(JSON.stringify({ result: store[verb](...args) ?? null }));
    } catch (error) {
      say(JSON.stringify({ error: error.name }));
    }
  },
};

say('ready');
jobs[job](options);
store.close();
