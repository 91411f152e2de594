// Every statement that reads or writes records. Pure: a description of the table in, SQL with numbered binds out. Names are the
// dictionary's, in quotes; values are bound, all but the system change number, which is digits. `where` is the config's, trusted.

import type { Field } from '../../mapping/mapping.ts';
import { comparableSql, guardSql, isNullAware, readSql, wholeSql, writeSql } from './column-sql.ts';
import type { Column } from './columns.ts';
import { quote, type TableName } from './names.ts';
import type { Spelling } from './spellings.ts';

/** A replica's table with the columns of its mapping. */
export interface Place extends TableName {
  readonly key: readonly KeyPart[];
  readonly fields: readonly PlacedField[];
  readonly where?: string;
  /** False for a view: its rows have no place of their own. */
  readonly hasRowids: boolean;
}

export interface PlacedField {
  readonly field: Field;
  readonly column: Column;
  /** Where a text column has several ways to spell a value. */
  readonly spelling?: Spelling;
}

export interface KeyPart extends PlacedField {
  readonly match: Match;
}

/** How one part of a key is looked up: equal to one value, to one of several spellings of it, or within a range, both ends included. */
export type Match = 'equal' | { readonly spellings: number } | 'range';

/** A column and what it is set to, around the statement's next bind or by itself. */
export interface Setting {
  readonly column: Column;
  sql(bind: () => string): string;
}

function plainly(column: Column): Setting {
  return { column, sql: (bind) => writeSql(column, bind()) };
}

/** Binds in the order in which a statement names them: `:1`, `:2` … */
class Binds {
  private count = 0;

  next(): string {
    this.count++;
    return `:${this.count}`;
  }
}

export function tableSql({ owner, table }: TableName): string {
  return `${quote(owner)}.${quote(table)}`;
}

/** All records: key columns, then field columns. `scn`: as of that moment. */
export function scanSql(place: Place, scn?: string): string {
  return `SELECT ${readColumns(place)} FROM ${tableSql(place)}${asOf(scn)}${whereSql(place)}`;
}

/** Reads nothing; fails where AS OF SCN is not allowed. */
export function probeScnSql(place: TableName, scn: string): string {
  return `SELECT 1 FROM ${tableSql(place)}${asOf(scn)} WHERE 1 = 0`;
}

/** The number of records. */
export function countAllSql(place: Place): string {
  return `SELECT COUNT(*) FROM ${tableSql(place)}${whereSql(place)}`;
}

/** The number of records, but at most `most`. */
export function countSql(place: Place, most: number): string {
  return `SELECT COUNT(*) FROM (SELECT 1 AS X FROM ${tableSql(place)}${whereSql(place)} FETCH FIRST ${most} ROWS ONLY) Q`;
}

/** Some records' values of a few columns, to see how they are spelled. */
export function sampleSql(place: Place, columns: readonly Column[]): string {
  const names = columns.map((column) => quote(column.name)).join(', ');
  return `SELECT ${names} FROM ${tableSql(place)}${whereSql(place)} FETCH FIRST 20 ROWS ONLY`;
}

/** Records by key, with their ROWID before the columns of `scanSql`. Binds: the keys one after the other, each part in its order. */
export function fetchSql(place: Place, keys: number): string {
  const rowid = place.hasRowids ? 'ROWID, ' : '';
  return `SELECT ${rowid}${readColumns(place)} FROM ${tableSql(place)}${whereSql(place, keysSql(place, keys))}`;
}

function keysSql({ key }: Place, count: number): string {
  const binds = new Binds();
  const each = <T>(make: () => T): T[] => Array.from({ length: count }, make);
  if (key.every(({ match }) => match === 'equal')) {
    const names = key.map(({ column }) => quote(column.name)).join(', ');
    const values = each(() => key.map(({ column }) => comparableSql(column, binds.next())).join(', '));
    return key.length === 1
      ? `${names} IN (${values.join(', ')})`
      : `(${names}) IN (${values.map((value) => `(${value})`).join(', ')})`;
  }
  const conditions = each(() => key.map((part) => matchSql(part, binds)).join(' AND '));
  return `(${conditions.map((condition) => `(${condition})`).join(' OR ')})`;
}

function matchSql({ column, match }: KeyPart, binds: Binds): string {
  const name = quote(column.name);
  const value = () => comparableSql(column, binds.next());
  if (match === 'equal') return `${name} = ${value()}`;
  if (match === 'range') return `${name} BETWEEN ${value()} AND ${value()}`;
  return `${name} IN (${Array.from({ length: match.spellings }, value).join(', ')})`;
}

