// Cassandra: a keyspace a copy, with the tables of georiesgo.

import driver from 'cassandra-driver';
import { cassandraCopy, insertInto, openCassandra } from '../../fixtures/georiesgo/cassandra/native.ts';
import { seedCassandra } from '../../fixtures/georiesgo/cassandra/seed.ts';
import { incidents } from '../../fixtures/georiesgo/incidents.ts';
import { COPY_NAMES, type Copy, copyOf, DATABASE, SEED } from '../copies.ts';
import { keyOf, otherTitle, rowOf } from '../rows.ts';
import type { BenchStore } from './bench-store.ts';

const FETCH_SIZE = 5000;
const WRITES_AT_ONCE = 128;

export const cassandra: BenchStore = {
  place: (url, copy) => ({ url: urlOf(url, copy), replica: { target: incidents.name } }),

  async clear(url) {
    await withCassandra(url, async (client) => {
      for (const name of COPY_NAMES) await client.execute(`DROP KEYSPACE IF EXISTS ${keyspaceOf(copyOf(name, 0))}`);
    });
  },

  async seed(url, copies) {
    for (const copy of copies) {
      await withCassandra(url, (client) =>
        client.execute(
          `CREATE KEYSPACE ${keyspaceOf(copy)} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
        ),
      );
      const tables = copy.name === 'empty' ? [] : [incidents];
      await seedCassandra(urlOf(url, copy), tables, { rows: copy.rows, seed: SEED });
    }
  },

  plantDrift: (url, copy) =>
    withCassandra(urlOf(url, copy), async (client) => {
      const records = cassandraCopy(client);
      const { changed, missing, orphans } = copy.drift;
      for (const index of changed) await records.set(incidents, rowOf(index), { title: otherTitle(index) });
      for (const index of missing) await records.remove(incidents, rowOf(index));
      for (const index of orphans) await records.insert(incidents, rowOf(index));
    }),

  drain: (url, copy) =>
    withCassandra(
      urlOf(url, copy),
      (client) =>
        new Promise<number>((resolve, reject) => {
          let records = 0;
          client.eachRow(
            `SELECT * FROM ${incidents.name}`,
            [],
            { prepare: true, autoPage: true, fetchSize: FETCH_SIZE },
            (_n, record) => {
              if (record !== null) records += 1;
            },
            (error) => (error ? reject(error) : resolve(records)),
          );
        }),
    ),

  async prepareBulkWrite(url, copy) {
    const client = openCassandra(urlOf(url, copy));
    await client.connect();
    const { changed, missing, orphans } = copy.drift;
    const writes = [...changed, ...missing].map((index) => {
      const { cql, values } = insertInto(incidents, rowOf(index));
      return { query: cql, params: values };
    });
    for (const index of orphans)
      writes.push({ query: `DELETE FROM ${incidents.name} WHERE id = ?`, params: [keyOf(index)] });
    return {
      run: async () => {
        await driver.concurrent.executeConcurrent(client, writes, { concurrencyLevel: WRITES_AT_ONCE });
      },
      close: () => client.shutdown(),
    };
  },
};

async function withCassandra<T>(url: string, work: (client: driver.Client) => Promise<T>): Promise<T> {
  const client = openCassandra(url);
  try {
    return await work(client);
  } finally {
    await client.shutdown();
  }
}

function keyspaceOf({ target }: Copy): string {
  return `${DATABASE}_${target}`;
}

function urlOf(url: string, copy: Copy): string {
  const own = new URL(url);
  own.pathname = `/${keyspaceOf(copy)}`;
  return own.href;
}
