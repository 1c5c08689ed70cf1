import { StoreRefusedError } from '../../store/store-refused.error.js';

export const INDEX_CONFLICTS: readonly unknown[] = [85, 86];
export const UNAUTHORIZED = 13;
export const UNKNOWN_COMMAND = 59;
const DUPLICATE_KEY = 11_000;
const FAILED_VALIDATION = 121;

/** Errors that MongoDB repeats until something is changed, each with its remedy. */
const REMEDIES = new Map<unknown, string>([
  [UNAUTHORIZED, "the user may not do this: the store's README lists the privileges that it needs."],
  [18, 'check the user name, the password and "authSource".'],
  [73, 'choose another name for the database or the collection.'],
  [79, 'the write concern names a mode that the replica set does not have.'],
  [100, 'the write concern asks for more members than the replica set has.'],
  [
    FAILED_VALIDATION,
    "the collection's validator refuses session documents: give the store a collection of its own.",
  ],
  [166, 'this is a view: give the store a collection of its own.'],
  [10_334, 'the document would be larger than MongoDB allows: lower "maxSize".'],
  [14_031, 'the disk of the server is full: make room, or let sessions end sooner.'],
]);

/** Errors with which the driver itself refuses, each with its remedy. */
const DRIVER_REFUSALS: Readonly<Record<string, string>> = {
  MongoCompatibilityError: 'use MongoDB 5.0 or newer.',
  MongoParseError: 'correct the connection string.',
  MongoInvalidArgumentError: 'correct the options.',
  MongoMissingCredentialsError: 'complete the connection string.',
  MongoMissingDependencyError: 'install that package.',
};

/** The error that the store throws for an error of the driver. */
export function storeErrorOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error instanceof StoreRefusedError) return error;
  const remedy = REMEDIES.get(codeOf(error)) ?? DRIVER_REFUSALS[error.name] ?? atlasRemedy(error);
  if (remedy === undefined) return error;
  // The error of a validator quotes the document, and session data must not reach a log.
  const cause = codeOf(error) === FAILED_VALIDATION ? new Error(error.message) : error;
  return new StoreRefusedError(`[session:mongodb] ${withoutStop(error.message)}: ${remedy}`, { cause });
}

/** The error code of MongoDB. */
export function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code;
}

/** Whether a document with this `_id` exists already. */
export function isDuplicate(error: unknown): boolean {
  return codeOf(error) === DUPLICATE_KEY;
}

/** Atlas uses one code for everything that it refuses. */
function atlasRemedy(error: Error): string | undefined {
  if (codeOf(error) !== 8000 || !/auth/i.test(error.message)) return undefined;
  return REMEDIES.get(18);
}

function withoutStop(message: string): string {
  return message.replace(/\.$/, '');
}
