// A process that works on a directory of sessions, for the tests of FileSessionStore across processes.
// node file-store-worker.mjs <built lib> <directory> <job> <arguments as JSON>
import { readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , lib, directory, job, json] = process.argv;
const { FileSessionStore } = await import(pathToFileURL(join(lib, 'stores/filesystem/index.js')).href);
const store = new FileSessionStore({ directory });
const options = JSON.parse(json);
const say = line => writeSync(1, `${line}\n`);

/** Waits for the test to say when to begin, which it does once all workers are there. */
const signal = () => Number(readFileSync(0, 'utf8'));

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
  /** Does one thing with each of these sessions, at the same instant as the others who do so; says what came of it. */
  inStep({ ids, verb, args }) {
    const startAt = signal();
    for (const [i, id] of ids.entries()) {
      while (Date.now() < startAt + i * 2);
      say(JSON.stringify(store[verb](id, ...args) ?? null));
    }
  },
  /** Rotates each of these sessions into its successor, at the same instant as the others who do something to it. */
  rotateInStep({ ids, successors, now }) {
    const startAt = signal();
    for (const [i, id] of ids.entries()) {
      while (Date.now() < startAt + i * 2);
      say(JSON.stringify(store.destroy(id, now, { successor: successors[i] }) ?? null));
    }
  },
  /** Adds and removes a session of one user, over and over; each has to be there in between. */
  async logInAndOut({ user, id, times, now, expiresAt }) {
    for (let i = 0; i < times; i++) {
      await store.index.add(user, id, expiresAt, now);
      if (!store.index.confirm(user, id)) say(`lost in round ${i}`);
      if (!store.index.list(user, now).includes(id)) say(`not listed in round ${i}`);
      store.index.remove(user, [id]);
      if (store.index.confirm(user, id)) say(`back in round ${i}`);
    }
  },
  /** Sweeps over and over, until it is killed. */
  async sweep({ now }) {
    for (;;) await store.prune(now);
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
await jobs[job](options);
store.close();
