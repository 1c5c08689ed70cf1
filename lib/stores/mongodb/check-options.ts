import { OptionProblems } from '../../store/option-problems.js';
import type { MongoSessionStoreOptions } from './mongodb-session-store-options.interface.js';
import { isCollection } from './session-collection.js';

/** @throws TypeError that names every wrong option and its remedy, and never repeats a password */
export function checkOptions({ url, client, database, collection }: MongoSessionStoreOptions): void {
  const problems = new OptionProblems('mongodb');
  if (url !== undefined && !(typeof url === 'string' && /^mongodb(?:\+srv)?:\/\/./.test(url))) {
    problems.add(
      'url',
      'is not a connection string; write one that begins with mongodb:// or mongodb+srv://.',
    );
  }
  if (client !== undefined && !can(client, 'db', 'connect')) {
    problems.add('client', 'is not a client of mongodb 6 or 7; write a MongoClient of that package.');
  }
  if (client !== undefined && url !== undefined) {
    problems.add('url', 'is given together with "client"; keep one of the two.');
  }
  if (database !== undefined && !isName(database)) {
    problems.add('database', 'is not the name of a database; write a text without "$" and NUL.');
  }
  const isUsable = isCollection(collection) ? can(collection, 'findOneAndUpdate') : isName(collection);
  if (collection !== undefined && !isUsable) {
    problems.add(
      'collection',
      'is not a collection; write its name, without "$" and NUL, or a Collection of the driver.',
    );
  }
  if (isCollection(collection) && isUsable) {
    for (const [option, value] of Object.entries({ url, client, database })) {
      if (value === undefined) continue;
      problems.add(
        option,
        'has no effect with a Collection, which has its own client and database; remove it.',
      );
    }
  }
  problems.throwIfAny();
}

function can(value: unknown, ...methods: string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every(method => typeof (value as Record<string, unknown>)[method] === 'function')
  );
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && !/[\0$]/.test(value);
}
