import assert from 'node:assert/strict';
import type { StoreCase } from './store-case.js';
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
];
