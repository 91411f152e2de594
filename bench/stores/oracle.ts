// Oracle: a prefix of the tables' names a copy. Only a stand-in runs here: its figures say nothing of Oracle.

import oracledb from 'oracledb';
import { connectOracle } from '../../engines/oracle.ts';
import { incidents } from '../../fixtures/georiesgo/incidents.ts';
import { boundRow, insertInto, type Oracle, openOracle, oracleCopy } from '../../fixtures/georiesgo/oracle/native.ts';
import { seedOracle } from '../../fixtures/georiesgo/oracle/seed.ts';
import { TABLES } from '../../fixtures/georiesgo/tables.ts';
import { COPY_NAMES, type Copy, copyOf, DATABASE, SEED } from '../copies.ts';
import { keyOf, otherTitle, rowOf } from '../rows.ts';
import type { BenchStore } from './bench-store.ts';

const FETCH_ROWS = 1000;

const STATUSES = incidents.columns.find(({ name }) => name === 'status')!.codes!.legacy!;

export const oracle: BenchStore = {
  place: (url, copy) => ({
    url,
    replica: { target: `${prefixOf(copy)}${incidents.name}`, fields: { status: { map: STATUSES } } },
  }),

  async clear(url) {
    for (const name of COPY_NAMES) {
      await withOracle(url, copyOf(name, 0), async (own) => {
        for (const table of TABLES) {
          await own.change(`DROP TABLE ${own.prefix}${table.name} PURGE`).catch((error: Error) => {
            if (!error.message.includes('ORA-00942')) throw error;
          });
        }
      });
    }
  },

  async seed(url, copies) {
    for (const copy of copies) {
      const tables = copy.name === 'empty' ? [] : [incidents];
      await seedOracle({ url, prefix: prefixOf(copy) }, tables, { rows: copy.rows, seed: SEED });
    }
  },

  plantDrift: (url, copy) =>
    withOracle(url, copy, async (own) => {
      const records = oracleCopy(own);
      const { changed, missing, orphans } = copy.drift;
      for (const index of changed) await records.set(incidents, rowOf(index), { title: otherTitle(index) });
      for (const index of missing) await records.remove(incidents, rowOf(index));
      for (const index of orphans) await records.insert(incidents, rowOf(index));
    }),

  async drain(url, copy) {
    const connection = await connectOracle(url);
    try {
      const { resultSet } = await connection.execute(`SELECT * FROM ${prefixOf(copy)}${incidents.name}`, [], {
        resultSet: true,
        outFormat: oracledb.OUT_FORMAT_OBJECT,
        fetchArraySize: FETCH_ROWS,
        // Otherwise a LOB is a stream that has to be read by itself.
        fetchTypeHandler: ({ dbType }) => (dbType === oracledb.DB_TYPE_CLOB ? { type: oracledb.STRING } : undefined),
      });
      let records = 0;
      for (;;) {
        const rows = await resultSet!.getRows(FETCH_ROWS);
        if (rows.length === 0) break;
        for (const record of rows) if (record !== null) records += 1;
      }
      await resultSet!.close();
      return records;
    } finally {
      await connection.close();
    }
  },

  async prepareBulkWrite(url, copy) {
    const own = await openOracle({ url, prefix: prefixOf(copy) }, 1);
    await own.query('SELECT 1 FROM DUAL');
    const { changed, missing, orphans } = copy.drift;
    const { sql, bindings } = insertInto(own, incidents);
    const rows = [...changed, ...missing].map((index) => boundRow(incidents, bindings, rowOf(index)));
    const removed = [...changed, ...orphans].map((index) => [keyOf(index)]);
    const key = bindings.slice(0, 1);
    return {
      run: async () => {
        await own.changeMany(`DELETE FROM ${own.prefix}${incidents.name} WHERE id = :1`, key, removed);
        await own.changeMany(sql, bindings, rows);
      },
      close: () => own.close(),
    };
  },
};

async function withOracle(url: string, copy: Copy, work: (oracle: Oracle) => Promise<void>): Promise<void> {
  const own = await openOracle({ url, prefix: prefixOf(copy) }, 1);
  try {
    await work(own);
  } finally {
    await own.close();
  }
}

function prefixOf({ target }: Copy): string {
  return `${DATABASE}_${target}_`;
}
