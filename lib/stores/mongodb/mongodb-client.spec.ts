import { describe, expect, it } from 'vitest';
import { errorOf, printed } from '../../../test/support/redis-records.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { assertVersion } from './collection-set-up.js';
import { makeClient } from './mongodb-client.js';

describe('the client that the store makes', () => {
  it('waits 2 s for a server, for a connection and for each answer while it connects, and 5 s for other answers', async () => {
    const { options } = await makeClient('mongodb://localhost:27017');
    expect(options).toMatchObject({
      serverSelectionTimeoutMS: 2_000,
      waitQueueTimeoutMS: 2_000,
      connectTimeoutMS: 2_000,
      socketTimeoutMS: 5_000,
      appName: 'nestjs-http-session',
    });
  });

  it('takes what the connection string says instead, in any case', async () => {
    const url = 'mongodb://localhost/?SocketTimeoutms=700&appName=shop&serverSelectionTimeoutMS=800';
    const { options } = await makeClient(url);
    expect(options).toMatchObject({
      socketTimeoutMS: 700,
      appName: 'shop',
      serverSelectionTimeoutMS: 800,
      connectTimeoutMS: 2_000,
    });
  });

  it.each([
    'mongodb://zoe:open-sesame@host:port/',
    'mongodb://zoe:open-sesame@:27017/?bad',
    'mongodb://zoe:open-sesame@host/?replicaSet=',
    'mongodb://zoe:open-sesame@host/?noSuchOption=1',
    'mongodb+srv://zoe:open-sesame@host1,host2/',
    'mongodb://zoe:open-sesame@sesame@host/',
  ])('%s is refused, and nothing that a log prints has the password', async url => {
    const error = await errorOf(makeClient(url));
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(printed(error)).not.toContain('sesame');
  });
});

// Servers that old cannot be had next to a current one; they say what they are in the answer to one command.
const serverOf = (hello: () => Promise<object>) => ({ command: hello });

describe('a server that is too old', () => {
  it.each([
    ['4.4', async () => ({ maxWireVersion: 9 })],
    [
      'one that does not know the question',
      () => Promise.reject(Object.assign(new Error('no such command'), { code: 59 })),
    ],
    ['one that says nothing', async () => ({})],
  ])('%s is refused', async (_, hello) => {
    await expect(assertVersion(serverOf(hello))).rejects.toThrow(StoreRefusedError);
    await expect(assertVersion(serverOf(hello))).rejects.toThrow('older than MongoDB 5.0');
  });

  it('5.0 is accepted, and a missing answer is not a refusal', async () => {
    await assertVersion(serverOf(async () => ({ maxWireVersion: 13 })));
    const gone = assertVersion(serverOf(() => Promise.reject(new Error('connection closed'))));
    await expect(gone).rejects.toThrow('connection closed');
  });
});
