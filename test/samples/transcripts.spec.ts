import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { blocksOf, read } from '../package/documentation.js';
import { hasCurl, stepsOf, type } from '../package/transcript.js';
import { describeWithMongo, freshDatabase } from '../support/mongodb-server.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';
import { Samples } from './running-sample.js';

vi.setConfig({ testTimeout: 60_000 }); // a start compiles the samples first

describe('the READMEs of the samples', () => {
  let samples: Samples;
  beforeAll(async () => {
    samples = await Samples.copy();
  });
  afterAll(() => samples.dispose());

  async function expectToPrintItsReadme(name: string, settings?: Record<string, string>): Promise<void> {
    const readme = read(`sample/${name}/README.md`);
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(20);
    const [block] = blocksOf(readme, 'console', name);
    const [start, ...steps] = stepsOf(block!.code);
    expect(start!.command).toBe(name === '01-quick-start' ? 'npm start' : `npm start -- ${name}`);
    expect(steps.length).toBeGreaterThan(1);

    const sample = await samples.start(name, settings);
    const address = new URL(sample.url).host;
    expect(sample.output().trim()).toBe(start!.expected.replace('localhost:3000', address));
    const cwd = await mkdtemp(join(samples.folder, 'client-'));
    for (const { command, expected } of steps) {
      expect(await type(command, cwd, sample.url), command).toBe(
        expected.replaceAll('localhost:3000', address),
      );
    }
    await sample.stop();
  }

  it.skipIf(!hasCurl).each(['01-quick-start', '02-fastify', '03-typed-session', '06-custom-store'])(
    '%s prints what its README says, in at most 20 lines',
    name => expectToPrintItsReadme(name),
  );

  describeWithRedis('with Redis', () => {
    it.skipIf(!hasCurl)('04-redis prints what its README says, in at most 20 lines', async () => {
      await expectToPrintItsReadme('04-redis', { REDIS_URL: (await RedisServer.start()).url });
    });
  });

  describeWithMongo('with MongoDB', ({ url }) => {
    it.skipIf(!hasCurl)('05-mongodb prints what its README says, in at most 20 lines', async () => {
      const { databaseName } = await freshDatabase(url);
      const MONGODB_URI = url.replace(/^(mongodb.*:\/\/[^/?]+)\/?[^?]*/, `$1/${databaseName}`);
      await expectToPrintItsReadme('05-mongodb', { MONGODB_URI });
    });
  });
});
