// What Oracle's dictionary says of a column, and which way of reading and writing follows from it. Pure.

import type { FieldType } from '../../value/field-type.ts';

/** How a column holds its values, as far as reading and writing differ. */
export type Form =
  | 'char'
  | 'varchar'
  | 'clob'
  | 'json'
  | 'raw'
  | 'blob'
  | 'number'
  | 'single'
  | 'double'
  | 'boolean'
  | 'date'
  | 'timestamp'
  | 'zoned'
  | 'localZoned'
  | 'yearToMonth'
  | 'dayToSecond'
  /** LONG, XMLTYPE, VECTOR, object types …: not read and not written. */
  | 'other';

export interface Column {
  /** As the dictionary spells it, without quotes. */
  readonly name: string;
  readonly form: Form;
  /** For messages: `NUMBER(10,2)`. */
  readonly declared: string;
  /** In the national character set: NCHAR, NVARCHAR2, NCLOB. */
  readonly national: boolean;
  /** Most bytes of a value; of a LOB it means nothing. */
  readonly bytes: number;
  /** Of a NUMBER: decimal digits; of a FLOAT: binary digits. */
  readonly precision?: number;
  /** Of a NUMBER: digits after the point. Of a time or an interval: digits after the second. */
  readonly scale?: number;
  /** A virtual column: computed by the server, never written. */
  readonly virtual: boolean;
  /** GENERATED ALWAYS AS IDENTITY: the server refuses a value of ours. */
  readonly alwaysIdentity: boolean;
}

/** A row of ALL_TAB_COLS, in the order of `columnsSql`. Numbers come as text. */
export type DictionaryRow = readonly [
  owner: string,
  table: string,
  name: string,
  dataType: string,
  typeOwner: string | null,
  dataLength: string | null,
  charLength: string | null,
  precision: string | null,
  scale: string | null,
  virtual: string | null,
  identity: 'ALWAYS' | 'BY DEFAULT' | null,
];

export function columnOf(row: DictionaryRow): Column {
  const [, , name, dataType, typeOwner, dataLength, charLength, precision, scale, virtual, identity] = row;
  const form = typeOwner === null ? formOf(dataType) : 'other';
  return {
    name,
    form,
    declared: declaredAs(dataType, dataLength, charLength, precision, scale),
    national: /^N(CHAR|VARCHAR2|CLOB)$/.test(dataType),
    bytes: Number(dataLength ?? 0),
    precision: numberOr(precision),
    scale: numberOr(scale),
    virtual: virtual === 'YES',
    alwaysIdentity: identity === 'ALWAYS',
  };
}

function formOf(dataType: string): Form {
  const known = FORMS[dataType];
  if (known !== undefined) return known;
  if (/^TIMESTAMP(\(\d\))?$/.test(dataType)) return 'timestamp';
  if (/^TIMESTAMP(\(\d\))? WITH TIME ZONE$/.test(dataType)) return 'zoned';
  if (/^TIMESTAMP(\(\d\))? WITH LOCAL TIME ZONE$/.test(dataType)) return 'localZoned';
  if (/^INTERVAL YEAR/.test(dataType)) return 'yearToMonth';
  if (/^INTERVAL DAY/.test(dataType)) return 'dayToSecond';
  return 'other';
}

const FORMS: Readonly<Record<string, Form>> = {
  CHAR: 'char',
  NCHAR: 'char',
  VARCHAR2: 'varchar',
  NVARCHAR2: 'varchar',
  CLOB: 'clob',
  NCLOB: 'clob',
  JSON: 'json',
  RAW: 'raw',
  BLOB: 'blob',
  NUMBER: 'number',
  FLOAT: 'number',
  BINARY_FLOAT: 'single',
  BINARY_DOUBLE: 'double',
  BOOLEAN: 'boolean',
  DATE: 'date',
};

function declaredAs(
  dataType: string,
  dataLength: string | null,
  charLength: string | null,
  precision: string | null,
  scale: string | null,
): string {
  if (/CHAR/.test(dataType)) return `${dataType}(${Number(charLength) > 0 ? charLength : dataLength})`;
  if (dataType === 'RAW') return `RAW(${dataLength})`;
  if (dataType !== 'NUMBER' || (precision === null && scale === null)) return dataType;
  return `NUMBER(${precision ?? '*'}${scale === null || scale === '0' ? '' : `,${scale}`})`;
}

function numberOr(text: string | null): number | undefined {
  return text === null ? undefined : Number(text);
}

const TEXT: readonly Form[] = ['char', 'varchar', 'clob'];
const NUMERIC: readonly Form[] = ['number', 'single', 'double'];
const TIMES: readonly Form[] = ['date', 'timestamp', 'zoned', 'localZoned'];

/** Whether values of a field's type can stand in a column of this form, in whatever spelling. */
export function canHold(type: FieldType, form: Form): boolean {
  if (TEXT.includes(form)) return true;
  switch (type.kind) {
    case 'text':
      return false;
    case 'enum':
      return form === 'number' || form === 'boolean';
    case 'boolean':
      return form === 'number' || form === 'boolean';
    case 'integer':
    case 'decimal':
    case 'float':
      return NUMERIC.includes(form);
    case 'date':
    case 'timestamp':
      return TIMES.includes(form);
    case 'uuid':
      return form === 'raw';
    case 'bytes':
      return form === 'raw' || form === 'blob';
    case 'json':
    case 'array':
    case 'vector':
      return form === 'json' || form === 'blob';
    case 'interval':
      return form === 'yearToMonth' || form === 'dayToSecond';
  }
}

/** Whether a record can be looked up by such a key, through its index: one value, one spelling, or few. */
export function canLookUp(type: FieldType, form: Form): boolean {
  if (form === 'char' || form === 'varchar') return ['text', 'enum', 'uuid'].includes(type.kind);
  return !['clob', 'blob', 'json', 'other'].includes(form) && canHold(type, form);
}

/** Whether '' of a field of this type becomes null in such a column. */
export function losesEmpty(type: FieldType, form: Form): boolean {
  if (TEXT.includes(form)) return ['text', 'enum', 'bytes'].includes(type.kind);
  return type.kind === 'bytes' && (form === 'raw' || form === 'blob');
}

/** Digits after the second that a time in such a column keeps, at most 6; undefined where it is no time. */
export function secondDigits(column: Column): number | undefined {
  if (column.form === 'date') return 0;
  return TIMES.includes(column.form) ? Math.min(column.scale ?? 6, 6) : undefined;
}
