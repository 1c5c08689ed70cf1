import { afterEach, beforeEach, describe, it } from 'vitest';
import { describeWithMongo, freshDatabase } from '../support/mongodb-server.js';
import { expectToSurvive, type Outage } from '../support/outage.js';
import { platforms } from '../support/platforms.js';
import { TcpProxy } from '../support/tcp-proxy.js';

describeWithMongo('an application under load whose MongoDB', ({ url }) => {
  const target = Number(/:(\d+)/.exec(url)?.[1]);
  let database: string;
  let proxy: TcpProxy;
  beforeEach(async () => {
    database = (await freshDatabase(url)).databaseName;
    proxy = await TcpProxy.start(target);
  });
  afterEach(() => proxy.close());

  const outages: [string, () => Outage][] = [
    [
      'is gone, connections and port, and comes back',
      () => {
        const { port } = proxy;
        return {
          begin: () => proxy.close(),
          async end() {
            proxy = await TcpProxy.start(target, port);
          },
        };
      },
    ],
    ['freezes and thaws', () => ({ begin: () => proxy.freeze(), end: () => proxy.thaw() })],
  ];
  describe.each(outages)('%s', (_, outage) => {
    it.each(platforms)(
      'answers 503 in time, never "logged out", other routes as ever, and is back within two seconds, on $name',
      // A direct connection keeps the client on the proxy. As a replica set the server would give its own address.
      platform =>
        expectToSurvive(outage(), platform, {
          type: 'mongodb',
          url: `mongodb://127.0.0.1:${proxy.port}/?directConnection=true`,
          database,
        }),
    );
  });
});
