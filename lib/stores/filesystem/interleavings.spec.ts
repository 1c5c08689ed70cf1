import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { FOR_APPENDING, appendWhole } from './file-access.js';
import { frameOf, seedOf, type Entry } from './frame.js';
import { FileSessionStore } from './index.js';
import { AGAIN, Journals } from './journal.js';
import { JournalReader } from './journal-reader.js';
import { JournalRewriter } from './journal-rewriter.js';
import {
  destroyEntry,
  expireEntry,
  sessionReplay,
  touchEntry,
  updateEntry,
  type JournaledSession,
} from './session-journal.js';
import { addEntry, beginEntry, endEntry, userReplay, type UserState } from './user-journal.js';
import { destroyWithoutRoom, touchWithoutRoom } from './without-room.js';

// A writer reads a journal, decides, and appends an entry. These tests act as another process between these steps: the
// journal calls `decide` after it has read the file and before it appends.

const now = 1_700_000_000_000;
const expiresAt = now + 3_600_000;
const moments = { expiresAt, lastSeenAt: now };
const id = 'ab'.repeat(32);
const next = 'cd'.repeat(32);
const record = { ...moments, meta: 'm', data: { 'd:n': '0' } };
const root = mkdtempSync(join(tmpdir(), 'nestjs-http-session-'));
const journals = new Journals<JournaledSession>(sessionReplay, false);

let other: FileSessionStore;
let path: string;
beforeEach(() => {
  const directory = mkdtempSync(join(root, 'place-'));
  other = new FileSessionStore({ directory });
  other.create(id, record);
  path = join(directory, 'sessions', id[0]!, id[1]!, id);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Appends `entry`, and calls `interfere` once, between the first read and the append. */
function append(entry: Entry, interfere: () => void): unknown {
  let reads = 0;
  return journals.append<unknown>(path, {
    entry,
    decide: () => {
      if (reads++ === 0) interfere();
      return undefined;
    },
  });
}
const change = (text: string, expect?: Record<string, string | null>) => ({
  set: { 'd:n': text },
  delete: [],
  ...moments,
  ...(expect && { expect }),
});
const mine = (expect?: Record<string, string | null>) => updateEntry('mine', now, change('mine', expect));
/** Appends entries and does nothing else, like a process that dies right after the append. */
function leave(...entries: Entry[]): void {
  const fd = openSync(path, FOR_APPENDING);
  for (const entry of entries) appendWhole(fd, frameOf(entry, seedOf(id)));
  closeSync(fd);
}

describe('if another process acts between the read and the append', () => {
  it('and destroys the session, an update is gone and does not revive it', () => {
    expect(append(mine(), () => leave(destroyEntry('x', now, undefined)))).toBe('gone');
    expect(other.load(id)).toBeUndefined();
  });

  it('and destroys the session, a touch returns false and a second destroy is gone', () => {
    expect(append(touchEntry('mine', now, moments), () => leave(destroyEntry('x', now, undefined)))).toBe(
      false,
    );
    rmSync(path);
    other.create(id, record);
    const outcome = append(destroyEntry('mine', now, undefined), () =>
      leave(destroyEntry('x', now, undefined)),
    );
    expect(outcome).toBe('gone');
  });

  it('and destroys the session and removes its file, an update writes nothing and creates no file', () => {
    expect(append(mine(), () => expect(other.destroy(id, now)).toEqual(record))).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  it('and rotates the session, a destroy finds the successor', () => {
    const rotate = () => expect(other.destroy(id, now, { successor: next })).toEqual(record);
    expect(append(destroyEntry('mine', now, undefined), rotate)).toEqual({ successor: next });
  });

  it('and updates it, an update of other fields is merged and one that expected the old text is a mismatch', () => {
    expect(append(mine(), () => other.update(id, { ...change('x'), set: { 'd:x': '1' } }, now))).toBe('done');
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'mine', 'd:x': '1' } });
    const outcome = append(mine({ 'd:n': 'mine' }), () => other.update(id, change('theirs'), now));
    expect(outcome).toEqual({ current: { 'd:n': 'theirs' } });
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'theirs' } });
  });

  it('and touches the session, the sweep does not end it', () => {
    const touch = () => other.touch(id, { expiresAt: expiresAt + 9, lastSeenAt: now }, expiresAt - 1);
    expect(append(expireEntry('mine', expiresAt), touch)).toBe(false);
    expect(other.load(id)).toMatchObject({ expiresAt: expiresAt + 9 });
  });

  it('and sweeps the session as expired, an update is gone', () => {
    expect(append(mine(), () => leave(expireEntry('x', expiresAt)))).toBe('gone');
  });

  it('and rewrites the file, the entry is appended to the new file and applied once', () => {
    const before = statSync(path).ino;
    expect(append(mine({ 'd:n': '0' }), () => journals.renew(path))).toBe('done');
    expect(statSync(path).ino).not.toBe(before);
    expect(other.load(id)).toEqual({ ...record, data: { 'd:n': 'mine' } });
  });

  it('and dies after its SEAL, the writer finishes the rewrite and removes the temporary file', () => {
    const sealed = `${id}.${'a'.repeat(32)}.tmp`;
    expect(append(mine(), () => leave(['S', sealed]))).toBe('done');
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'mine' } });
    expect(readdirSync(dirname(path))).toEqual([id]);
  });

  it('and its write is cut off, the torn entry is skipped and the update is done', () => {
    const torn = () => {
      const fd = openSync(path, FOR_APPENDING);
      appendWhole(fd, frameOf(updateEntry('x', now, change('torn')), seedOf(id)).subarray(0, 40));
      closeSync(fd);
    };
    expect(append(mine(), torn)).toBe('done');
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'mine' } });
  });

  it('and removes the file by hand, the session is absent and no file is created', () => {
    expect(append(mine(), () => rmSync(path))).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });
});

