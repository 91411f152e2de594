// Tells the driver of what type each bound value is, so that it never guesses, and how large the largest of a batch is.

import type oracledb from 'oracledb';
import type { BindKind } from './column-sql.ts';
import type { BindValue } from './encode.ts';
import type { IntervalParts } from './intervals.ts';
import type { Driver } from './session.ts';

/** Up to here SQL takes a text or RAW by value; larger ones travel as temporary LOBs. */
const PLAIN_TEXT_BYTES = 4000;
const PLAIN_BYTES = 2000;

export interface Batch {
  readonly rows: unknown[][];
  readonly bindDefs: oracledb.BindDefinition[];
}

/** Rows for executeMany: one value a bind, `kinds` in the order of the binds. */
export function makeBatch(driver: Driver, kinds: readonly BindKind[], rows: readonly (readonly BindValue[])[]): Batch {
  const bindDefs = kinds.map((kind, i) => definitionOf(driver, kind, rows, i));
  return { rows: rows.map((row) => row.map((value, i) => native(driver, kinds[i]!, value))), bindDefs };
}

/** The binds of one statement. */
export function makeBinds(driver: Driver, kinds: readonly BindKind[], values: readonly BindValue[]) {
  return values.map((value, i): oracledb.BindParameter => {
    const kind = kinds[i % kinds.length]!;
    return { ...definitionOf(driver, kind, [[value]], 0), val: native(driver, kind, value) };
  });
}

function definitionOf(
  driver: Driver,
  kind: BindKind,
  rows: readonly (readonly BindValue[])[],
  index: number,
): oracledb.BindDefinition {
  const dir = driver.BIND_IN;
  switch (kind) {
    case 'text':
      return { dir, type: driver.DB_TYPE_VARCHAR, maxSize: largest(rows, index) };
    case 'nationalText':
      return { dir, type: driver.DB_TYPE_NVARCHAR, maxSize: largest(rows, index) };
    case 'longText':
    case 'nationalLongText': {
      const maxSize = largest(rows, index);
      const isNational = kind === 'nationalLongText';
      if (maxSize > PLAIN_TEXT_BYTES) return { dir, type: isNational ? driver.DB_TYPE_NCLOB : driver.DB_TYPE_CLOB };
      return { dir, type: isNational ? driver.DB_TYPE_NVARCHAR : driver.DB_TYPE_VARCHAR, maxSize };
    }
    case 'bytes':
      return { dir, type: driver.DB_TYPE_RAW, maxSize: largest(rows, index) };
    case 'longBytes': {
      const maxSize = largest(rows, index);
      return maxSize > PLAIN_BYTES ? { dir, type: driver.DB_TYPE_BLOB } : { dir, type: driver.DB_TYPE_RAW, maxSize };
    }
    case 'single':
      return { dir, type: driver.DB_TYPE_BINARY_FLOAT };
    case 'double':
      return { dir, type: driver.DB_TYPE_BINARY_DOUBLE };
    case 'boolean':
      return { dir, type: driver.DB_TYPE_BOOLEAN };
    case 'yearToMonth':
      return { dir, type: driver.DB_TYPE_INTERVAL_YM };
    case 'dayToSecond':
      return { dir, type: driver.DB_TYPE_INTERVAL_DS };
  }
}

/** In bytes, at least 1. UTF-16, which national texts travel in, takes at most twice the bytes of UTF-8. */
function largest(rows: readonly (readonly BindValue[])[], index: number): number {
  let most = 1;
  for (const row of rows) {
    const value = row[index];
    if (typeof value === 'string') most = Math.max(most, Buffer.byteLength(value));
    else if (Buffer.isBuffer(value)) most = Math.max(most, value.length);
  }
  return most;
}

function native(driver: Driver, kind: BindKind, value: BindValue): unknown {
  if (value === null) return null;
  if (kind === 'yearToMonth') return Object.assign(new driver.IntervalYM(), value as IntervalParts);
  return kind === 'dayToSecond' ? Object.assign(new driver.IntervalDS(), value as IntervalParts) : value;
}
