// For random tables, values, mappings and damages the findings are the planted damages, nothing more and nothing less: both stores, all three
// strategies.

import fc from 'fast-check';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check, parseConfig, type RunOptions } from '../../src/index.ts';
import { freshMongo, freshPostgres } from '../databases.ts';
import { type Cell, type RandomRow, type RandomTable, randomTable, sameCell, TYPES } from './random-tables.ts';

const VERSION = Date.UTC(2026, 0, 1);
let source: pg.Client;
let backup: pg.Client;
let mongo: MongoClient;
let urls: { source: string; backup: string; docs: string };

beforeAll(async () => {
  urls = { source: await freshPostgres('18'), backup: await freshPostgres('15'), docs: freshMongo() };
  source = new pg.Client({ connectionString: urls.source });
  backup = new pg.Client({ connectionString: urls.backup });
  mongo = new MongoClient(urls.docs);
  await Promise.all([source.connect(), backup.connect(), mongo.connect()]);
});
afterAll(() => Promise.all([source.end(), backup.end(), mongo.close()]));

interface Planted {
  readonly row: RandomRow;
  /** What the replica holds, undefined: nothing. */
  readonly held?: { readonly values: readonly Cell[]; readonly version: Date };
  readonly finding?: { readonly class: string; readonly fields: readonly string[] };
}

function plant(table: RandomTable, row: RandomRow): Planted {
  const version = new Date(VERSION);
  const held = { values: row.values, version };
  const { type, name } = table.columns[row.position]!;
  const changed = row.values.map((cell, i) => (i === row.position ? row.other[i]! : cell));
  const isChanged = !sameCell(type, row.values[row.position]!, row.other[row.position]!);
  const fields = isChanged ? [name] : [];
  switch (row.fate) {
    case 'kept':
      return { row, held };
    case 'missing':
      return { row, finding: { class: 'missing', fields: [] } };
    case 'orphan':
      return { row, held, finding: { class: 'orphan', fields: [] } };
    case 'changed':
      return {
        row,
        held: { values: changed, version },
        finding: isChanged ? { class: 'mismatched', fields } : undefined,
      };
    case 'stale':
    case 'ahead': {
      const moved = new Date(VERSION + (row.fate === 'stale' ? -1 : 1));
      return {
        row,
        held: { values: changed, version: moved },
        finding: { class: row.fate, fields: [...fields, 'updated_at'] },
      };
    }
  }
}

async function createTables(table: RandomTable, planted: readonly Planted[]): Promise<void> {
  const columns = [
    ...table.keyTypes.map((type, i) => `key_${i} ${TYPES[type]!.pg} not null`),
    ...table.columns.map(({ name, type }) => `${name} ${TYPES[type]!.pg}`),
    ...(table.versioned ? ['updated_at timestamptz not null'] : []),
    `primary key (${table.keyTypes.map((_, i) => `key_${i}`).join(', ')})`,
  ];
  const insert = async (client: pg.Client, row: RandomRow, values: readonly Cell[], version: Date) => {
    const all = [...row.key, ...values].map((cell) => cell.pg);
    if (table.versioned) all.push(version.toISOString());
    await client.query(`insert into things values (${all.map((_, i) => `$${i + 1}`).join(', ')})`, all);
  };
  for (const client of [source, backup])
    await client.query(`drop table if exists things; create table things (${columns.join(', ')})`);
  const collection = mongo.db().collection('things');
  await collection.drop().catch(() => {});
  await mongo.db().createCollection('things');
  const target = (name: string) =>
    table.camelCase ? name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) : name;
  if (table.keyTypes.length > 1)
    await collection.createIndex(Object.fromEntries(table.keyTypes.map((_, i) => [target(`key_${i}`), 1])), {
      unique: true,
    });
  for (const { row, held } of planted) {
    if (row.fate !== 'orphan') await insert(source, row, row.values, new Date(VERSION));
    if (held === undefined) continue;
    await insert(backup, row, held.values, held.version);
    const document: Record<string, unknown> = {};
    row.key.forEach((cell, i) => {
      document[table.keyTypes.length === 1 ? '_id' : target(`key_${i}`)] = cell.mongo;
    });
    held.values.forEach((cell, i) => {
      // A null may be stored or left out.
      if (cell.pg !== null || i % 2 === 0) document[target(table.columns[i]!.name)] = cell.mongo;
    });
    if (table.versioned) document[target('updated_at')] = held.version;
    await collection.insertOne(document as never);
  }
}

