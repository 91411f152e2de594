// One column in SQL: what is selected of it, what a bound value is turned into, and how both are held against each other. No format and no
// comparison here depends on the session's NLS settings, except that a number's point is a point, which every session is told (session.ts).

import type { Column, Form } from './columns.ts';
import { quote } from './names.ts';
import { digitsOf } from './times.ts';

/** A blank or a minus before the year: the era without a word of some language. */
const SECONDS = `SYYYY-MM-DD"T"HH24:MI:SS`;

/** What a binding is, as far as the driver must be told. `long` ones may exceed what SQL takes as a plain text or RAW. */
export type BindKind =
  | 'text'
  | 'nationalText'
  | 'longText'
  | 'nationalLongText'
  | 'bytes'
  | 'longBytes'
  | 'single'
  | 'double'
  | 'boolean'
  | 'yearToMonth'
  | 'dayToSecond';

/** The select expression whose value `decode.ts` reads. */
export function readSql(column: Column): string {
  const name = quote(column.name);
  switch (column.form) {
    case 'date':
      return `TO_CHAR(${name}, '${SECONDS}')`;
    case 'timestamp':
      return `TO_CHAR(${name}, '${digits(column)}"Z"')`;
    case 'zoned':
    case 'localZoned':
      return `TO_CHAR(SYS_EXTRACT_UTC(${name}), '${digits(column)}"Z"')`;
    case 'json':
      return `JSON_SERIALIZE(${name} RETURNING CLOB)`;
    default:
      return name;
  }
}

/**
 * What `readSql` gives, and what else it takes to put the very value back: of a time with a zone the time as it was entered, with its offset, and
 * its region, if it has one, with what tells summer from winter there; of a LOB its length, since an empty one is read as null.
 */
export function wholeSql(column: Column): readonly string[] {
  const name = quote(column.name);
  switch (column.form) {
    case 'zoned':
      return [readSql(column), `TO_CHAR(${name}, '${digits(column)}TZH:TZM')`, `TO_CHAR(${name}, 'TZR TZD')`];
    case 'clob':
    case 'blob':
      return [readSql(column), `DBMS_LOB.GETLENGTH(${name})`];
    default:
      return [readSql(column)];
  }
}

/** The format of a time as it was entered: an offset behind the time, or a blank and the region. */
export function enteredFormat(column: Column, entered: string): string {
  return /[+-]\d\d:\d\d$/.test(entered)
    ? `${digits(column)}TZH:TZM`
    : `${digits(column)} ${/ .* /.test(entered.trimStart()) ? 'TZR TZD' : 'TZR'}`;
}

/** All digits that the column has: whether fewer would be cut or rounded is not documented. */
function digits(column: Column): string {
  return `${SECONDS}.FF${digitsOf(column)}`;
}

/** A bound value as one of the column's type. */
export function writeSql(column: Column, bind: string): string {
  switch (column.form) {
    case 'number':
      return `CAST(${bind} AS NUMBER)`;
    case 'date':
      return `TO_DATE(${bind}, '${SECONDS}')`;
    case 'timestamp':
      return `TO_TIMESTAMP(${bind}, '${digits(column)}')`;
    case 'zoned':
    case 'localZoned':
      return `TO_TIMESTAMP_TZ(${bind}, '${digits(column)}TZH:TZM')`;
    default:
      return bind;
  }
}

/** What `writeSql` gives, to be held against the column. Blanks at the end of a CHAR don't count only where both sides are CHAR. */
export function comparableSql(column: Column, bind: string): string {
  if (column.form === 'char') return `CAST(${bind} AS ${column.national ? 'NCHAR(1000)' : 'CHAR(2000)'})`;
  return writeSql(column, bind);
}

export function bindKind(column: Column): BindKind {
  switch (column.form) {
    case 'clob':
      return column.national ? 'nationalLongText' : 'longText';
    case 'json':
      return 'longText';
    case 'raw':
      return 'bytes';
    case 'blob':
      return 'longBytes';
    case 'single':
    case 'double':
    case 'boolean':
    case 'yearToMonth':
    case 'dayToSecond':
      return column.form;
    default:
      return column.national ? 'nationalText' : 'text';
  }
}

/** DECODE takes two nulls for equal, but knows only numbers and texts: of these the statement itself must say whether null was read. */
const NULL_AWARE: ReadonlySet<Form> = new Set(['clob', 'json', 'blob', 'boolean', 'yearToMonth', 'dayToSecond']);

export function isNullAware(column: Column): boolean {
  return NULL_AWARE.has(column.form);
}

/** A condition that holds while the column is what `readSql` gave; `bind` is undefined where a null-aware column was null, or an empty LOB. */
export function guardSql(column: Column, bind: string | undefined): string {
  const name = quote(column.name);
  if (bind === undefined) {
    const isLob = column.form === 'clob' || column.form === 'blob';
    return isLob ? `NVL(DBMS_LOB.GETLENGTH(${name}), 0) = 0` : `${name} IS NULL`;
  }
  switch (column.form) {
    case 'clob':
    case 'json':
    case 'blob':
      return `DBMS_LOB.COMPARE(${readSql(column)}, ${bind}) = 0`;
    case 'boolean':
    case 'yearToMonth':
    case 'dayToSecond':
      return `${name} = ${bind}`;
    case 'raw':
      return `DECODE(RAWTOHEX(${name}), ${bind}, 1, 0) = 1`;
    case 'number':
      return `DECODE(${name}, ${writeSql(column, bind)}, 1, 0) = 1`;
    default:
      return `DECODE(${readSql(column)}, ${bind}, 1, 0) = 1`;
  }
}

/** What the guard binds: RAW is compared as hex. */
export function guardKind(column: Column): BindKind {
  return column.form === 'raw' ? 'text' : bindKind(column);
}
