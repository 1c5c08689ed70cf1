import { MongoServerError } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { printed } from '../../../test/support/redis-records.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { storeErrorOf } from './mongodb-errors.js';

describe('storeErrorOf', () => {
  it('keeps to itself what a validator quotes of the document: session data and ids', () => {
    const failure = new MongoServerError({
      message: 'Document failed validation',
      code: 121,
      errInfo: {
        failingDocumentId: 'secret',
        details: { schemaRulesNotSatisfied: [{ reason: 'type did not match', consideredValue: 'secret' }] },
      },
    });
    expect(printed(failure)).toContain('secret');
    const error = storeErrorOf(failure);
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.message).toMatch(/^\[session:mongodb\] Document failed validation: .*validator/);
    expect(error.cause).toBeInstanceOf(Error);
    expect(printed(error)).not.toContain('secret');
  });

  it('gives a fault that may pass on as the driver has it', () => {
    const failure = new MongoServerError({ message: 'interrupted at shutdown', code: 11_600 });
    expect(storeErrorOf(failure)).toBe(failure);
  });
});
