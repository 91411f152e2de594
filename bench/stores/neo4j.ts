// Neo4j: a label a copy, guarded by a constraint, with properties in camelCase.

import type { ResultSummary, Session } from 'neo4j-driver';
import { neo4jDriver } from '../../engines/neo4j.ts';
import type { Row } from '../../fixtures/georiesgo/column.ts';
import { incidents } from '../../fixtures/georiesgo/incidents.ts';
import { type Moment, momentText } from '../../fixtures/georiesgo/moment.ts';
import { COPY_NAMES, type Copy, copyOf, DATABASE } from '../copies.ts';
import { expectRecords, keyOf, otherTitle, rowBatches, rowOf, slices } from '../rows.ts';
import type { BenchStore } from './bench-store.ts';

const BATCH_NODES = 5000;

const PROPERTIES = incidents.columns.map(({ name, field }) => ({ name, property: field === '_id' ? 'id' : field }));

/** Of `row`, for a pattern or SET. */
const MAP = `{${PROPERTIES.map(({ property }) => {
  const value = `row.${property}`;
  return `${property}: ${property === 'updatedAt' ? `datetime(${value})` : value}`;
}).join(', ')}}`;

export const neo4j: BenchStore = {
  place: (url, copy) => ({ url, replica: { target: labelOf(copy), naming: 'camelCase' } }),

  clear: (url) =>
    withNeo4j(url, async (run) => {
      for (const name of COPY_NAMES) {
        const label = labelOf(copyOf(name, 0));
        await run(`MATCH (n:${label}) CALL (n) { DELETE n } IN TRANSACTIONS OF 5000 ROWS`);
        await run(`DROP CONSTRAINT ${label} IF EXISTS`);
      }
    }),

  seed: (url, copies) =>
    withNeo4j(url, async (run) => {
      for (const copy of copies) {
        const label = labelOf(copy);
        await run(`CREATE CONSTRAINT ${label} FOR (n:${label}) REQUIRE n.id IS UNIQUE`);
        for (const rows of rowBatches(copy.name === 'empty' ? 0 : copy.rows, BATCH_NODES))
          await run(`UNWIND $rows AS row CREATE (:${label} ${MAP})`, { rows: rows.map(parametersOf) });
      }
    }),

  plantDrift: (url, copy) =>
    withNeo4j(url, async (run) => {
      const label = labelOf(copy);
      const { changed, missing, orphans } = copy.drift;
      const titles = changed.map((index) => ({ id: keyOf(index), title: otherTitle(index) }));
      const set = await run(`UNWIND $rows AS row MATCH (n:${label} {id: row.id}) SET n.title = row.title`, {
        rows: titles,
      });
      expectRecords(set.counters.updates().propertiesSet, changed.length, `update of ${label}`);
      const removed = await run(`MATCH (n:${label}) WHERE n.id IN $keys DELETE n`, { keys: missing.map(keyOf) });
      expectRecords(removed.counters.updates().nodesDeleted, missing.length, `delete of ${label}`);
      const rows = orphans.map((index) => parametersOf(rowOf(index)));
      await run(`UNWIND $rows AS row CREATE (:${label} ${MAP})`, { rows });
    }),

  // Whole nodes with the driver's defaults, as applications do it.
  drain: (url, copy) =>
    withSession(url, async (session) => {
      let records = 0;
      for await (const record of session.run(`MATCH (n:${labelOf(copy)}) RETURN n`))
        if (record.get('n').properties !== null) records += 1;
      return records;
    }),

  async prepareBulkWrite(url, copy) {
    const driver = await neo4jDriver(url);
    const session = driver.session();
    await session.run('RETURN 1');
    const label = labelOf(copy);
    const { changed, missing, orphans } = copy.drift;
    const batches = [...slices([...changed, ...missing], BATCH_NODES)].map((indexes) =>
      indexes.map((index) => parametersOf(rowOf(index))),
    );
    const keys = orphans.map(keyOf);
    return {
      run: async () => {
        for (const rows of batches)
          await session.run(`UNWIND $rows AS row MERGE (n:${label} {id: row.id}) SET n = ${MAP}`, { rows });
        await session.run(`UNWIND $keys AS key MATCH (n:${label} {id: key}) DELETE n`, { keys });
      },
      close: () => driver.close(),
    };
  },
};

type Run = (cypher: string, parameters?: Record<string, unknown>) => Promise<ResultSummary>;

/** Each statement in a transaction that it commits by itself. */
function withNeo4j(url: string, work: (run: Run) => Promise<void>): Promise<void> {
  return withSession(url, (session) =>
    work(async (cypher, parameters) => (await session.run(cypher, parameters)).summary),
  );
}

async function withSession<T>(url: string, work: (session: Session) => Promise<T>): Promise<T> {
  const driver = await neo4jDriver(url);
  try {
    return await work(driver.session());
  } finally {
    await driver.close();
  }
}

function labelOf({ target }: Copy): string {
  return `${DATABASE}_${target}`;
}

/** A plain number becomes a float, and null no property. */
function parametersOf(row: Row): Record<string, unknown> {
  return Object.fromEntries(
    PROPERTIES.map(({ name, property }) => {
      const cell = row[name]!;
      return [property, name === 'updated_at' ? `${momentText(cell as Moment).replace(' ', 'T')}Z` : cell];
    }),
  );
}
