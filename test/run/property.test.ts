// For random tables, values, mappings and damages the findings are the planted damages, nothing more and nothing less: all six stores in one
// run, all strategies, whatever the batches.

import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type Config, check, parseConfig, type Report, type RunOptions } from '../../src/index.ts';
import { freshPostgres } from '../databases.ts';
import { startCassandra } from '../stores/cassandra-harness.ts';
import type { Harness } from '../stores/contract.ts';
import { startMongodb } from '../stores/mongodb-harness.ts';
import { toOtherSpelling } from '../stores/mongodb-native.ts';
import { startNeo4j } from '../stores/neo4j-harness.ts';
import { plainColumns, startOracle, textColumns } from '../stores/oracle-harness.ts';
import { startPostgres } from '../stores/postgres-harness.ts';
import { startRedis } from '../stores/redis-harness.ts';
import { expectedIn, foundIn, plant, writeReplica, writeSource } from './planted.ts';
import type { RandomPlace } from './random-places.ts';
import { type RandomTable, randomTable } from './random-tables.ts';

/** By store, each in every way in which it may hold records. */
const STORES: Readonly<Record<string, readonly (() => Promise<Harness>)[]>> = {
  backup: [startPostgres('15')],
  docs: [startMongodb('_id', toOtherSpelling), startMongodb('field', toOtherSpelling)],
  copies: [startCassandra],
  erp: [startOracle(plainColumns), startOracle(textColumns)],
  graph: [startNeo4j('node'), startNeo4j('relationship')],
  kv: [startRedis('hash'), startRedis('json')],
};
const NAMES = Object.keys(STORES);

/** The first is what the others have to agree with. */
const RUNS: readonly RunOptions[] = [
  { batch: 500, concurrency: 8 },
  { batch: 2, concurrency: 1, hash: 'md5' },
  // Too little for digests: sums, then rounds.
  { batch: 2, concurrency: 8, memory: 1000 },
];

/** After that no further table is begun, however busy the machine is. */
const TIME_LIMIT_MS = 60_000;
const { PLUMBLINE_PROPERTY_RUNS: runs } = process.env;

let sourceUrl: string;
let source: pg.Client;
const harnesses = new Map<string, readonly Harness[]>();

beforeAll(async () => {
  sourceUrl = await freshPostgres('18');
  source = new pg.Client({ connectionString: sourceUrl });
  await source.connect();
  for (const [name, starts] of Object.entries(STORES)) {
    harnesses.set(name, await Promise.all(starts.map((start) => start())));
  }
});
afterAll(() => Promise.all([source.end(), ...[...harnesses.values()].flat().map((harness) => harness.close())]));

function configOf(table: RandomTable, chosen: ReadonlyMap<string, Harness>, places: readonly RandomPlace[]): Config {
  const variable = (name: string) => `\${${name.toUpperCase()}_URL}`;
  const file = {
    source: { url: variable('source') },
    stores: Object.fromEntries(NAMES.map((name) => [name, { ...chosen.get(name)!.config, url: variable(name) }])),
    entities: {
      things: {
        table: 'things',
        ...(table.versioned ? { version: 'updated_at' } : {}),
        replicas: NAMES.map((store, i) => ({ store, maxLag: '20ms', ...places[i]!.config })),
      },
    },
    confirm: { interval: '20ms' },
  };
  const urls = NAMES.map((name) => [`${name.toUpperCase()}_URL`, chosen.get(name)!.url]);
  return parseConfig(stringify(file), '/nowhere/plumbline.yaml', {
    SOURCE_URL: sourceUrl,
    ...Object.fromEntries(urls),
  });
}

async function checked(config: Config, options: RunOptions): Promise<Report> {
  const report = await check(config, { keep: false, shown: 1000, ...options });
  expect(report.problems).toEqual([]);
  expect(report.replicas.map((replica) => replica.error)).toEqual(NAMES.map(() => undefined));
  return report;
}

/** All of each finding but when it was seen. */
function timeless(report: Report): string[] {
  return report.replicas
    .flatMap((replica) => replica.findings)
    .map(({ seenAt: _, provenAt: __, ...finding }) => JSON.stringify(finding))
    .sort();
}

test('findings equal the planted damages, whatever the table and the store', { timeout: 900_000 }, async () => {
  const started = performance.now();
  let total = 0;
  const strategies = new Set<string>();
  await fc.assert(
    fc.asyncProperty(randomTable, async (table) => {
      if (runs === undefined && performance.now() - started > TIME_LIMIT_MS) return;
      const chosen = new Map(Array.from(harnesses, ([name, ways]) => [name, ways[table.way % ways.length]!] as const));
      const planted = table.rows.map((row) => plant(table, row));
      await writeSource(source, table, planted);
      const places = await Promise.all([...chosen.values()].map((harness) => writeReplica(harness, table, planted)));
      const config = configOf(table, chosen, places);

      const all = Array.from(chosen, ([name, harness]) => expectedIn(name, harness, table, planted))
        .flat()
        .sort();
      total += all.length;
      let first: string[] | undefined;
      for (const options of RUNS) {
        const report = await checked(config, options);
        for (const { store, strategy } of report.replicas) strategies.add(`${store} ${strategy}`);
        expect(foundIn(report)).toEqual(all);
        first ??= timeless(report);
        expect(timeless(report)).toEqual(first);
      }
      // A look-up sees no orphans.
      const lookedUp = foundIn(await checked(config, { sample: 1 }));
      expect(lookedUp).toEqual(all.filter((line) => line.split(' ')[1] !== 'orphan'));
    }),
    { numRuns: Number(runs ?? 25), endOnFailure: true },
  );
  expect(total).toBeGreaterThan(10);
  expect([...strategies].sort()).toEqual(
    [...NAMES.slice(1).map((name) => `${name} digests`), ...NAMES.map((name) => `${name} sums`)].sort(),
  );
});
