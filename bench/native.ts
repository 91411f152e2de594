// The benchmark's own writes, by the native drivers alone: copies, drift, and the bare bulk write that a repair is
// measured against.

import { type AnyBulkWriteOperation, type Collection, type Db, type Document, MongoClient } from 'mongodb';
import pg from 'pg';
import { documentOf, sqlText } from '../fixtures/georiesgo/column.ts';
import { idOf, incidents } from '../fixtures/georiesgo/incidents.ts';
import { type Copy, DATABASE, type Drift, SEED, type StoreKind } from './copies.ts';

type Incident = Document & { _id: string };

const BATCH_ROWS = 500;
const MARK = ' (cambiado)';

const NAMES = incidents.columns.map((column) => column.name);
const SETS = NAMES.slice(1).map((name) => `${name} = excluded.${name}`);

export async function withPostgres<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  // A lost connection shows in the query; without a listener it would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export async function withMongodb<T>(url: string, work: (db: Db) => Promise<T>): Promise<T> {
  const client = new MongoClient(url);
  try {
    await client.connect();
    return await work(client.db(DATABASE));
  } finally {
    await client.close();
  }
}

/** Turns a copy that is equal into one that has exactly this drift. */
export async function plantDrift(store: StoreKind, url: string, { target, drift }: Copy): Promise<void> {
  const changed = drift.changed.map(keyOf);
  const missing = drift.missing.map(keyOf);
  if (store === 'postgres') {
    await withPostgres(url, async (client) => {
      const update = await client.query(`UPDATE ${target} SET title = title || $2 WHERE id = ANY($1)`, [changed, MARK]);
      expectRecords(update.rowCount, changed.length, `update of ${target}`);
      const removed = await client.query(`DELETE FROM ${target} WHERE id = ANY($1)`, [missing]);
      expectRecords(removed.rowCount, missing.length, `delete from ${target}`);
      await upsert(client, target, drift.orphans);
    });
    return;
  }
  await withMongodb(url, async (db) => {
    const updates = drift.changed.map((index) => {
      const title = `${incidents.row(SEED, index).title}${MARK}`;
      return { updateOne: { filter: { _id: keyOf(index) }, update: { $set: { title } } } };
    });
    const deletes = missing.map((_id) => ({ deleteOne: { filter: { _id } } }));
    const inserts = drift.orphans.map((index) => ({ insertOne: { document: recordOf(index) } }));
    const writes = [...updates, ...deletes, ...inserts];
    const done = await recordsOf(db, target).bulkWrite(writes, { ordered: false });
    expectRecords(done.modifiedCount, updates.length, `update of ${target}`);
    expectRecords(done.deletedCount, deletes.length, `delete from ${target}`);
    expectRecords(done.insertedCount, inserts.length, `insert into ${target}`);
  });
}

/** Everything that undoes the drift, made before the clock starts; running it is the bare bulk write. */
export interface BulkWrite {
  run(): Promise<void>;
}

export function bulkWriteToPostgres(client: pg.Client, target: string, drift: Drift): BulkWrite {
  const statements = upsertsOf(target, [...drift.changed, ...drift.missing]);
  const orphans = drift.orphans.map(keyOf);
  return {
    run: async () => {
      for (const { sql, values } of statements) await client.query(sql, values);
      const removed = await client.query(`DELETE FROM ${target} WHERE id = ANY($1)`, [orphans]);
      expectRecords(removed.rowCount, orphans.length, `delete from ${target}`);
    },
  };
}

export function bulkWriteToMongodb(db: Db, target: string, drift: Drift): BulkWrite {
  const writes: AnyBulkWriteOperation<Incident>[] = [...drift.changed, ...drift.missing].map((index) => {
    const replacement = recordOf(index);
    return { replaceOne: { filter: { _id: replacement._id }, replacement, upsert: true } };
  });
  for (const index of drift.orphans) writes.push({ deleteOne: { filter: { _id: keyOf(index) } } });
  return {
    run: async () => {
      const done = await recordsOf(db, target).bulkWrite(writes, { ordered: false });
      expectRecords(done.matchedCount + done.upsertedCount + done.deletedCount, writes.length, 'bulk write');
    },
  };
}

/** Inserts generated rows from `start` to before `end`. */
export async function insertDocuments(db: Db, target: string, start: number, end: number): Promise<void> {
  const documents = Array.from({ length: end - start }, (_, i) => recordOf(start + i));
  await recordsOf(db, target).insertMany(documents, { ordered: false });
}

/** Of the rows 0 to `count - 1`. */
export function firstKeys(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => keyOf(index));
}

async function upsert(client: pg.Client, target: string, indexes: readonly number[]): Promise<void> {
  for (const { sql, values } of upsertsOf(target, indexes)) await client.query(sql, values);
}

function upsertsOf(target: string, indexes: readonly number[]) {
  const statements: { sql: string; values: (string | null)[] }[] = [];
  for (let start = 0; start < indexes.length; start += BATCH_ROWS) {
    const values: (string | null)[] = [];
    const tuples = indexes.slice(start, start + BATCH_ROWS).map((index) => {
      const row = incidents.row(SEED, index);
      const places = incidents.columns.map(({ name, type }) => `$${values.push(sqlText(type, row[name]!))}`);
      return `(${places.join(', ')})`;
    });
    const sql = `INSERT INTO ${target} (${NAMES.join(', ')}) VALUES ${tuples.join(', ')}
      ON CONFLICT (id) DO UPDATE SET ${SETS.join(', ')}`;
    statements.push({ sql, values });
  }
  return statements;
}

function keyOf(index: number): string {
  return idOf('inc', SEED, index);
}

function recordsOf(db: Db, target: string): Collection<Incident> {
  return db.collection<Incident>(target);
}

function recordOf(index: number): Incident {
  return documentOf(incidents, incidents.row(SEED, index)) as Incident;
}

function expectRecords(count: number | null, wanted: number, what: string): void {
  if (count !== wanted) throw new Error(`${what} met ${count ?? 'no'} records instead of ${wanted}`);
}