/** Whole records by ROWID, that before what `wholeSql` reads of each column. Binds: the ROWIDs. */
export function captureSql(place: Place, columns: readonly Column[], rowids: number): string {
  const binds = new Binds();
  const read = columns.flatMap(wholeSql);
  const wanted = Array.from({ length: rowids }, () => binds.next()).join(', ');
  return `SELECT ${['ROWID', ...read].join(', ')} FROM ${tableSql(place)} WHERE ROWID IN (${wanted})`;
}

/**
 * Puts a whole record back where `beside` others of its key are. `values`: what each column is to hold. Binds: the key, each part as it is looked up,
 * then those of the values.
 */
export function restoreSql(place: Place, values: readonly Setting[], beside: number): string {
  const binds = new Binds();
  const isKey = place.key.map((part) => matchSql(part, binds)).join(' AND ');
  const held = values.map((value) => value.sql(() => binds.next()));
  const names = values.map(({ column }) => quote(column.name));
  return `MERGE INTO ${tableSql(place)} T USING (SELECT 1 AS X FROM DUAL WHERE (SELECT COUNT(*) FROM ${tableSql(place)} WHERE ${isKey}) = ${beside}) S ON (1 = 0)
WHEN NOT MATCHED THEN INSERT (${names.join(', ')}) VALUES (${held.join(', ')})`;
}

/** Writes a record where its key is free. Binds: the key, then the fields that can be written. */
export function insertSql(place: Place): string {
  const binds = new Binds();
  const keys = place.key.map(({ column }, i) => `${writeSql(column, binds.next())} AS K${i}`);
  const isKey = place.key.map(({ column }, i) => `T.${quote(column.name)} = ${padded(column, `S.K${i}`)}`);
  const written = [
    ...place.key.map(({ column }, i) => ({ column, value: `S.K${i}` })),
    ...place.fields.map(({ column }) => ({ column, value: '' })),
  ].filter(({ column }) => !column.virtual);
  const values = written.map(({ column, value }) => (value === '' ? writeSql(column, binds.next()) : value));
  const names = written.map(({ column }) => quote(column.name));
  return `MERGE INTO ${tableSql(place)} T USING (SELECT ${keys.join(', ')} FROM DUAL) S ON (${isKey.join(' AND ')})
WHEN NOT MATCHED THEN INSERT (${names.join(', ')}) VALUES (${values.join(', ')})`;
}

function padded(column: Column, value: string): string {
  return column.form === 'char' ? comparableSql(column, value) : value;
}

/**
 * Sets fields (by index) of a record that is as it was read; `values`: how, where not to a plain value. `nulls`: see `guarded`. Binds: those of
 * the new values, then the guard's.
 */
export function updateSql(
  place: Place,
  fields: readonly number[],
  nulls: readonly boolean[],
  values: readonly Setting[] = fields.map((index) => plainly(place.fields[index]!.column)),
): string {
  const binds = new Binds();
  const sets = values.map((value) => `${quote(value.column.name)} = ${value.sql(() => binds.next())}`);
  return `UPDATE ${tableSql(place)} SET ${sets.join(', ')}${guarded(place, nulls, binds)}`;
}

/** Removes a record that is as it was read. */
export function deleteSql(place: Place, nulls: readonly boolean[]): string {
  return `DELETE FROM ${tableSql(place)}${guarded(place, nulls, new Binds())}`;
}

/**
 * The very row that was read, as long as no mapped column has changed since. Binds: the ROWID; the key, each part as it is looked up if it is looked
 * up by one value, else as it was read; each field as it was read, but for null-aware ones that were null (`nulls`, by index of the field).
 */
function guarded(place: Place, nulls: readonly boolean[], binds: Binds): string {
  const conditions = place.hasRowids ? [`ROWID = ${binds.next()}`] : [];
  for (const part of place.key) {
    // In the form that an index can serve, where there is one: of a view there is no ROWID.
    conditions.push(part.match === 'equal' ? matchSql(part, binds) : guardSql(part.column, binds.next()));
  }
  for (const [i, { column }] of place.fields.entries()) {
    conditions.push(guardSql(column, isNullAware(column) && nulls[i] ? undefined : binds.next()));
  }
  return whereSql(place, ...conditions);
}

function readColumns({ key, fields }: Place): string {
  return [...key, ...fields].map(({ column }) => readSql(column)).join(', ');
}

function asOf(scn: string | undefined): string {
  if (scn === undefined) return '';
  if (!/^\d+$/.test(scn)) throw new Error(`not a system change number: ${scn}`);
  return ` AS OF SCN ${scn}`;
}

/** The config's condition on a line of its own: it may end in a comment. */
function whereSql({ where }: Place, ...more: readonly string[]): string {
  const conditions = [...more, ...(where === undefined ? [] : [`(${where}\n)`])];
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}
