import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { sessionStoreCases } from '../../../lib/testing/index.js';
import { brokenAbilities } from './broken-abilities.js';
import { brokenIndexes } from './broken-indexes.js';
import { brokenRecords } from './broken-records.js';
import { brokenRotations } from './broken-rotations.js';
import { harnessOf, type BrokenStore } from './broken-store.js';
import { brokenUpdates } from './broken-updates.js';
import { ReferenceStore } from './reference.store.js';

const brokenStores: readonly BrokenStore[] = [
  ...brokenRecords,
  ...brokenUpdates,
  ...brokenRotations,
  ...brokenIndexes,
  ...brokenAbilities,
];

const cases = sessionStoreCases(harnessOf({ Store: ReferenceStore }));

describe('the store that the broken ones are made from', () => {
  it.each(cases)('passes: $name', ({ run }) => run());
});

describe.each(brokenStores)('a store with one defect: $defect', broken => {
  const its = sessionStoreCases(harnessOf(broken));

  it.each(broken.breaks)('fails: %s', async sentence => {
    const error: unknown = await its
      .find(({ name }) => name === sentence)!
      .run()
      .then(
        () => 'the case has passed',
        (reason: unknown) => reason,
      );
    expect(error).toBeInstanceOf(Error);
    if (!(error instanceof AssertionError)) expect((error as Error).message).toMatch(EXPECTED);
  });
});

/** The errors of broken stores that no assertion of the kit has to notice. */
const EXPECTED =
  /^(?:not found|already closed|unknown command|connection refused|no space left|Maximum call stack.*)$/;

describe('the kit', () => {
  it('has no case that every broken store passes', () => {
    const failed = new Set(brokenStores.flatMap(({ breaks }) => breaks));
    expect(cases.map(({ name }) => name).filter(name => !failed.has(name))).toEqual([]);
  });
});