const withoutRoom = <T>(task: (journal: Parameters<typeof destroyWithoutRoom>[0]) => T): T => {
  const fd = openSync(path, FOR_APPENDING);
  try {
    return task({ fd, path, seed: seedOf(id), reader: new JournalReader(sessionReplay) });
  } finally {
    closeSync(fd);
  }
};

/** Rewrites the journal. Calls `interfere(1)` after the first read, before the SEAL, `interfere(2)` after the second. */
function rewriteWith(interfere: (read: number) => void): void {
  let reads = 0;
  const snapshot = (state: JournaledSession) => {
    const entry = sessionReplay.snapshot(state);
    interfere(++reads);
    return entry;
  };
  const rewriter = new JournalRewriter(new JournalReader({ ...sessionReplay, snapshot }), false);
  const fd = openSync(path, FOR_APPENDING);
  try {
    rewriter.rewrite(fd, path, seedOf(id));
  } finally {
    closeSync(fd);
  }
  expect(reads).toBe(2);
}

describe('during a rewrite of the file', () => {
  it('an update before the SEAL is in the new file', () => {
    const before = statSync(path).ino;
    rewriteWith(look => {
      if (look === 1) expect(other.update(id, change('acknowledged'), now)).toBe('done');
    });
    expect(statSync(path).ino).not.toBe(before);
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'acknowledged' } });
  });

  it('a touch in place before the last read is in the new file', () => {
    const later = { expiresAt: expiresAt + 5, lastSeenAt: now + 5 };
    rewriteWith(look => {
      if (look === 1) expect(withoutRoom(journal => touchWithoutRoom(journal, later, now, false))).toBe(true);
    });
    expect(other.load(id)).toMatchObject(later);
  });

  it('an update after the SEAL goes to the new file and is not lost', () => {
    rewriteWith(look => {
      if (look === 2) expect(other.update(id, change('acknowledged'), now)).toBe('done');
    });
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'acknowledged' } });
    expect(readdirSync(dirname(path))).toEqual([id]);
  });

  it('an earlier rewrite that finishes first is kept, with the updates made since', () => {
    const sealed = join(dirname(path), `${id}.${'a'.repeat(32)}.tmp`);
    copyFileSync(path, sealed);
    leave(['S', basename(sealed)]);
    rewriteWith(look => {
      if (look !== 2) return;
      renameSync(sealed, path);
      expect(other.update(id, change('acknowledged'), now)).toBe('done');
    });
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'acknowledged' } });
    expect(readdirSync(dirname(path))).toEqual([id]);
  });

  it('a destroy that comes first is not undone', () => {
    rewriteWith(look => {
      if (look === 1) expect(other.destroy(id, now)).toEqual(record);
    });
    expect(readdirSync(dirname(path))).toEqual([]);
  });
});

