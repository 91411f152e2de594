// What the writes of one transaction share: where they go, outcomes, and values to be written.

import type { Row } from '../../mapping/mapping.ts';
import { keyText } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import type { Change, Guarded, Outcome } from '../store.ts';
import type { Access } from './access.ts';
import { encode } from './encode.ts';
import { fetchRows, tokenOf } from './fetch.ts';
import { nodeImage } from './images.ts';
import { sameNative } from './native.ts';
import type { Connection, Run } from './session.ts';
import type { Column } from './shape.ts';
import { reviveValue } from './stored.ts';

export interface Work {
  readonly connection: Connection;
  readonly access: Access;
  /** Of the transaction that is under way. */
  readonly run: Run;
}

export type Insert = Extract<Change, { kind: 'insert' }>;
export type Update = Extract<Change, { kind: 'update' }>;

/** How records of one sort are written. Each gives one outcome a change; updates and deletes are of records that are locked and as expected. */
export interface Writes {
  insert(work: Work, inserts: readonly Insert[]): Promise<readonly Outcome[]>;
  update(work: Work, updates: readonly Update[]): Promise<readonly Outcome[]>;
  remove(work: Work, deletes: readonly Guarded[]): Promise<readonly Outcome[]>;
}

export const written: Outcome = { outcome: 'written' };
export const unchanged: Outcome = { outcome: 'unchanged' };
export const moved: Outcome = { outcome: 'moved' };

export function refused(error: string): Outcome {
  return { outcome: 'refused', error };
}

/** The canonical value of a column in a row. */
export function valueIn({ access }: Work, column: Column, row: Row): string | null {
  return column.isKey ? row.key[column.index]! : row.values[column.index - access.shape.keys]!;
}

/** What the row says of these columns, as a map of properties. Throws ValueError, which names the field. */
export function propertiesOf(work: Work, columns: readonly Column[], row: Row): Record<string, unknown> {
  return Object.fromEntries(
    columns.flatMap((column) => {
      const value = valueIn(work, column, row);
      return value === null ? [] : [[column.property, nativeOf(work, column, value)]];
    }),
  );
}

/** As it is to be written. Throws ValueError, which names the field. */
export function nativeOf({ connection, access }: Work, column: Column, value: string): unknown {
  try {
    return encode(connection.neo4j, column.field, value, access.habits.byColumn[column.index]);
  } catch (error) {
    if (error instanceof ValueError) {
      const { target, sensitive } = column.field;
      throw new ValueError(`${target}: ${sensitive ? 'Neo4j does not hold the value' : error.message}`);
    }
    throw error;
  }
}

/** What an update sets: own properties, null to remove one. Columns at the ends are left out. */
export function assignmentsOf(work: Work, update: Update): Record<string, unknown> {
  const { columns, keys } = work.access.shape;
  const { row, fields, expected, image } = update;
  const { natives } = tokenOf(expected);
  if (image !== undefined) return oldValues(work, update);
  return Object.fromEntries(
    fields.flatMap((field) => {
      const column = columns[keys + field]!;
      const value = row.values[field]!;
      if (column.side !== undefined) return [];
      if (value !== null) return [[column.property, nativeOf(work, column, value)]];
      return (natives[column.index] ?? null) === null ? [] : [[column.property, null]];
    }),
  );
}

/** With the types that they had; what was away is taken away. */
function oldValues({ connection, access }: Work, { fields, expected, image }: Update): Record<string, unknown> {
  const { columns, keys } = access.shape;
  // The properties of a relationship's image have the same name.
  const { properties } = nodeImage(image);
  return Object.fromEntries(
    fields.flatMap((field) => {
      const { index, property, side } = columns[keys + field]!;
      if (side !== undefined) return [];
      const stored = properties[property];
      const native = stored === undefined ? null : reviveValue(connection.neo4j, stored);
      return sameNative(native, tokenOf(expected).natives[index] ?? null) ? [] : [[property, native]];
    }),
  );
}

/** Turns a ValueError into a refusal. */
export function orRefused<Result>(make: () => Result): Result | Outcome {
  try {
    return make();
  } catch (error) {
    if (error instanceof ValueError) return refused(error.message);
    throw error;
  }
}

/** Keys of the rows that stand there by now, inside of `where` or not: there, too, the key is taken. */
export async function keysPresent(work: Work, rows: readonly Row[]): Promise<ReadonlySet<string>> {
  return new Set((await countPresent(work, rows)).keys());
}

/** The same, with how many records have each key. */
export async function countPresent(work: Work, rows: readonly Row[]): Promise<ReadonlyMap<string, number>> {
  const keys = rows.map(({ key }) => key);
  const counts = new Map<string, number>();
  for (const { key } of await fetchRows(work.connection.neo4j, work.run, withoutWhere(work.access), keys)) {
    counts.set(keyText(key), (counts.get(keyText(key)) ?? 0) + 1);
  }
  return counts;
}

export function withoutWhere(access: Access): Access {
  return { ...access, shape: { ...access.shape, where: undefined } };
}
