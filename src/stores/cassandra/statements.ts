// The CQL of one replica. Pure text; values are always bound. The first column of every SELECT carries the mark of raw-result.ts.

import { isMultiCell } from './cql-type.ts';
import { MARK } from './raw-result.ts';
import type { Column, Table } from './schema.ts';
import { quoted } from './session.ts';

/** `where` is the condition of the replica's config; it comes last, so that bound values are those of the statement. */
export function selectText(
  table: Table,
  expressions: readonly string[],
  conditions: readonly string[],
  where?: string,
  limit?: number,
): string {
  const [first, ...rest] = expressions;
  const all = where === undefined ? conditions : [...conditions, where];
  return [
    `SELECT ${[`${first} AS ${quoted(MARK)}`, ...rest].join(', ')} FROM ${nameOf(table)}`,
    all.length === 0 ? '' : ` WHERE ${all.join(' AND ')}`,
    limit === undefined ? '' : ` LIMIT ${limit}`,
    where === undefined ? '' : ' ALLOW FILTERING',
  ].join('');
}

export function nameOf({ keyspace, name }: Table): string {
  return `${quoted(keyspace)}.${quoted(name)}`;
}

export function tokenText({ partitionKey }: Table): string {
  return `token(${partitionKey.map((column) => quoted(column.name)).join(', ')})`;
}

export function equals(columns: readonly Column[]): string[] {
  return columns.map((column) => `${quoted(column.name)} = ?`);
}

/** MAXWRITETIME came with this version; before it, nobody tells when a collection was written that is not frozen. */
const TELLS_COLLECTIONS = 5;

/** When the column was last written; undefined where the server can't tell. Not for the primary key. */
export function writeTimeText(column: Column, version: number): string | undefined {
  if (!isMultiCell(column.type)) return `WRITETIME(${quoted(column.name)})`;
  return version >= TELLS_COLLECTIONS ? `MAXWRITETIME(${quoted(column.name)})` : undefined;
}

/** Seconds that the column's value still has to live; of a collection a list. */
export function timeToLiveText(column: Column, version: number): string | undefined {
  return isMultiCell(column.type) && version < TELLS_COLLECTIONS ? undefined : `TTL(${quoted(column.name)})`;
}

/** Binds the time, the seconds to live, the values and the primary key. */
export function updateText(table: Table, columns: readonly Column[]): string {
  const sets = columns.map((column) => `${quoted(column.name)} = ?`);
  return `UPDATE ${nameOf(table)} USING TIMESTAMP ? AND TTL ? SET ${sets.join(', ')} WHERE ${equals(table.primaryKey).join(' AND ')}`;
}

/** Adds elements to a collection. Binds as `updateText` with the one column. */
export function addText(table: Table, { name }: Column): string {
  const column = quoted(name);
  return `UPDATE ${nameOf(table)} USING TIMESTAMP ? AND TTL ? SET ${column} = ${column} + ? WHERE ${equals(table.primaryKey).join(' AND ')}`;
}

/** Binds the values, the time and the seconds to live. */
export function insertText(table: Table, columns: readonly Column[]): string {
  const names = columns.map((column) => quoted(column.name));
  return `INSERT INTO ${nameOf(table)} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')}) USING TIMESTAMP ? AND TTL ?`;
}

/** Binds the time and the primary key. */
export function deleteText(table: Table): string {
  return `DELETE FROM ${nameOf(table)} USING TIMESTAMP ? WHERE ${equals(table.primaryKey).join(' AND ')}`;
}
