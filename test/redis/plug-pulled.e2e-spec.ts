import { afterEach, beforeEach, describe, it } from 'vitest';
import { expectToSurvive, type Outage } from '../support/outage.js';
import { platforms } from '../support/platforms.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';

/** Acknowledged writes survive a crash of Redis, so a missing session means that the library lost it. */
const kept = ['--appendonly', 'yes', '--appendfsync', 'no'];

describeWithRedis('an application under load whose Redis', () => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await RedisServer.start(kept);
  });
  afterEach(() => server.stop());

  const outages: [string, () => Outage][] = [
    ['is killed and started again', () => ({ begin: () => server.kill(), end: () => server.restart(kept) })],
    ['freezes and thaws', () => ({ begin: () => server.freeze(), end: () => server.thaw() })],
  ];
  describe.each(outages)('%s', (_, outage) => {
    it.each(platforms)(
      'answers 503 in time, never "logged out", other routes as ever, and is back within two seconds, on $name',
      platform => expectToSurvive(outage(), platform, { type: 'redis', url: server.url }),
    );
  });
});
