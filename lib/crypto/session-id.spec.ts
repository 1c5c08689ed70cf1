import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { isSessionId } from '../store/session-store.js';
import { idOf, isSid, newSid } from './session-id.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');
const SID = 'pZ3yKq0vVb-1mXc9_TfLw8sRhQ2eJ6nUaGiDoB5kYtE';

describe('newSid', () => {
  const sids = Array.from({ length: 20_000 }, newSid);
  const bytes = Buffer.concat(sids.map(sid => Buffer.from(sid, 'base64url')));

  it('always has 256 bits and the canonical form', () => {
    expect(bytes).toHaveLength(20_000 * 32);
    expect(sids.filter(sid => !isSid(sid))).toEqual([]);
  });

  it('never repeats, and neither do its first characters', () => {
    expect(new Set(sids).size).toBe(20_000);
    expect(new Set(sids.map(sid => sid.slice(0, 12))).size).toBe(20_000);
  });

  it('has as many ones as zeros: monobit within 5 sigma', () => {
    let ones = 0;
    for (const byte of bytes) ones += popCount(byte);
    const bits = bytes.length * 8;
    expect(Math.abs(ones - bits / 2)).toBeLessThan(5 * Math.sqrt(bits / 4));
  });

  it('has every byte equally often, overall and at each position: chi-square within 5 sigma', () => {
    expect(chiSquare(bytes, 0, 1)).toBeLessThan(255 + 5 * Math.sqrt(2 * 255));
    for (let place = 0; place < 32; place++) {
      expect(chiSquare(bytes, place, 32), `byte ${place}`).toBeLessThan(255 + 6 * Math.sqrt(2 * 255));
    }
  });
});

describe('isSid', () => {
  it('accepts the sids of newSid', () => {
    expect(isSid(SID)).toBe(true);
    expect(isSid('A'.repeat(43))).toBe(true);
  });

  it('accepts a last character only if its two spare bits are zero: one text for one secret', () => {
    const accepted = ALPHABET.filter(last => isSid(SID.slice(0, -1) + last));
    const canonical = ALPHABET.filter((_, value) => value % 4 === 0);
    expect(accepted).toEqual(canonical);
  });

  it('agrees, for every last character, with decoding and encoding the text again', () => {
    for (const last of ALPHABET) {
      const text = SID.slice(0, -1) + last;
      expect(isSid(text)).toBe(Buffer.from(text, 'base64url').toString('base64url') === text);
    }
  });

  it.each([
    ['nothing', ''],
    ['too short', SID.slice(1)],
    ['too long', `${SID}A`],
    ['padded', `${SID}=`],
    ['a line break at the end', `${SID}\n`],
    ['a line break as its last character', `${SID.slice(0, -1)}\n`],
    ['the other base64 alphabet', SID.replace('-', '+').replace('_', '/')],
    ['a letter beyond ASCII', `é${SID.slice(1)}`],
    ['a fullwidth letter', `Ａ${SID.slice(1)}`],
    ['a NUL', `\0${SID.slice(1)}`],
    ['percent-encoded', `%70${SID.slice(3)}`],
    ['an id', idOf(SID)],
  ])('refuses %s', (_, text) => {
    expect(isSid(text)).toBe(false);
  });
});

describe('idOf', () => {
  it('is the SHA-256 of the text, in the form that stores require', () => {
    expect(idOf(SID)).toBe(createHash('sha256').update(SID, 'ascii').digest('hex'));
    expect(isSessionId(idOf(SID))).toBe(true);
  });

  it('never changes: stored sessions survive an upgrade', () => {
    expect(idOf('A'.repeat(43))).toBe('0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a');
  });
});

describe('several threads', () => {
  it('never make the same sid', async () => {
    const lists = await Promise.all(Array.from({ length: 4 }, () => sidsOfWorker(2_000)));
    const all = [...lists.flat(), ...Array.from({ length: 2_000 }, newSid)];
    expect(all).toHaveLength(10_000);
    expect(new Set(all).size).toBe(10_000);
  }, 30_000);
});

/** Runs this module in a worker thread. It is compiled first, because some versions of Node do not load TypeScript. */
async function sidsOfWorker(count: number): Promise<string[]> {
  const { build } = await import('vite');
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      ssr: new URL('./session-id.ts', import.meta.url).pathname,
      target: 'node20',
      rolldownOptions: { output: { format: 'cjs' } },
    },
  });
  const code = 'output' in result ? result.output[0].code : '';
  const post = `require('node:worker_threads').parentPort.postMessage(Array.from({ length: ${count} }, exports.newSid))`;
  const worker = new Worker(`${code}\n;${post}`, { eval: true });
  return new Promise((resolve, reject) => {
    worker.once('message', (sids: string[]) => resolve(sids));
    worker.once('error', reject);
  });
}

function popCount(byte: number): number {
  let ones = 0;
  for (let rest = byte; rest > 0; rest >>= 1) ones += rest & 1;
  return ones;
}

function chiSquare(bytes: Buffer, from: number, step: number): number {
  const counts = Array.from({ length: 256 }, () => 0);
  let total = 0;
  for (let index = from; index < bytes.length; index += step, total++) counts[bytes[index]!]!++;
  const expected = total / 256;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
