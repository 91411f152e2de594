// PostgreSQL: a database of the bench's own, one table a copy. The source is made here too.

import pg from 'pg';
import QueryStream from 'pg-query-stream';
import { sqlText } from '../../fixtures/georiesgo/column.ts';
import { incidents } from '../../fixtures/georiesgo/incidents.ts';
import { seedGeoriesgo } from '../../fixtures/georiesgo/seed.ts';
import { type Copy, DATABASE, SEED, sourceSizes, sourceTable } from '../copies.ts';
import { expectRecords, keyOf, otherTitle, rowOf, slices } from '../rows.ts';
import type { BenchStore } from './bench-store.ts';

const BATCH_ROWS = 500;

const NAMES = incidents.columns.map((column) => column.name);
const SETS = NAMES.slice(1).map((name) => `${name} = excluded.${name}`);

export const postgres: BenchStore = {
  place: (url, { target }) => ({ url: urlOf(url, DATABASE), replica: { target } }),

  clear: (url) => dropDatabase(url, DATABASE),

  async seed(url, copies) {
    await createDatabase(url, DATABASE);
    const own = urlOf(url, DATABASE);
    await seedTables(own, new Map(copies.map(({ name, target, rows }) => [target, name === 'empty' ? 0 : rows])));
  },

  async plantDrift(url, { target, drift }) {
    await withPostgres(urlOf(url, DATABASE), async (client) => {
      const changes = [drift.changed.map(keyOf), drift.changed.map(otherTitle)];
      const updated = await client.query(
        `UPDATE ${target} SET title = changed.title FROM unnest($1::text[], $2::text[]) AS changed (id, title)
         WHERE ${target}.id = changed.id`,
        changes,
      );
      expectRecords(updated.rowCount, drift.changed.length, `update of ${target}`);
      const removed = await client.query(`DELETE FROM ${target} WHERE id = ANY($1)`, [drift.missing.map(keyOf)]);
      expectRecords(removed.rowCount, drift.missing.length, `delete from ${target}`);
      for (const { sql, values } of upsertsOf(target, drift.orphans)) await client.query(sql, values);
    });
  },

  drain: (url, { target }) =>
    withPostgres(urlOf(url, DATABASE), async (client) => {
      let records = 0;
      for await (const record of client.query(new QueryStream(`select * from ${target}`)))
        if (record !== null) records += 1;
      return records;
    }),

  async prepareBulkWrite(url, { target, drift }) {
    const client = await connected(urlOf(url, DATABASE));
    const statements = upsertsOf(target, [...drift.changed, ...drift.missing]);
    const orphans = drift.orphans.map(keyOf);
    return {
      run: async () => {
        for (const { sql, values } of statements) await client.query(sql, values);
        const removed = await client.query(`DELETE FROM ${target} WHERE id = ANY($1)`, [orphans]);
        expectRecords(removed.rowCount, orphans.length, `delete from ${target}`);
      },
      close: () => client.end(),
    };
  },
};

/** A table for each size of copy. */
export async function seedSource(url: string, rows: readonly number[]): Promise<void> {
  await createDatabase(url, DATABASE);
  await seedTables(urlOf(url, DATABASE), new Map(sourceSizes(rows).map((size) => [sourceTable(size), size])));
}

export async function withPostgres<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connected(url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Makes it anew. */
export async function createDatabase(url: string, name: string): Promise<void> {
  await dropDatabase(url, name);
  await withPostgres(url, (client) => client.query(`CREATE DATABASE ${name}`));
}

export async function dropDatabase(url: string, name: string): Promise<void> {
  await withPostgres(url, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
}

export function urlOf(url: string, database: string): string {
  const own = new URL(url);
  own.pathname = `/${database}`;
  return own.href;
}

/** What is left of seeding must not be written out, cleaned up or hinted during a measurement. */
export async function settle(url: string): Promise<void> {
  await withPostgres(url, async (client) => {
    await client.query('VACUUM ANALYZE');
    await client.query('CHECKPOINT');
  });
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // A lost connection shows in the query; without a listener it would end the process.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** By name: how many rows, the first ones. */
async function seedTables(url: string, tables: ReadonlyMap<string, number>): Promise<void> {
  const all = Math.max(...tables.values());
  await seedGeoriesgo({ source: url, tables: ['incidents'] }, { rows: all, seed: SEED });
  await withPostgres(url, async (client) => {
    // Some of them are called as it is.
    await client.query('ALTER TABLE incidents RENAME TO seeded');
    for (const [name, rows] of tables) {
      await client.query(`CREATE TABLE ${name} (LIKE seeded INCLUDING ALL)`);
      const keys = rows === all ? [] : [Array.from({ length: rows }, (_, index) => keyOf(index))];
      const chosen = rows === all ? '' : 'WHERE id = ANY($1)';
      const copied = await client.query(`INSERT INTO ${name} SELECT * FROM seeded ${chosen}`, keys);
      expectRecords(copied.rowCount, rows, `copy to ${name}`);
    }
    await client.query('DROP TABLE seeded');
  });
  await settle(url);
}

function upsertsOf(target: Copy['target'], indexes: readonly number[]) {
  return Array.from(slices(indexes, BATCH_ROWS), (slice) => {
    const values: (string | null)[] = [];
    const tuples = slice.map((index) => {
      const row = rowOf(index);
      const places = incidents.columns.map(({ name, type }) => `$${values.push(sqlText(type, row[name]!))}`);
      return `(${places.join(', ')})`;
    });
    const sql = `INSERT INTO ${target} (${NAMES.join(', ')}) VALUES ${tuples.join(', ')}
      ON CONFLICT (id) DO UPDATE SET ${SETS.join(', ')}`;
    return { sql, values };
  });
}