describe('if there is no room to append', () => {
  it('a destroy returns the updates made before it, and a later update writes nothing', () => {
    const outcome = append(mine(), () => {
      other.update(id, change('before'), now);
      expect(withoutRoom(journal => destroyWithoutRoom(journal, now))).toMatchObject({
        data: { 'd:n': 'before' },
      });
    });
    expect(outcome).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  it('of two destroys, one with room and one without, at most one gets the record', () => {
    let removed: unknown;
    const appended = append(destroyEntry('mine', now, undefined), () => {
      removed = withoutRoom(journal => destroyWithoutRoom(journal, now));
    });
    expect(removed).toEqual(record);
    expect(appended).toBeUndefined();

    other.create(id, record);
    leave(destroyEntry('x', now, undefined));
    expect(withoutRoom(journal => destroyWithoutRoom(journal, now))).toBe('gone');
  });

  it('a destroy stops a rewrite that has begun, so that the rewrite cannot revive the session', () => {
    const sealed = `${id}.${'a'.repeat(32)}.tmp`;
    other.create(next, record);
    leave(['S', sealed]);
    const temporary = join(dirname(path), sealed);
    closeSync(openSync(temporary, 'w'));
    expect(withoutRoom(journal => destroyWithoutRoom(journal, now))).toEqual(record);
    expect(existsSync(temporary)).toBe(false);
    expect(existsSync(path)).toBe(false);
  });

  it('a destroy and a touch ask for another read if the file was rewritten', () => {
    expect(
      withoutRoom(journal => {
        journals.renew(path);
        return [
          destroyWithoutRoom(journal, now),
          touchWithoutRoom(journal, { expiresAt: expiresAt + 1, lastSeenAt: now }, now, false),
        ];
      }),
    ).toEqual([AGAIN, AGAIN]);
    expect(other.load(id)).toEqual(record);
  });

  it('a touch moves each moment forward only, whatever the slots hold, and a rewrite keeps it', () => {
    const touch = (expires: number, seen: number) =>
      withoutRoom(journal =>
        touchWithoutRoom(journal, { expiresAt: expiresAt + expires, lastSeenAt: now + seen }, now, true),
      );
    for (const [expires, seen] of [
      [9, 1],
      [3, 4],
      [5, 2],
      [7, 7],
      [8, 0],
      [2, 6],
    ] as const)
      expect(touch(expires, seen)).toBe(true);
    expect(other.load(id)).toMatchObject({ expiresAt: expiresAt + 9, lastSeenAt: now + 7 });
    journals.renew(path);
    expect(other.load(id)).toMatchObject({ expiresAt: expiresAt + 9, lastSeenAt: now + 7 });
  });
});

describe('the list of a user', () => {
  it('refuses an entry if the sweep ends the list between the read and the append', () => {
    const users = new Journals<UserState>(userReplay, false);
    const entry = addEntry('mine', id, expiresAt, now);
    const list = join(dirname(path), next);
    users.create(list, beginEntry(new Map()));
    let reads = 0;
    const outcome = users.append<unknown>(list, {
      entry,
      decide: () => {
        if (reads++ === 0) users.append(list, { entry: endEntry('x', now), decide: () => undefined });
        return undefined;
      },
    });
    expect(outcome).toBe('over');
    const reading = users.read(list);
    expect(reading).toMatchObject({ state: { hasEnded: true, entries: new Map() } });
  });
});
