import { TcpProxy } from '../support/tcp-proxy.js';
import { testFaults } from '../support/faults.js';
import { describeWithMongo, freshDatabase } from '../support/mongodb-server.js';

describeWithMongo('an application whose MongoDB', ({ url }) => {
  const database = freshDatabase(url).then(({ databaseName }) => databaseName);
  let name: string;
  testFaults({
    async start() {
      name = await database;
      return { proxy: await TcpProxy.start(Number(/:(\d+)/.exec(url)?.[1])) };
    },
    // A direct connection keeps the client on the proxy. As a replica set the server would give its own address.
    options: port => ({
      type: 'mongodb',
      url: `mongodb://127.0.0.1:${port}/?directConnection=true`,
      database: name,
    }),
  });
});
