// From canonical values to what is bound for a column. Throws ValueError for what the column would not give back: nothing is cut or rounded.

import { floatOfText, fromDecimalText, fromNumber, ValueError } from '../../value/canonical.ts';
import type { FieldType, Value } from '../../value/field-type.ts';
import type { Column } from './columns.ts';
import { type IntervalParts, intervalParts } from './intervals.ts';
import { numberText } from './numbers.ts';
import { type Spelling, spelledUuid, uuidSpellings } from './spellings.ts';
import type { KeyPart, PlacedField } from './sql.ts';
import { oracleTime } from './times.ts';

export type BindValue = string | number | boolean | Buffer | IntervalParts | null;

/** The error names the target. */
export function encode({ field, column, spelling }: PlacedField, value: Value): BindValue {
  // An empty text is null to Oracle, whoever writes it.
  if (value === null || value === '') return null;
  try {
    return encoded(field.type, column, value, spelling);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new ValueError(
      `${field.target}: ${field.sensitive ? `${column.declared} does not hold the value` : error.message}`,
    );
  }
}

function encoded(type: FieldType, column: Column, value: string, spelling: Spelling | undefined): BindValue {
  switch (column.form) {
    case 'char':
    case 'varchar':
    case 'clob':
      return textFor(type, column, value, spelling);
    case 'json':
      return value;
    case 'number':
      return numberText(column, type.kind === 'boolean' ? bit(value) : value);
    case 'single':
    case 'double':
      return floatFor(type, column, value);
    case 'boolean':
      if (value !== 'true' && value !== 'false') throw new ValueError('it is not a boolean');
      return value === 'true';
    case 'date':
    case 'timestamp':
    case 'zoned':
    case 'localZoned':
      return oracleTime(column, value);
    case 'raw':
    case 'blob':
      return bytesFor(type, value);
    case 'yearToMonth':
    case 'dayToSecond':
      return intervalParts(value, column.form, column.scale ?? 6);
    case 'other':
      throw new ValueError(`${column.declared} is not written`);
  }
}

function textFor(type: FieldType, column: Column, value: string, spelling: Spelling | undefined): string {
  const text = spelling === undefined ? value : spelled(type, value, spelling);
  if (column.form === 'clob') return text;
  if (column.form === 'char' && text.endsWith(' ')) throw new ValueError('CHAR does not keep blanks at the end');
  // A character has at least one byte; closer than that the server counts by itself.
  if (text.length > column.bytes && [...text].length > column.bytes) {
    throw new ValueError(`it is too long for ${column.declared}`);
  }
  return text;
}

function spelled(type: FieldType, value: string, spelling: Spelling): string {
  if (type.kind === 'uuid') return spelledUuid(value, spelling);
  return value === 'true' ? spelling.words[0] : spelling.words[1];
}

function bit(value: string): string {
  return value === 'true' ? '1' : '0';
}

function floatFor(type: FieldType, column: Column, value: string): number {
  const number = floatOfText(value);
  if (type.kind !== 'float' && fromNumber(number) !== fromDecimalText(value)) {
    throw new ValueError(`it has more digits than ${column.declared} holds`);
  }
  if (
    column.form === 'single' &&
    !Object.is(Math.fround(number), number) &&
    !(type.kind === 'float' && type.bits === 32)
  ) {
    throw new ValueError(`it has more digits than ${column.declared} holds`);
  }
  return number;
}

function bytesFor(type: FieldType, value: string): Buffer {
  if (type.kind === 'bytes') return Buffer.from(value, 'hex');
  return type.kind === 'uuid' ? Buffer.from(value.replaceAll('-', ''), 'hex') : Buffer.from(value, 'utf8');
}

/** What is bound to look a part of a key up (see `Match`); undefined where no record can have it. */
export function keyBinds({ field, column, match }: KeyPart, value: string): readonly BindValue[] | undefined {
  try {
    if (match === 'range') {
      const precision = field.type.kind === 'timestamp' ? field.type.precision : 0;
      return [oracleTime(column, value), oracleTime(column, value, { precision })];
    }
    if (match !== 'equal') return uuidSpellings(value).slice(0, match.spellings);
    return value === '' ? undefined : [encoded(field.type, column, value, undefined)];
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
}
