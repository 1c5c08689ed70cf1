import type { MongoSessionStoreOptions } from './mongo-session-store-options.interface.js';
import { isCollection } from './session-collection.js';

/** @throws TypeError that names the option and what to do */
export function checkOptions({ url, client, database, collection }: MongoSessionStoreOptions): void {
  if (url !== undefined && !(typeof url === 'string' && /^mongodb(?:\+srv)?:\/\/./.test(url))) {
    refuse('url', 'must be a connection string that begins with mongodb:// or mongodb+srv://');
  }
  if (client !== undefined && !can(client, 'db', 'connect')) refuse('client', 'must be a MongoClient');
  if (client !== undefined && url !== undefined) {
    refuse('url', 'is given together with "client"; keep one of the two');
  }
  if (database !== undefined && !isName(database)) refuse('database', 'must be the name of a database');
  if (!isCollection(collection)) {
    if (collection !== undefined && !isName(collection)) {
      refuse('collection', 'must be the name of a collection, or a Collection');
    }
    return;
  }
  if (!can(collection, 'findOneAndUpdate'))
    refuse('collection', 'must be the name of a collection, or a Collection');
  const beside = Object.entries({ url, client, database }).find(([, value]) => value !== undefined);
  if (beside)
    refuse(beside[0], 'has no effect beside a Collection, which has its client and database; remove it');
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
