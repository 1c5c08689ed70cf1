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

/** Waits until the test sends the time to begin. The test sends it when all workers are ready. */
const signal = () => Number(readFileSync(0, 'utf8'));

const jobs = {
  /** Increments one field by compare-and-set. */
  count({ id, times, now, expiresAt }) {
    for (let done = 0; done < times;) {
      const text = store.load(id).data['d:n'];
      const update = { set: { 'd:n': String(Number(text) + 1) }, delete: [], expect: { 'd:n': text } };
      if (store.update(id, { ...update, expiresAt, lastSeenAt: now }, now) === 'done') done++;
    }
  },
  /** Writes fields that no other worker writes, with touches in between. */
  fields({ id, name, times, now, expiresAt }) {
    for (let i = 1; i <= times; i++) {
      const set = { [`d:${name}${i % 7}`]: String(i) };
      const result = store.update(id, { set, delete: [], expiresAt, lastSeenAt: now + i }, now);
      if (result !== 'done') throw new Error(`update ${i}: ${JSON.stringify(result)}`);
      store.touch(id, { expiresAt: expiresAt + i, lastSeenAt: now + i }, now);
    }
  },
  /** Increments one field forever, and prints each number that the store has acknowledged. */
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
  /** Writes to all of these sessions repeatedly, until all of them are gone. */
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
  /** Destroys these sessions, and prints the ids of those that this process ended. */
  destroy({ ids, now }) {
    for (const id of ids) if (store.destroy(id, now)) say(id);
  },
  /** Makes one call for each of these sessions, at the same instant as the other workers, and prints the results. */
  inStep({ ids, verb, args }) {
    const startAt = signal();
    for (const [i, id] of ids.entries()) {
      while (Date.now() < startAt + i * 2);
      say(JSON.stringify(store[verb](id, ...args) ?? null));
    }
  },
  /** Rotates each of these sessions into its successor, at the same instant as the calls of the other workers. */
  rotateInStep({ ids, successors, now }) {
    const startAt = signal();
    for (const [i, id] of ids.entries()) {
      while (Date.now() < startAt + i * 2);
      say(JSON.stringify(store.destroy(id, now, { successor: successors[i] }) ?? null));
    }
  },
  /** Adds and removes a session of one user repeatedly. In between, the list has to contain the session. */
  async logInAndOut({ user, id, times, now, expiresAt }) {
    for (let i = 0; i < times; i++) {
      await store.index.add(user, id, expiresAt, now);
      if (!store.index.confirm(user, id)) say(`lost in round ${i}`);
      if (!store.index.list(user, now).includes(id)) say(`not listed in round ${i}`);
      store.index.remove(user, [id]);
      if (store.index.confirm(user, id)) say(`back in round ${i}`);
    }
  },
  /** Sweeps repeatedly, until the process is killed. */
  async sweep({ now }) {
    for (;;) await store.prune(now);
  },
  /** Makes one call, and prints its result or error. */
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
