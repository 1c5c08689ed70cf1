import { expect, it, vi } from 'vitest';
import { errorOf, idOf } from '../../../test/support/redis-records.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { RedisSessionStore } from './redis.store.js';

// As on a machine where nobody installed it.
vi.mock('ioredis', () => {
  throw Object.assign(new Error("Cannot find package 'ioredis'"), { code: 'ERR_MODULE_NOT_FOUND' });
});

it('without ioredis the store can be made, and start-up stops and says what to install', async () => {
  const errors = [
    await errorOf(new RedisSessionStore().open()),
    await errorOf(new RedisSessionStore().load(idOf('a'))),
  ];
  for (const error of errors) {
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.message).toContain('npm install ioredis');
    expect(error.cause).toBeInstanceOf(Error);
  }
});
