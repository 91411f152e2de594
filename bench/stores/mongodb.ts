// MongoDB: a database of the bench's own, one collection a copy.

import { type AnyBulkWriteOperation, type Collection, type Db, type Document, MongoClient } from 'mongodb';
import { documentOf, type Row } from '../../fixtures/georiesgo/column.ts';
import { incidents } from '../../fixtures/georiesgo/incidents.ts';
import { DATABASE } from '../copies.ts';
import { expectRecords, keyOf, otherTitle, rowBatches, rowOf } from '../rows.ts';
import type { BenchStore } from './bench-store.ts';

type Incident = Document & { _id: string };

const BATCH_DOCUMENTS = 5000;
// A server that is asked for no batch size sends 16 MB at a time; the stand-in would send everything at once, which
// takes twice as long and a gigabyte. This size is the fastest there.
const STAND_IN_BATCH = { batchSize: 1000 };

export const mongodb: BenchStore = {
  place: (url, { target }) => ({
    url,
    store: { database: DATABASE },
    replica: { target, naming: 'camelCase', fields: { id: '_id' } },
  }),

  async clear(url) {
    await withMongodb(url, (db) => db.dropDatabase());
  },

  seed: (url, copies) =>
    withMongodb(url, async (db) => {
      for (const { name, target, rows } of copies) {
        await db.createCollection(target);
        // The next batch is made while the server takes this one.
        let sent: Promise<unknown> = Promise.resolve();
        for (const batch of rowBatches(name === 'empty' ? 0 : rows, BATCH_DOCUMENTS)) {
          const documents = batch.map(recordOf);
          await sent;
          sent = recordsOf(db, target).insertMany(documents, { ordered: false });
        }
        await sent;
      }
    }),

  plantDrift: (url, { target, drift }) =>
    withMongodb(url, async (db) => {
      const updates = drift.changed.map((index) => {
        const update = { $set: { title: otherTitle(index) } };
        return { updateOne: { filter: { _id: keyOf(index) }, update } };
      });
      const deletes = drift.missing.map((index) => ({ deleteOne: { filter: { _id: keyOf(index) } } }));
      const inserts = drift.orphans.map((index) => ({ insertOne: { document: recordOf(rowOf(index)) } }));
      const writes = [...updates, ...deletes, ...inserts];
      const done = await recordsOf(db, target).bulkWrite(writes, { ordered: false });
      expectRecords(done.modifiedCount, updates.length, `update of ${target}`);
      expectRecords(done.deletedCount, deletes.length, `delete from ${target}`);
      expectRecords(done.insertedCount, inserts.length, `insert into ${target}`);
    }),

  drain: (url, { target }, standIn) =>
    withMongodb(url, async (db) => {
      let records = 0;
      for await (const record of db.collection(target).find({}, standIn ? STAND_IN_BATCH : {}))
        if (record !== null) records += 1;
      return records;
    }),

  async prepareBulkWrite(url, { target, drift }) {
    const client = await connected(url);
    const collection = recordsOf(client.db(DATABASE), target);
    const writes: AnyBulkWriteOperation<Incident>[] = [...drift.changed, ...drift.missing].map((index) => {
      const replacement = recordOf(rowOf(index));
      return { replaceOne: { filter: { _id: replacement._id }, replacement, upsert: true } };
    });
    for (const index of drift.orphans) writes.push({ deleteOne: { filter: { _id: keyOf(index) } } });
    return {
      run: async () => {
        const done = await collection.bulkWrite(writes, { ordered: false });
        expectRecords(done.matchedCount + done.upsertedCount + done.deletedCount, writes.length, 'bulk write');
      },
      close: () => client.close(),
    };
  },
};

async function withMongodb<T>(url: string, work: (db: Db) => Promise<T>): Promise<T> {
  const client = await connected(url);
  try {
    return await work(client.db(DATABASE));
  } finally {
    await client.close();
  }
}

async function connected(url: string): Promise<MongoClient> {
  const client = new MongoClient(url);
  try {
    return await client.connect();
  } catch (error) {
    await client.close();
    throw error;
  }
}

function recordsOf(db: Db, target: string): Collection<Incident> {
  return db.collection<Incident>(target);
}

function recordOf(row: Row): Incident {
  return documentOf(incidents, row) as Incident;
}
