import { createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headOf, type ResponseHead } from './response-head.js';

// These tests use a real server, because the result depends on how Node writes the head.

let server: Server;
let answer: RequestListener;
beforeAll(async () => {
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
});

interface Seen {
  readonly status: number | undefined;
  readonly message: string | undefined;
  readonly headers: IncomingMessage['headers'];
}

/** The head that a client receives after these headers, this call of `writeHead` and this change of the head. */
async function sent(
  before: Record<string, string | string[]>,
  args: readonly unknown[] | undefined,
  dress: (head: ResponseHead) => void,
): Promise<Seen> {
  answer = (_, response) => {
    for (const [name, value] of Object.entries(before)) response.setHeader(name, value);
    const copied = args && [...args];
    dress(headOf(response, copied));
    if (copied) response.writeHead(...(copied as [number]));
    response.end('body');
  };
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1' }, response => {
      response.resume();
      resolve({ status: response.statusCode, message: response.statusMessage, headers: response.headers });
    }).on('error', reject);
  });
}

const FORMS: [string, (headers: [string, string | string[]][]) => unknown[]][] = [
  ['an object', headers => [201, Object.fromEntries(headers)]],
  ['a message and an object', headers => [201, 'Made', Object.fromEntries(headers)]],
  ['a flat array', headers => [201, headers.flat()]],
  ['a message and a flat array', headers => [201, 'Made', headers.flat()]],
];

describe.each(FORMS)('a head that is given to writeHead as %s', (form, args) => {
  it('is read and changed, and overrides the headers that were set before', async () => {
    const before = { 'set-cookie': ['before=1'], vary: 'Origin', 'x-kept': 'yes' };
    const given = args([
      ['Set-Cookie', ['given=1', 'given=2']],
      ['Cache-Control', 'public'],
      ['X-Gone', 'yes'],
    ]);
    const seen = await sent(before, given, head => {
      expect(head.status).toBe(201);
      expect(head.get('set-cookie')).toEqual(['given=1', 'given=2']);
      expect(head.get('vary')).toBe('Origin');
      expect(head.get('x-none')).toBeUndefined();
      head.set('set-cookie', ['given=1', 'ours=1']);
      head.set('cache-control', 'no-store');
      head.set('vary', 'Origin, Cookie');
      head.remove('x-gone');
    });
    expect(seen.headers).toMatchObject({
      'set-cookie': ['given=1', 'ours=1'],
      'cache-control': 'no-store',
      vary: 'Origin, Cookie',
      'x-kept': 'yes',
    });
    expect(seen.headers).not.toHaveProperty('x-gone');
    expect(seen.status).toBe(201);
    if (form.includes('message')) expect(seen.message).toBe('Made');
  });

  it('keeps cookies that were set before, if it names no cookie', async () => {
    const seen = await sent({ 'set-cookie': ['before=1'] }, args([['X-Other', '1']]), head => {
      head.set('set-cookie', [...(head.get('set-cookie') as string[]), 'ours=1']);
    });
    expect(seen.headers['set-cookie']).toEqual(['before=1', 'ours=1']);
    expect(seen.headers['x-other']).toBe('1');
  });

  it('is sent unchanged if nothing changes it', async () => {
    const seen = await sent({}, args([['Set-Cookie', ['a=1', 'b=2']]]), () => undefined);
    expect(seen.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });
});

describe('a head without headers in writeHead', () => {
  it.each<[string, unknown[] | undefined]>([
    ['no writeHead at all', undefined],
    ['a status', [204]],
    ['a status and a message', [200, 'Fine']],
  ])('contains the headers that were set before: %s', async (_, args) => {
    const seen = await sent({ 'set-cookie': 'before=1', vary: 'Origin', 'x-gone': 'yes' }, args, head => {
      expect(head.status).toBe(args?.[0] ?? 200);
      expect(head.get('vary')).toBe('Origin');
      head.set('set-cookie', ['before=1', 'ours=1']);
      head.remove('x-gone');
    });
    expect(seen.headers['set-cookie']).toEqual(['before=1', 'ours=1']);
    expect(seen.headers).not.toHaveProperty('x-gone');
  });

  it('combines the values if a name occurs twice in a flat array', async () => {
    const args = [200, ['Set-Cookie', 'a=1', 'set-cookie', 'b=2']];
    const seen = await sent({}, args, head => {
      expect(head.get('set-cookie')).toEqual(['a=1', 'b=2']);
      head.set('set-cookie', ['a=1', 'b=2', 'ours=1']);
    });
    expect(seen.headers['set-cookie']).toEqual(['a=1', 'b=2', 'ours=1']);
  });

  it('accepts an array of pairs', async () => {
    const seen = await sent(
      {},
      [
        200,
        [
          ['X-One', '1'],
          ['X-Two', '2'],
        ],
      ],
      head => {
        expect(head.get('x-two')).toBe('2');
        head.set('vary', 'Cookie');
      },
    );
    expect(seen.headers).toMatchObject({ 'x-one': '1', 'x-two': '2', vary: 'Cookie' });
  });
});
