import { afterEach, beforeEach, describe, it } from 'vitest';
import { expectToSurvive, type Outage } from '../support/outage.js';
import { platforms } from '../support/platforms.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';

/** So that what was acknowledged is there after a crash, and a session that is missing was lost by us. */
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
