// A random table's rows planted on both sides: the source has them, a replica holds them with their damages; and what a check is to find of it.

import type pg from 'pg';
import type { Report } from '../../src/index.ts';
import type { Harness, NativeRecord } from '../stores/contract.ts';
import { columnsIn, heldIn, makeRandomPlace, type RandomPlace } from './random-places.ts';
import { type Cell, type RandomRow, type RandomTable, TYPES } from './random-tables.ts';

const VERSION = Date.UTC(2026, 0, 1);

export interface Planted {
  readonly row: RandomRow;
  /** What a replica holds that can hold everything; undefined: nothing. The version comes last. */
  readonly held?: readonly Cell[];
}

export function plant(table: RandomTable, row: RandomRow): Planted {
  const isChanged = row.fate !== 'kept' && row.fate !== 'orphan';
  const values = row.values.map((cell, i) => (isChanged && i === row.position ? row.other[i]! : cell));
  return { row, held: row.fate === 'missing' ? undefined : [...values, ...versionOf(table, row.fate)] };
}

function versionOf(table: RandomTable, fate: RandomRow['fate']): readonly Cell[] {
  if (!table.versioned) return [];
  const step = { stale: -1, ahead: 1 }[fate as string] ?? 0;
  const canonical = `${new Date(VERSION + step).toISOString().slice(0, -1)}000Z`;
  return [{ pg: canonical, canonical }];
}

/** What is to be found in one store, in the words of `foundIn`. */
export function expectedIn(name: string, harness: Harness, table: RandomTable, planted: readonly Planted[]): string[] {
  return planted.flatMap(({ row, held }) => {
    const key = row.key.map((cell) => cell.canonical).join('|');
    if (row.fate === 'orphan' || row.fate === 'missing') return [`${name} ${row.fate} ${key} `];
    const before = [...row.values, ...versionOf(table, 'kept')];
    const fields = columnsIn(harness, table).filter((column) => {
      const at = [...table.columns.map((each) => each.name), 'updated_at'].indexOf(column.name);
      return heldIn(harness, column, before[at]!.canonical) !== heldIn(harness, column, held![at]!.canonical);
    });
    if (fields.length === 0) return [];
    const found = row.fate === 'changed' ? 'mismatched' : row.fate;
    return [`${name} ${found} ${key} ${fields.map((column) => column.name).sort()}`];
  });
}

/** In the table `things`, made anew. */
export async function writeSource(source: pg.Client, table: RandomTable, planted: readonly Planted[]): Promise<void> {
  const columns = [
    ...table.key.map(({ name, type }) => `${name} ${TYPES[type]!.pg} not null`),
    ...table.columns.map(({ name, type }) => `${name} ${TYPES[type]!.pg}`),
    ...(table.versioned ? ['updated_at timestamptz not null'] : []),
    `primary key (${table.key.map(({ name }) => name).join(', ')})`,
  ];
  await source.query(`drop table if exists things; create table things (${columns.join(', ')})`);
  for (const { row } of planted.filter((each) => each.row.fate !== 'orphan')) {
    const values = [...row.key, ...row.values, ...versionOf(table, 'kept')].map((cell) => cell.pg);
    await source.query(`insert into things values (${values.map((_, i) => `$${i + 1}`).join(', ')})`, values);
  }
}

/** In a new place of the harness' server. */
export async function writeReplica(
  harness: Harness,
  table: RandomTable,
  planted: readonly Planted[],
): Promise<RandomPlace> {
  const place = await makeRandomPlace(harness, table);
  const columns = columnsIn(harness, table);
  const names = [...table.columns.map(({ name }) => name), 'updated_at'];
  const records = planted.flatMap(({ row, held }): NativeRecord[] => {
    if (held === undefined) return [];
    const values = columns.map((column, i) => {
      const value = heldIn(harness, column, held[names.indexOf(column.name)]!.canonical);
      // A null may be stored or left out.
      return value === null && i % 2 === 1 ? undefined : value;
    });
    return [{ key: row.key.map((cell) => cell.canonical!), values }];
  });
  await place.write(records);
  return place;
}

/** A line for each finding that the report holds, in the words of `expectedIn`. */
export function foundIn(report: Report): string[] {
  return report.replicas
    .flatMap((replica) => replica.findings.map((finding) => [replica.store, finding] as const))
    .map(([store, { class: found, key, fields }]) => {
      const names = fields.map((field) => field.name).sort();
      return `${store} ${found} ${Object.values(key).join('|')} ${names}`;
    })
    .sort();
}
