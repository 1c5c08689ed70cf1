import { describe, expect, it } from 'vitest';
import { jsonCodec } from '../codec/json.codec.js';
import { SessionDataError } from '../errors/session.error.js';
import type { SessionMeta } from './session-meta.js';
import { EMPTY, type StoredIdentity } from './standing.js';
import { SessionState } from './session-state.js';
import type { SessionChange, Texts } from './session-change.js';

const meta: SessionMeta = { createdAt: 1, endsAt: 1_000, user: undefined, loggedInAt: undefined };
const identity: StoredIdentity = { token: 'sid', id: 'id', meta, moments: { lastSeenAt: 1, expiresAt: 100 } };
const other: StoredIdentity = { ...identity, token: 'sid2', id: 'id2' };

/** A state with these texts, and the keys that it reports as broken. */
function stateOf(texts: Texts = {}, { isStored = true } = {}) {
  const broken: string[] = [];
  const state = new SessionState(
    { codec: jsonCodec, maxSizeBytes: 1_000 },
    key => broken.push(key),
    isStored ? { kind: 'stored', identity } : EMPTY,
    Object.freeze(texts),
  );
  return { state, broken };
}

const nothing: SessionChange = { set: {}, delete: [] };
const set = (texts: Texts): SessionChange => ({ set: texts, delete: [] });

