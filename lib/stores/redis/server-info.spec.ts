import { describe, expect, it } from 'vitest';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { warningsAbout } from './server-info.js';

const infoOf = (fields: Record<string, string>) =>
  ['# Server', ...Object.entries(fields).map(([name, value]) => `${name}:${value}`), ''].join('\r\n');
const healthy = {
  redis_version: '7.0.15',
  role: 'master',
  maxmemory: '1000',
  maxmemory_policy: 'noeviction',
};

describe('warningsAbout', () => {
  it.each(['6.2.0', '6.2.14', '6.10.0', '7.0.15', '8.2.1', '10.0.0'])('takes Redis %s', redis_version => {
    expect(warningsAbout([infoOf({ ...healthy, redis_version })])).toEqual([]);
  });

  it('takes Valkey, which names the Redis it is compatible with', () => {
    const valkey = { ...healthy, redis_version: '7.2.4', server_name: 'valkey', valkey_version: '8.1.0' };
    expect(warningsAbout([infoOf(valkey)])).toEqual([]);
  });

  it.each(['6.0.16', '5.0.14', '2.8.0'])('refuses Redis %s, on whichever master it is', redis_version => {
    const infos = [infoOf(healthy), infoOf({ ...healthy, redis_version })];
    expect(() => warningsAbout(infos)).toThrow(StoreRefusedError);
    expect(() => warningsAbout(infos)).toThrow(`this is Redis ${redis_version}; use Redis 6.2 or newer`);
  });

  it('says the same once for all masters', () => {
    const info = infoOf({ ...healthy, maxmemory_policy: 'allkeys-lru' });
    expect(warningsAbout([info, info, info])).toHaveLength(1);
  });

  it('says nothing of what it is not told', () => {
    expect(warningsAbout(['', 'garbage'])).toEqual([]);
  });
});
