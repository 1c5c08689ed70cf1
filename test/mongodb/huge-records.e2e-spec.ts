import type { Collection } from 'mongodb';
import { beforeAll, it } from 'vitest';
import { expectToBear, type Planter } from '../support/huge-records.js';
import { describeWithMongo, freshDatabase } from '../support/mongodb-server.js';
import { platforms } from '../support/platforms.js';

/** A document can have at most 16 MB. */
const FIFTEEN_MB = 15 * 1024 ** 2;

describeWithMongo('a document that is as large as MongoDB takes them', ({ url }) => {
  let documents: Collection<{ _id: string; m: string }>;
  beforeAll(async () => {
    documents = (await freshDatabase(url)).collection('sessions');
  });

  const planter: Planter = {
    text: (id, length) =>
      documents.updateOne({ _id: id }, { $set: { 'd.d:big': JSON.stringify('x'.repeat(length)) } }),
    meta: (id, length) => documents.updateOne({ _id: id }, { $set: { m: 'x'.repeat(length) } }),
    holds: async (id, length) => (await documents.findOne({ _id: id }))?.m.length === length,
  };

  it.each(platforms)(
    'costs its reading, and ends no process and no session, on $name',
    platform =>
      expectToBear(FIFTEEN_MB, planter, platform, { type: 'mongodb', url, database: documents.dbName }),
    60_000,
  );
});
