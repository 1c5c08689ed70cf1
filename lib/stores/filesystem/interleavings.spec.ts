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

// What another process does between the look at a journal and the append to it. `decide` is called right there.

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

/** Appends `entry`, with `meanwhile` in between, once. */
function append(entry: Entry, meanwhile: () => void): unknown {
  let looks = 0;
  return journals.append<unknown>(path, {
    entry,
    decide: () => {
      if (looks++ === 0) meanwhile();
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
/** As a process does that dies right after. */
function leave(...entries: Entry[]): void {
  const fd = openSync(path, FOR_APPENDING);
  for (const entry of entries) appendWhole(fd, frameOf(entry, seedOf(id)));
  closeSync(fd);
}

describe('between the look and the append', () => {
  it('a destroy makes an update gone, and nothing comes back', () => {
    expect(append(mine(), () => leave(destroyEntry('x', now, undefined)))).toBe('gone');
    expect(other.load(id)).toBeUndefined();
  });

  it('a destroy makes a touch false, and another destroy come too late', () => {
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

  it('a destroy that has removed the file too leaves nothing to write to', () => {
    expect(append(mine(), () => expect(other.destroy(id, now)).toEqual(record))).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  it('a rotation leads a destroy on to the successor', () => {
    const rotate = () => expect(other.destroy(id, now, { successor: next })).toEqual(record);
    expect(append(destroyEntry('mine', now, undefined), rotate)).toEqual({ successor: next });
  });

  it('an update of another field is merged, one of the expected field is a mismatch', () => {
    expect(append(mine(), () => other.update(id, { ...change('x'), set: { 'd:x': '1' } }, now))).toBe('done');
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'mine', 'd:x': '1' } });
    const outcome = append(mine({ 'd:n': 'mine' }), () => other.update(id, change('theirs'), now));
    expect(outcome).toEqual({ current: { 'd:n': 'theirs' } });
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'theirs' } });
  });

  it('a touch keeps the sweep from ending the session', () => {
    const touch = () => other.touch(id, { expiresAt: expiresAt + 9, lastSeenAt: now }, expiresAt - 1);
    expect(append(expireEntry('mine', expiresAt), touch)).toBe(false);
    expect(other.load(id)).toMatchObject({ expiresAt: expiresAt + 9 });
  });

  it('the sweep makes an update gone that still counted on the old expiry', () => {
    expect(append(mine(), () => leave(expireEntry('x', expiresAt)))).toBe('gone');
  });

  it('a rewrite sends the entry to the new file, where it counts once', () => {
    const before = statSync(path).ino;
    expect(append(mine({ 'd:n': '0' }), () => journals.renew(path))).toBe('done');
    expect(statSync(path).ino).not.toBe(before);
    expect(other.load(id)).toEqual({ ...record, data: { 'd:n': 'mine' } });
  });

  it('a SEAL of a process that died there is taken over, and its file goes', () => {
    const sealed = `${id}.${'a'.repeat(32)}.tmp`;
    expect(append(mine(), () => leave(['S', sealed]))).toBe('done');
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'mine' } });
    expect(readdirSync(dirname(path))).toEqual([id]);
  });

  it('a write that was cut off there is left out', () => {
    const torn = () => {
      const fd = openSync(path, FOR_APPENDING);
      appendWhole(fd, frameOf(updateEntry('x', now, change('torn')), seedOf(id)).subarray(0, 40));
      closeSync(fd);
    };
    expect(append(mine(), torn)).toBe('done');
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'mine' } });
  });

  it('removed by hand, the file is not written to: the session is absent', () => {
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

/**
 * Rewrites the journal; `meanwhile` comes right after it was read for the first time, before the SEAL, or the second.
 */
function rewriteWith(meanwhile: (look: number) => void): void {
  let looks = 0;
  const snapshot = (state: JournaledSession) => {
    const entry = sessionReplay.snapshot(state);
    meanwhile(++looks);
    return entry;
  };
  const rewriter = new JournalRewriter(new JournalReader({ ...sessionReplay, snapshot }), false);
  const fd = openSync(path, FOR_APPENDING);
  try {
    rewriter.rewrite(fd, path, seedOf(id));
  } finally {
    closeSync(fd);
  }
  expect(looks).toBe(2);
}

describe('during a rewrite', () => {
  it('what is written before its SEAL is in the new file', () => {
    const before = statSync(path).ino;
    rewriteWith(look => {
      if (look === 1) expect(other.update(id, change('acknowledged'), now)).toBe('done');
    });
    expect(statSync(path).ino).not.toBe(before);
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'acknowledged' } });
  });

  it('a touch in place before its last look is in the new file', () => {
    const later = { expiresAt: expiresAt + 5, lastSeenAt: now + 5 };
    rewriteWith(look => {
      if (look === 1) expect(withoutRoom(journal => touchWithoutRoom(journal, later, now, false))).toBe(true);
    });
    expect(other.load(id)).toMatchObject(later);
  });

  it('what is written behind its SEAL goes to the new file, and is not lost by it', () => {
    rewriteWith(look => {
      if (look === 2) expect(other.update(id, change('acknowledged'), now)).toBe('done');
    });
    expect(other.load(id)).toMatchObject({ data: { 'd:n': 'acknowledged' } });
    expect(readdirSync(dirname(path))).toEqual([id]);
  });

  it('an earlier one that finishes first stands, with what was written to it since', () => {
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

  it('a destroy that comes first is not undone by it', () => {
    rewriteWith(look => {
      if (look === 1) expect(other.destroy(id, now)).toEqual(record);
    });
    expect(readdirSync(dirname(path))).toEqual([]);
  });
});

describe('without room to append', () => {
  it('a destroy gives back what came in before it, and an update that comes after it is gone', () => {
    const outcome = append(mine(), () => {
      other.update(id, change('before'), now);
      expect(withoutRoom(journal => destroyWithoutRoom(journal, now))).toMatchObject({
        data: { 'd:n': 'before' },
      });
    });
    expect(outcome).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  it('of a destroy that appends and one that cannot at most one gets the record', () => {
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

  it('a destroy keeps a rewrite that has begun from bringing the session back', () => {
    const sealed = `${id}.${'a'.repeat(32)}.tmp`;
    other.create(next, record);
    leave(['S', sealed]);
    const temporary = join(dirname(path), sealed);
    closeSync(openSync(temporary, 'w'));
    expect(withoutRoom(journal => destroyWithoutRoom(journal, now))).toEqual(record);
    expect(existsSync(temporary)).toBe(false);
    expect(existsSync(path)).toBe(false);
  });

  it('a journal that was rewritten meanwhile has to be looked at again', () => {
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

  it('a touch goes forward only, whatever stands in the slots, and a rewrite keeps it', () => {
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
  it('that the sweep ends between the look and the append does not take an entry any more', () => {
    const users = new Journals<UserState>(userReplay, false);
    const entry = addEntry('mine', id, expiresAt, now);
    const list = join(dirname(path), next);
    users.create(list, beginEntry(new Map()));
    let looks = 0;
    const outcome = users.append<unknown>(list, {
      entry,
      decide: () => {
        if (looks++ === 0) users.append(list, { entry: endEntry('x', now), decide: () => undefined });
        return undefined;
      },
    });
    expect(outcome).toBe('over');
    const reading = users.read(list);
    expect(reading).toMatchObject({ state: { hasEnded: true, entries: new Map() } });
  });
});
