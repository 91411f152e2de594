// From what the driver hands over to canonical values. What can't be one of the field's type makes the record `unread`. Oracle has no empty
// text: an empty LOB is none as well.

import type { Row } from '../../mapping/mapping.ts';
import {
  fromBytes,
  fromDecimalText,
  fromFloat,
  fromNumber,
  fromText,
  fromTimestampText,
  fromUuidText,
  ValueError,
} from '../../value/canonical.ts';
import type { FieldType, Value } from '../../value/field-type.ts';
import type { Column } from './columns.ts';
import { type IntervalParts, intervalText } from './intervals.ts';
import type { Place, PlacedField } from './sql.ts';
import { canonicalEra } from './times.ts';

type Reader = (raw: unknown) => string;

/** Decodes rows of `scanSql`: raw values of the key, then of the fields. */
export class Decoder {
  private readonly readers: readonly Reader[];
  private readonly parts: readonly PlacedField[];
  private readonly keys: number;

  constructor(place: Place) {
    this.parts = [...place.key, ...place.fields];
    this.keys = place.key.length;
    this.readers = this.parts.map(({ field, column }) => readerOf(field.type, column));
  }

  row(raw: readonly unknown[]): Row {
    const key: string[] = new Array(this.keys);
    const values: Value[] = new Array(this.parts.length - this.keys);
    let unread: string | undefined;
    for (let i = 0; i < this.parts.length; i++) {
      let value: Value = null;
      if (!isNothing(raw[i])) {
        try {
          value = this.readers[i]!(raw[i]);
        } catch (error) {
          unread = both(unread, reasonOf(this.parts[i]!, error));
        }
      } else if (i < this.keys)
        unread = both(unread, `${this.parts[i]!.field.target} is part of the key and has no value`);
      if (i < this.keys) key[i] = value ?? '';
      else values[i - this.keys] = value;
    }
    return unread === undefined ? { key, values } : { key, values, unread };
  }
}

/** Null, an empty LOB. */
export function isNothing(raw: unknown): boolean {
  return raw === null || raw === undefined || raw === '' || (Buffer.isBuffer(raw) && raw.length === 0);
}

function both(first: string | undefined, second: string): string {
  return first === undefined ? second : `${first}; ${second}`;
}

/** Why a value can't be compared. A sensitive field's value is never part of it. */
function reasonOf({ field, column }: PlacedField, error: unknown): string {
  if (!(error instanceof ValueError)) throw error;
  const reason = `${field.target} is ${column.declared} and holds what is not ${field.type.kind}`;
  return field.sensitive || error.message === '' ? reason : `${reason}: ${error.message}`;
}

function readerOf(type: FieldType, column: Column): Reader {
  switch (column.form) {
    case 'char':
      return (raw) => textOf(type, unpadded(raw as string));
    case 'varchar':
    case 'clob':
    case 'json':
      return type.kind === 'text' && !type.padded ? (raw) => raw as string : (raw) => textOf(type, raw as string);
    case 'number':
      return numberReader(type);
    case 'single':
    case 'double':
      return (raw) => floatOf(type, raw as number, column.form === 'single');
    case 'boolean':
      return (raw) => (raw === true ? 'true' : 'false');
    case 'date':
      return (raw) => timeOf(type, `${canonicalEra(raw as string)}.000000Z`);
    case 'timestamp':
    case 'zoned':
    case 'localZoned':
      return (raw) => timeOf(type, canonicalEra(raw as string));
    case 'raw':
    case 'blob':
      return (raw) => bytesOf(type, raw as Buffer);
    case 'yearToMonth':
    case 'dayToSecond':
      return (raw) => intervalText(raw as IntervalParts);
    case 'other':
      return () => {
        throw new ValueError('');
      };
  }
}

function textOf(type: FieldType, text: string): string {
  return type.kind === 'boolean' || type.kind === 'uuid' ? fromText(type, text.trim()) : fromText(type, text);
}

function unpadded(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 32) end--;
  return text.slice(0, end);
}

const PLAIN_INTEGER = /^(?:0|-?[1-9]\d*)$/;

/** The driver writes `.1`, `-.1` and, in thick mode, exponents. */
function numberReader(type: FieldType): Reader {
  switch (type.kind) {
    case 'float':
      return (raw) => fromFloat(Number(raw), type.bits);
    case 'boolean':
      return (raw) => bitOf(raw as string);
    default:
      return (raw) => (PLAIN_INTEGER.test(raw as string) ? (raw as string) : fromDecimalText(raw as string));
  }
}

function bitOf(digits: string): string {
  if (digits !== '0' && digits !== '1') throw new ValueError('it is neither 0 nor 1');
  return digits === '1' ? 'true' : 'false';
}

function floatOf(type: FieldType, value: number, isSingle: boolean): string {
  if (type.kind === 'float') return fromFloat(value, type.bits);
  return isSingle ? fromDecimalText(fromFloat(value, 32)) : fromNumber(value);
}

/** `text` has six digits after the second, nine where the column keeps more, and is UTC. */
function timeOf(type: FieldType, text: string): string {
  if (type.kind === 'date') return text.slice(0, text.indexOf('T'));
  if (type.kind !== 'timestamp') throw new ValueError('');
  return type.precision === 6 && text.length === 27 ? text : fromTimestampText(text, type.precision);
}

function bytesOf(type: FieldType, bytes: Buffer): string {
  switch (type.kind) {
    case 'bytes':
      return fromBytes(bytes);
    case 'uuid':
      return fromUuidText(fromBytes(bytes));
    default:
      return fromText(type, bytes.toString('utf8'));
  }
}
