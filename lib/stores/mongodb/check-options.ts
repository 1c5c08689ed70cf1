import type { MongoSessionStoreOptions } from './mongodb-session-store-options.interface.js';
import { isCollection } from './session-collection.js';

/** @throws TypeError that names the option and what to do */
export function checkOptions({ url, client, database, collection }: MongoSessionStoreOptions): void {
  if (url !== undefined && !(typeof url === 'string' && /^mongodb(?:\+srv)?:\/\/./.test(url))) {
    refuse('url', 'is not a connection string; write one that begins with mongodb:// or mongodb+srv://.');
  }
  if (client !== undefined && !can(client, 'db', 'connect'))
    refuse('client', 'is not a client of mongodb 6 or 7; write a MongoClient of that package.');
  if (client !== undefined && url !== undefined) {
    refuse('url', 'is given together with "client"; keep one of the two.');
  }
  if (database !== undefined && !isName(database))
    refuse('database', 'is not the name of a database; write a text without "$" and NUL.');
  if (!isCollection(collection)) {
    if (collection !== undefined && !isName(collection)) {
      refuseCollection();
    }
    return;
  }
  if (!can(collection, 'findOneAndUpdate')) refuseCollection();
  const beside = Object.entries({ url, client, database }).find(([, value]) => value !== undefined);
  if (beside)
    refuse(beside[0], 'has no effect with a Collection, which has its own client and database; remove it.');
}

function refuseCollection(): never {
  refuse(
    'collection',
    'is not a collection; write its name, without "$" and NUL, or a Collection of the driver.',
  );
}

function refuse(option: string, what: string): never {
  throw new TypeError(`[session:mongodb] "${option}" ${what}`);
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
