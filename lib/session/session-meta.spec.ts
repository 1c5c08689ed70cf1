import { describe, expect, it } from 'vitest';
import { decodeMeta, encodeMeta, type SessionMeta } from './session-meta.js';

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const meta: SessionMeta = { createdAt: NOW, endsAt: NOW + HOUR, user: 'alice', loggedInAt: NOW };
const raw = { v: 1, ...meta };

describe('the metadata of a record', () => {
  it.each<[string, SessionMeta]>([
    ['of a user', meta],
    ['of a visitor', { ...meta, user: undefined, loggedInAt: undefined }],
    ['of a user with an odd name', { ...meta, user: '__proto__\n"\u2028😀' }],
    ['of a user with an empty name', { ...meta, user: '' }],
  ])('%s is read back equal', (_, given) => {
    expect(decodeMeta(encodeMeta(given), NOW)).toStrictEqual(given);
  });

  it('has a version, so that another version is recognized', () => {
    expect(JSON.parse(encodeMeta(meta))).toMatchObject({ v: 1 });
  });

  it('ignores fields that a later release may add', () => {
    expect(decodeMeta(JSON.stringify({ ...raw, device: 'phone' }), NOW)).toStrictEqual(meta);
  });

  it('accepts a creation up to an hour in the future, because clocks differ', () => {
    const ahead = (ms: number) => JSON.stringify({ ...raw, createdAt: NOW + ms, endsAt: NOW + 3 * HOUR });
    expect(decodeMeta(ahead(HOUR), NOW)).toBeDefined();
    expect(decodeMeta(ahead(HOUR + 1), NOW)).toBeUndefined();
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['a space', ' '],
    ['no JSON', '{v:1}'],
    ['null', 'null'],
    ['a text', '"v1"'],
    ['a list', '[1]'],
    ['version 0', JSON.stringify({ ...raw, v: 0 })],
    ['version 2', JSON.stringify({ ...raw, v: 2 })],
    ['version "1"', JSON.stringify({ ...raw, v: '1' })],
    ['no creation', JSON.stringify({ ...raw, createdAt: undefined })],
    ['no limit', JSON.stringify({ ...raw, endsAt: undefined })],
    ['a limit that is no whole number', JSON.stringify({ ...raw, endsAt: raw.endsAt + 0.5 })],
    ['a limit at the creation', JSON.stringify({ ...raw, endsAt: NOW })],
    ['a user that is a number', JSON.stringify({ ...raw, user: 7 })],
    ['a user that is null', JSON.stringify({ ...raw, user: null })],
    ['a login time that is a text', JSON.stringify({ ...raw, loggedInAt: 'now' })],
    ['a login time of null', JSON.stringify({ ...raw, loggedInAt: null })],
    ['everything in a prototype', `{"__proto__":${JSON.stringify(raw)}}`],
  ])('is broken: %s', (_, text) => {
    expect(decodeMeta(text, NOW)).toBeUndefined();
  });

  it('is broken if it is cut off anywhere', () => {
    const text = encodeMeta(meta);
    for (let end = 0; end < text.length; end++) expect(decodeMeta(text.slice(0, end), NOW)).toBeUndefined();
  });
});