function configOf(table: RandomTable) {
  const version = table.versioned ? 'version: updated_at' : '';
  const key = table.keyTypes.length === 1 ? 'fields: { key_0: _id }' : '';
  const text = `
source: { url: "\${SOURCE}" }
stores:
  backup: { kind: postgres, url: "\${BACKUP}" }
  docs: { kind: mongodb, url: "\${DOCS}" }
entities:
  things:
    table: things
    ${version}
    replicas:
      - { store: backup, maxLag: 20ms }
      - store: docs
        maxLag: 20ms
        naming: ${table.camelCase ? 'camelCase' : 'asIs'}
        ${key}
`;
  return parseConfig(text, '/nowhere/plumbline.yaml', { SOURCE: urls.source, BACKUP: urls.backup, DOCS: urls.docs });
}

/** A field that MongoDB holds less precisely than the change that was made to it. */
function isLostInMongo(table: RandomTable, { row }: Planted): boolean {
  const column = table.columns[row.position]!;
  const [a, b] = [row.values[row.position]!, row.other[row.position]!];
  return column.type === 'timestamp' && a.pg !== null && b.pg !== null && a.pg.slice(0, 23) === b.pg.slice(0, 23);
}

function expectedFindings(table: RandomTable, planted: readonly Planted[], orphans: boolean): string[] {
  return planted
    .flatMap((each) => {
      if (each.finding === undefined || (each.finding.class === 'orphan' && !orphans)) return [];
      return ['backup', 'docs'].flatMap((store) => {
        const lost = store === 'docs' && isLostInMongo(table, each) && each.finding!.fields.length > 0;
        const fields = lost ? each.finding!.fields.filter((name) => name === 'updated_at') : each.finding!.fields;
        if (lost && fields.length === 0) return [];
        return [
          `${store} ${each.finding!.class} ${each.row.key.map((cell) => cell.pg).join('|')} ${[...fields].sort()}`,
        ];
      });
    })
    .sort();
}

async function foundBy(table: RandomTable, options: RunOptions): Promise<string[]> {
  const report = await check(configOf(table), { keep: false, shown: 1000, ...options });
  expect(report.problems).toEqual([]);
  expect(report.replicas.map((replica) => replica.error)).toEqual([undefined, undefined]);
  return report.replicas
    .flatMap((replica) => replica.findings)
    .map(
      ({ replica, class: found, key, fields }) =>
        `${replica.split('.')[0]} ${found} ${Object.values(key).join('|')} ${fields.map((field) => field.name).sort()}`,
    )
    .sort();
}

test('findings equal the planted damages, whatever the table', { timeout: 300_000 }, async () => {
  let total = 0;
  await fc.assert(
    fc.asyncProperty(randomTable, async (table) => {
      const planted = table.rows.map((row) => plant(table, row));
      await createTables(table, planted);
      const all = expectedFindings(table, planted, true);
      total += all.length;
      expect(await foundBy(table, {})).toEqual(all);
      expect(await foundBy(table, { memory: 1000 })).toEqual(all);
      expect(await foundBy(table, { hash: 'md5', batch: 2, concurrency: 1 })).toEqual(all);
      const chosen = await foundBy(table, { sample: 1 });
      expect(chosen).toEqual(expectedFindings(table, planted, false));
    }),
    {
      numRuns: Number(process.env.PLUMBLINE_PROPERTY_RUNS ?? 25),
      seed: process.env.PLUMBLINE_PROPERTY_SEED ? Number(process.env.PLUMBLINE_PROPERTY_SEED) : undefined,
      endOnFailure: true,
    },
  );
  expect(total).toBeGreaterThan(10);
});