describe('SessionState finds the changes to write', () => {
  it.each<[string, Texts, (state: SessionState) => void, SessionChange]>([
    ['nothing was touched', { 'd:a': '1' }, () => undefined, nothing],
    ['a value was read', { 'd:a': '{"x":1}' }, state => state.get('a'), nothing],
    ['a missing key was read', {}, state => state.get('a'), nothing],
    ['keys were listed', { 'd:a': '1' }, state => state.keys(), nothing],
    ['a new key', {}, state => state.set('a', 1), set({ 'd:a': '1' })],
    ['the same value again', { 'd:a': '1' }, state => state.set('a', 1), nothing],
    ['an equal object again', { 'd:a': '{"x":1}' }, state => state.set('a', { x: 1 }), nothing],
    ['another value', { 'd:a': '1' }, state => state.set('a', 2), set({ 'd:a': '2' })],
    ['null', { 'd:a': '1' }, state => state.set('a', null), set({ 'd:a': 'null' })],
    ['undefined', { 'd:a': '1' }, state => state.set('a', undefined), { set: {}, delete: ['d:a'] }],
    ['undefined for a missing key', {}, state => state.set('a', undefined), nothing],
    ['set and removed', {}, state => (state.set('a', 1), state.set('a', undefined)), nothing],
    [
      'removed and set again',
      { 'd:a': '1' },
      state => (state.set('a', undefined), state.set('a', 1)),
      nothing,
    ],
    [
      'a nested edit of a value that was read',
      { 'd:a': '{"x":1}', 'd:b': '{"y":1}' },
      state => void ((state.get('a') as { x: number }).x = 2),
      set({ 'd:a': '{"x":2}' }),
    ],
    ['a key named __proto__', {}, state => state.set('__proto__', 1), set({ 'd:__proto__': '1' })],
    ['the empty key', {}, state => state.set('', 1), set({ 'd:': '1' })],
    ['a text that only another codec wrote', { 'd:a': '{ "x": 1 }' }, state => state.get('a'), nothing],
    [
      'a value that was assigned over such a text',
      { 'd:a': ' 1 ' },
      state => state.set('a', 1),
      set({ 'd:a': '1' }),
    ],
    ['a broken text that was read', { 'd:a': '{x' }, state => state.get('a'), nothing],
    [
      'a broken text that was assigned over',
      { 'd:a': '{x' },
      state => state.set('a', 1),
      set({ 'd:a': '1' }),
    ],
    [
      'a broken text that was removed',
      { 'd:a': '{x' },
      state => state.set('a', undefined),
      { set: {}, delete: ['d:a'] },
    ],
    ['a flash message', {}, state => state.addFlash('f:1', 'hi', 'info'), set({ 'f:1': '"hi"' })],
  ])('%s', (_, texts, act, change) => {
    const { state } = stateOf(texts);
    act(state);
    expect(state.collectChange()).toEqual(change);
    expect(state.changeFingerprint() !== '').toBe(change !== nothing);
    expect(state.collectChange()).toEqual(change);
  });

  it('a value that cannot be stored counts as a change, and the error names its path', () => {
    const { state } = stateOf();
    state.set('a', { list: [{ f: () => 1 }] });
    expect(state.changeFingerprint() !== '').toBe(true);
    expect(() => state.collectChange()).toThrow(/"a\.list\[0\]\.f": a function cannot be kept/);
    expect(() => state.addFlash('f:1', () => 1, 'info')).toThrow(SessionDataError);
    expect(() => state.addFlash('f:1', () => 1, 'info')).toThrow(/flash\(/);
    state.set('a', undefined);
    expect(state.changeFingerprint() !== '').toBe(false);
  });

  it('any error of the codec means that the value cannot be stored', () => {
    const codec = { ...jsonCodec, encode: () => JSON.parse('{') as string };
    const state = new SessionState({ codec, maxSizeBytes: 1_000 }, () => undefined, EMPTY);
    state.set('a', 1);
    expect(() => state.collectChange()).toThrow(SessionDataError);
    expect(state.changeFingerprint() !== '').toBe(true);
  });
});

describe('SessionState, when it is read,', () => {
  it('decodes a key once, at its first read, and then returns the same object', () => {
    const { state, broken } = stateOf({ 'd:a': '{"x":1}', 'd:b': '{broken' });
    expect(state.get('a')).toBe(state.get('a'));
    expect(broken).toEqual([]);
    expect([state.get('b'), state.get('b'), state.has('b')]).toEqual([undefined, undefined, true]);
    expect(broken).toEqual(['b']);
  });

  it('lists keys without decoding them, in the order of the record and then of assignment', () => {
    const { state, broken } = stateOf({ 'd:b': '{broken', 'f:1': '"hi"', 'd:a': '1' });
    state.set('c', 1);
    state.set('a', 2);
    state.set('d', 1);
    state.set('d', undefined);
    expect(state.keys()).toEqual(['b', 'a', 'c']);
    expect(broken).toEqual([]);
  });

  it('ignores properties of prototypes', () => {
    const { state } = stateOf();
    for (const key of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(state.get(key)).toBeUndefined();
      expect(state.has(key)).toBe(false);
    }
  });

  it('returns flash messages separately from the data, oldest first', () => {
    const { state } = stateOf({ 'f:2': '"stored"', 'd:a': '1' });
    state.addFlash('f:3', 'new', 'info');
    state.addFlash('f:1', 'older', 'info');
    expect(state.flashFields()).toEqual(['f:1', 'f:2', 'f:3']);
    expect(state.flashFields().map(field => state.flashText(field))).toEqual([
      '"older"',
      '"stored"',
      '"new"',
    ]);
    expect([state.dropNewFlash('f:1'), state.dropNewFlash('f:2')]).toEqual([true, false]);
    expect(state.flashFields()).toEqual(['f:2', 'f:3']);
    expect(state.keys()).toEqual(['a']);
  });
});

describe('SessionState after a write', () => {
  it('has no change left', () => {
    const { state } = stateOf({ 'd:gone': '1' });
    state.set('a', { x: 1 });
    state.set('gone', undefined);
    state.addFlash('f:1', 'hi', 'info');
    const change = state.collectChange();
    state.markWritten(change);
    expect(state.texts).toEqual({ 'd:a': '{"x":1}', 'f:1': '"hi"' });
    expect(state.collectChange()).toEqual(nothing);
    expect(state.flashFields()).toEqual(['f:1']);
  });

  it('keeps a value that was assigned or edited during the write as a change', () => {
    const { state } = stateOf();
    const list = [1];
    state.set('list', list);
    state.set('n', 1);
    const change = state.collectChange();
    list.push(2);
    state.set('n', 2);
    state.set('m', 3);
    state.markWritten(change);
    expect(state.collectChange()).toEqual(set({ 'd:list': '[1,2]', 'd:n': '2', 'd:m': '3' }));
  });

  it('keeps a removal that was made during the write as a change', () => {
    const { state } = stateOf();
    state.set('a', 1);
    const change = state.collectChange();
    state.set('a', undefined);
    state.markWritten(change);
    expect(state.collectChange()).toEqual({ set: {}, delete: ['d:a'] });
  });

  it('never changes the texts that it was given, because they may belong to the store', () => {
    const texts = Object.freeze({ 'd:a': '1' });
    const { state } = stateOf(texts);
    state.set('a', 2);
    state.markWritten(state.collectChange());
    state.adopt('d:b', '1');
    expect(texts).toEqual({ 'd:a': '1' });
    expect(state.texts).toEqual({ 'd:a': '2', 'd:b': '1' });
  });
});

describe('SessionState adopts the text that an operation found or wrote', () => {
  it('and reads it from now on', () => {
    const { state } = stateOf({ 'd:n': '1' });
    expect(state.get('n')).toBe(1);
    state.adopt('d:n', '2', state.mark('n'));
    expect(state.get('n')).toBe(2);
    state.adopt('d:n', null, state.mark('n'));
    expect([state.get('n'), state.has('n'), state.texts]).toEqual([undefined, false, {}]);
  });

  it('unless the key was assigned afterwards, which is a later change', () => {
    const { state } = stateOf({ 'd:n': '1' });
    const mark = state.mark('n');
    state.set('n', 5);
    state.adopt('d:n', '2', mark);
    expect(state.get('n')).toBe(5);
    expect(state.collectChange()).toEqual(set({ 'd:n': '5' }));
  });

  it.each<[string, Texts, (state: SessionState) => void, string | null | undefined]>([
    ['untouched', { 'd:n': '1' }, () => undefined, undefined],
    ['read', { 'd:n': '1' }, state => state.get('n'), undefined],
    ['assigned', { 'd:n': '1' }, state => state.set('n', 2), '2'],
    ['assigned to what is stored', { 'd:n': '1' }, state => state.set('n', 1), undefined],
    ['removed', { 'd:n': '1' }, state => state.set('n', undefined), null],
    ['removed and never there', {}, state => state.set('n', undefined), undefined],
    ['edited inside', { 'd:n': '[]' }, state => void (state.get('n') as number[]).push(1), '[1]'],
    ['broken', { 'd:n': '{' }, state => state.get('n'), undefined],
  ])('the pending text of a key that was %s is correct', (_, texts, act, pending) => {
    const { state } = stateOf(texts);
    act(state);
    expect(state.pendingText('n')).toBe(pending);
  });
});

const all = (): boolean => true;
const only =
  (...fields: string[]) =>
  (field: string): boolean =>
    fields.includes(field);

describe('SessionState after a rotation', () => {
  it('keeps the objects of keys that are carried over, and drops the others', () => {
    const { state } = stateOf({ 'd:a': '[1]', 'd:b': '[1]' });
    const a = state.get('a');
    const b = state.get('b');
    state.collectChange();
    state.adoptRotation({ kind: 'stored', identity: other }, { 'd:a': '[1]' }, { 'd:a': '[1]' }, only('d:a'));
    expect(state.get('a')).toBe(a);
    expect(state.get('b')).toBeUndefined();
    expect(b).toEqual([1]);
    expect(state.identity).toBe(other);
    expect(state.collectChange()).toEqual(nothing);
  });

  it('reads a key again if another request wrote it during the rotation', () => {
    const { state } = stateOf({ 'd:a': '1' });
    expect(state.get('a')).toBe(1);
    state.collectChange();
    state.adoptRotation({ kind: 'stored', identity: other }, { 'd:a': '2' }, { 'd:a': '1' }, all);
    expect(state.get('a')).toBe(2);
    expect(state.collectChange()).toEqual(nothing);
  });

  it('keeps a value that was assigned during the rotation as a change', () => {
    const { state } = stateOf({ 'd:a': '1' });
    state.set('a', 2);
    state.collectChange();
    state.set('b', 3);
    state.adoptRotation({ kind: 'stored', identity: other }, { 'd:a': '2' }, { 'd:a': '2' }, all);
    expect(state.collectChange()).toEqual(set({ 'd:b': '3' }));
  });

  it('of a visitor keeps assignments to keys that are carried over, and drops the others', () => {
    const { state } = stateOf({}, { isStored: false });
    state.set('a', 1);
    state.set('b', 2);
    state.addFlash('f:1', 'hi', 'info');
    state.collectChange();
    state.adoptRotation(EMPTY, {}, {}, only('d:a'));
    expect(state.collectChange()).toEqual(set({ 'd:a': '1' }));
  });

  it('is live again if it was marked as ended before', () => {
    const { state } = stateOf({ 'd:a': '1' });
    state.markEnded();
    expect(state.standing.kind).toBe('ended');
    state.adoptRotation({ kind: 'stored', identity: other }, {}, {}, () => false);
    expect([state.standing.kind, state.keys()]).toEqual(['stored', []]);
  });

  it('passes the values that no store holds to another state', () => {
    const { state } = stateOf({}, { isStored: false });
    const value = { x: 1 };
    state.set('a', value);
    state.set('b', 1);
    state.addFlash('f:1', 'hi', 'info');
    const { state: next } = stateOf({}, { isStored: false });
    state.handOver(next, only('d:a', 'f:1'));
    expect(next.get('a')).toBe(value);
    expect(next.collectChange()).toEqual(set({ 'd:a': '{"x":1}', 'f:1': '"hi"' }));
    expect(state.collectChange()).toEqual(set({ 'd:a': '{"x":1}', 'd:b': '1', 'f:1': '"hi"' }));
  });

  it('moves its moments if it is stored', () => {
    const { state } = stateOf();
    state.moveMoments({ lastSeenAt: 2, expiresAt: 200 });
    expect(state.identity).toEqual({ ...identity, moments: { lastSeenAt: 2, expiresAt: 200 } });
    const { state: visitor } = stateOf({}, { isStored: false });
    visitor.moveMoments({ lastSeenAt: 2, expiresAt: 200 });
    expect(visitor.identity).toBeUndefined();
  });
});
