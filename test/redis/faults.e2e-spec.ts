import { testFaults } from '../support/faults.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';
import { TcpProxy } from '../support/tcp-proxy.js';

describeWithRedis('an application whose Redis', () => {
  testFaults({
    async start() {
      const server = await RedisServer.start();
      return {
        proxy: await TcpProxy.start(server.port),
        pause: () => server.freeze(),
        resume: () => server.thaw(),
        stop: () => server.stop(),
      };
    },
    options: port => ({ type: 'redis', url: `redis://127.0.0.1:${port}` }),
  });
});
