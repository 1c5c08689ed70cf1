import assert from 'node:assert/strict';
import { resourcesLeftBy } from './held-resources.js';
import { assertRecord, MINUTE, recordAt, type StoreCase } from './store-case.js';
import { STORE_ABILITIES } from './session-store-harness.interface.js';

export const abilitiesCases: readonly StoreCase[] = [
  {
    name: 'the harness declares every ability that the store has, and no other',
    async run({ store, given }) {
      for (const ability of STORE_ABILITIES) {
        const has = store[ability] !== undefined;
        assert.ok(
          !has || given.has(ability),
          `the store has \`${ability}\`: add it to the \`abilities\` of the harness, so that its cases run`,
        );
        assert.ok(
          has || !given.has(ability),
          `the store has no \`${ability}\`, and the \`abilities\` of the harness contain it`,
        );
      }
    },
  },
  {
    name: 'open returns warnings for the log: a list of texts',
    needs: ['open'],
    async run({ stores }) {
      const warnings: unknown = await (await stores.makeUnopened()).open?.();
      assert.ok(Array.isArray(warnings), 'not a list');
      for (const warning of warnings) assert.equal(typeof warning, 'string');
    },
  },
  {
    name: 'ping resolves if the backend can be used',
    needs: ['ping'],
    async run({ store }) {
      await store.ping?.();
    },
  },
  {
    name: 'close may be called repeatedly, also before open',
    needs: ['close'],
    async run({ store, stores }) {
      for (let i = 0; i < 3; i++) await store.close?.();
      const other = await stores.makeUnopened();
      for (let i = 0; i < 2; i++) await other.close?.();
    },
  },
  {
    name: 'close ends nothing that another store over the same place uses',
    needs: ['close', 'peer'],
    async run({ store, peer, now, id }) {
      await store.create(id('a'), recordAt(now));
      await store.close?.();
      assertRecord(await peer.load(id('a')), recordAt(now));
      assert.equal(await peer.create(id('b'), recordAt(now)), true);
    },
  },
  {
    name: 'close releases the timers and connections that the store opened, so that the process can end',
    needs: ['close'],
    async run({ stores, now, id, user }) {
      const left = await resourcesLeftBy(async () => {
        const other = await stores.makeUnopened();
        await other.open?.();
        await other.create(id('a'), recordAt(now, { expiresAt: now + MINUTE }));
        await other.index?.add(user('u'), id('a'), now + MINUTE, now);
        await other.prune?.(now);
        await other.ping?.();
        await other.close?.();
      });
      assert.deepEqual(left, []);
    },
  },
];
