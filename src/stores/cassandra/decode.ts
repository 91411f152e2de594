// From CQL's bytes to canonical values, read where they lie. What can't be one of the field's type is a ValueError, which makes the record
// `unread`. It writes nothing and asks no server.

import type { Field } from '../../mapping/mapping.ts';
import {
  fromArray,
  fromBytes,
  fromDecimalText,
  fromFloat,
  fromNumber,
  fromText,
  fromUuidText,
  ValueError,
} from '../../value/canonical.ts';
import type { FieldType, Value } from '../../value/field-type.ts';
import { writeJson } from '../../value/json.ts';
import { type CqlType, typeText } from './cql-type.ts';
import { durationText, timeText } from './durations.ts';
import { inetText } from './inet.ts';
import { decimalText, int32At, int64Text, varintText } from './numbers.ts';
import type { Cells } from './raw-result.ts';
import { dateText, lengthOf, textAt, timestampText } from './scalars.ts';
import { treeAt } from './tree.ts';

/** What a cell holds of a field. Throws ValueError. */
export function valueAt(field: Field, type: CqlType, cells: Cells, column: number): Value {
  const length = cells.lengths[column]!;
  if (isAbsent(type, length)) return emptyOf(field, type);
  return canonicalAt(field.type, type, cells.bytes, cells.offsets[column]!, length);
}

/** Null, or one of the values without bytes that old protocols left behind where the type has no such value. */
export function isAbsent(type: CqlType, length: number): boolean {
  return length < 0 || (length === 0 && !HAVE_EMPTY.has(type.name));
}

const HAVE_EMPTY = new Set<CqlType['name']>(['text', 'ascii', 'blob', 'custom']);

/**
 * A collection that is not frozen is null once it is empty, and some drivers write null for one that is frozen as well. Where the source's
 * column can't be null, it is the empty one that is meant.
 */
function emptyOf({ type: { kind }, nullable }: Field, type: CqlType): Value {
  if (nullable || (kind !== 'array' && kind !== 'json')) return null;
  if (type.name === 'list' || type.name === 'set') return '[]';
  return type.name === 'map' && kind === 'json' ? '{}' : null;
}

/** Whether values of the column's type can be read as the field's at all. */
export function canHold(field: FieldType, type: CqlType): boolean {
  const { kind } = field;
  switch (type.name) {
    case 'text':
    case 'ascii':
      return true;
    case 'int':
    case 'smallint':
    case 'tinyint':
    case 'bigint':
    case 'varint':
      return NUMBERS.has(kind) || kind === 'boolean';
    case 'decimal':
    case 'double':
    case 'float':
      return NUMBERS.has(kind);
    case 'boolean':
      return kind === 'boolean' || kind === 'enum';
    case 'timestamp':
      return kind === 'timestamp' || kind === 'date';
    case 'date':
      return kind === 'date';
    case 'uuid':
    case 'timeuuid':
      return kind === 'uuid' || kind === 'text' || kind === 'enum';
    case 'blob':
      return kind === 'bytes';
    case 'inet':
    case 'time':
      return kind === 'text';
    case 'duration':
      return kind === 'interval';
    case 'list':
    case 'set':
    case 'vector':
      return kind === 'json' || canHoldElements(field, [type.element]);
    case 'tuple':
      return kind === 'json' || canHoldElements(field, type.elements);
    case 'map':
    case 'udt':
      return kind === 'json';
    default:
      return false;
  }
}

function canHoldElements(field: FieldType, types: readonly CqlType[]): boolean {
  if (field.kind !== 'array' && field.kind !== 'vector') return false;
  const element = field.kind === 'array' ? field.element : SINGLE;
  // An array of PostgreSQL has one type of element, however many dimensions.
  return types.every((type) => canHold(element, type) || (isList(type) && canHoldElements(field, [type.element])));
}

const SINGLE: FieldType = { kind: 'float', bits: 32 };

function isList(type: CqlType): type is Extract<CqlType, { element: CqlType }> {
  return type.name === 'list' || type.name === 'set' || type.name === 'vector';
}

const NUMBERS = new Set<FieldType['kind']>(['integer', 'decimal', 'float', 'enum']);
/** The canonical value of what lies at `at`; it is not null. Throws ValueError. */
export function canonicalAt(type: FieldType, cql: CqlType, bytes: Buffer, at: number, length: number): string {
  checkLength(cql, length);
  switch (cql.name) {
    case 'text':
    case 'ascii':
      return fromText(type, textAt(bytes, at, length));
    case 'int':
      return fromInteger(type, String(int32At(bytes, at)));
    case 'smallint':
      return fromInteger(type, String(bytes.readInt16BE(at)));
    case 'tinyint':
      return fromInteger(type, String(bytes.readInt8(at)));
    case 'bigint':
      return fromInteger(type, int64Text(bytes, at));
    case 'varint':
      return fromInteger(type, varintText(bytes, at, length));
    case 'decimal':
      return fromFraction(type, fromDecimalText(decimalText(bytes, at, length)));
    case 'double':
      return fromDouble(type, bytes.readDoubleBE(at), 64);
    case 'float':
      return fromDouble(type, bytes.readFloatBE(at), 32);
    case 'boolean':
      return bytes[at] === 0 ? 'false' : 'true';
    case 'timestamp': {
      const text = timestampText(bytes, at, type.kind === 'timestamp' ? type.precision : 3);
      return type.kind === 'timestamp' ? text : text.replace(/T.*$/, '');
    }
    case 'date':
      return dateText(bytes, at);
    case 'uuid':
    case 'timeuuid':
      return fromUuidText(fromBytes(bytes.subarray(at, at + 16)));
    case 'blob':
      return fromBytes(bytes.subarray(at, at + length));
    case 'inet':
      return inetText(bytes, at, length);
    case 'time':
      return timeText(bytes, at);
    case 'duration':
      return durationText(bytes, at);
    default: {
      if (type.kind === 'json') return writeJson(treeAt(cql, bytes, at, length, 'json'));
      const element = type.kind === 'array' ? innermost(type.element) : 'float';
      if (type.kind !== 'array' && type.kind !== 'vector') throw new ValueError(`it is ${typeText(cql)}`);
      return fromArray(type, treeAt(cql, bytes, at, length, element));
    }
  }
}

function checkLength(type: CqlType, length: number): void {
  const wanted = lengthOf(type);
  if (wanted !== undefined && wanted !== length) throw new ValueError(`it has ${length} bytes, and not ${wanted}`);
}

function fromInteger(type: FieldType, digits: string): string {
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'enum':
      return digits;
    case 'float':
      return fromText(type, digits);
    case 'boolean':
      if (digits !== '0' && digits !== '1') throw new ValueError('it is neither 0 nor 1');
      return digits === '1' ? 'true' : 'false';
    default:
      throw new ValueError('it is a number');
  }
}

function fromFraction(type: FieldType, digits: string): string {
  return type.kind === 'float' ? fromText(type, digits) : digits;
}

/** A single-precision number read as any other type is its shortest text: 0.1, not 0.10000000149011612. */
function fromDouble(type: FieldType, value: number, bits: 32 | 64): string {
  if (type.kind === 'float') return fromFloat(value, type.bits);
  return bits === 64 ? fromNumber(value) : fromDecimalText(fromFloat(value, 32));
}

function innermost(type: FieldType): FieldType['kind'] {
  return type.kind === 'array' ? innermost(type.element) : type.kind;
}
