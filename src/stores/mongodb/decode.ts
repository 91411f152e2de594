// From BSON to canonical values, read where they lie. What can't be one of the field's type is a ValueError, which makes the record
// `unread`. It writes nothing and asks no server.

import type { Field, Mapping, Row } from '../../mapping/mapping.ts';
import {
  fromArray,
  fromBytes,
  fromDecimalText,
  fromFloat,
  fromMillis,
  fromNumber,
  fromText,
  fromUuidText,
  ValueError,
} from '../../value/canonical.ts';
import type { FieldType, Value } from '../../value/field-type.ts';
import { writeJson } from '../../value/json.ts';
import {
  ARRAY,
  BINARY,
  BOOLEAN,
  bigInt64At,
  binaryAt,
  DATE,
  DECIMAL,
  DOUBLE,
  doubleAt,
  INT32,
  INT64,
  int32At,
  int64At,
  isNull,
  OBJECT_ID,
  STRING,
  SYMBOL,
  typeName,
  UUID_SUBTYPE,
} from './bson.ts';
import { decimalText } from './decimal.ts';
import { Locator } from './locate.ts';
import { textAt, treeAt } from './tree.ts';

/** Reads the records of one mapping out of raw documents. Keeps one document's places at a time. */
export class Decoder {
  readonly locator: Locator;
  readonly keySlots: readonly number[];
  readonly fieldSlots: readonly number[];
  private readonly mapping: Mapping;

  constructor(mapping: Mapping) {
    this.mapping = mapping;
    this.locator = new Locator([...mapping.key, ...mapping.fields].map((field) => field.target));
    this.keySlots = mapping.key.map((field) => this.locator.slotOf(field.target));
    this.fieldSlots = mapping.fields.map((field) => this.locator.slotOf(field.target));
  }

  /** Whether the value in a slot, as located last, can be read as the field. */
  canRead(field: Field, slot: number, bytes: Buffer): boolean {
    try {
      canonicalAt(field.type, field.storedAs, this.locator.types[slot]!, bytes, this.locator.offsets[slot]!);
      return true;
    } catch (error) {
      if (error instanceof ValueError) return false;
      throw error;
    }
  }

  row(bytes: Buffer, start: number): Row {
    this.locator.locate(bytes, start);
    const unread: string[] = [];
    const read = (field: Field, slot: number): Value => {
      const type = this.locator.types[slot]!;
      if (isNull(type)) return null;
      try {
        return canonicalAt(field.type, field.storedAs, type, bytes, this.locator.offsets[slot]!);
      } catch (error) {
        unread.push(reasonOf(field, type, error));
        return null;
      }
    };
    const key = this.mapping.key.map((field, i) => {
      const problems = unread.length;
      const value = read(field, this.keySlots[i]!);
      if (value === null && unread.length === problems)
        unread.push(`${field.target} is part of the key and has no value`);
      return value ?? '';
    });
    const values = this.mapping.fields.map((field, i) => read(field, this.fieldSlots[i]!));
    return unread.length === 0 ? { key, values } : { key, values, unread: unread.join('; ') };
  }
}

/** Why a value can't be compared. A sensitive field's value is never part of it. */
function reasonOf(field: Field, type: number, error: unknown): string {
  if (!(error instanceof ValueError)) throw error;
  const reason = `${field.target} holds ${typeName(type)}, not ${field.type.kind}`;
  return field.sensitive || error.message === '' ? reason : `${reason}: ${error.message}`;
}

/** The canonical value of what lies at `at`; it is not null. Throws ValueError. */
export function canonicalAt(
  type: FieldType,
  storedAs: string | undefined,
  bsonType: number,
  bytes: Buffer,
  at: number,
): string {
  if (type.kind === 'json') return jsonAt(type, storedAs, bsonType, bytes, at);
  switch (bsonType) {
    case STRING:
    case SYMBOL:
      return fromText(type, textAt(bytes, at));
    case INT32:
      return fromSafeInteger(type, int32At(bytes, at));
    case INT64: {
      const number = int64At(bytes, at);
      return Number.isSafeInteger(number)
        ? fromSafeInteger(type, number)
        : fromDigits(type, String(bigInt64At(bytes, at)));
    }
    case DOUBLE:
      return fromDouble(type, doubleAt(bytes, at));
    case DECIMAL:
      return fromDigits(type, decimalText(bytes, at));
    case BOOLEAN:
      if (type.kind === 'boolean' || type.kind === 'enum') return bytes[at] === 0 ? 'false' : 'true';
      break;
    case DATE:
      if (type.kind === 'timestamp') return fromMillis(int64At(bytes, at), type.precision);
      if (type.kind === 'date') return fromMillis(int64At(bytes, at), 3).replace(/T.*$/, '');
      break;
    case OBJECT_ID:
      if (type.kind === 'text' || type.kind === 'enum') return fromBytes(bytes.subarray(at, at + 12));
      break;
    case BINARY:
      if (type.kind === 'bytes') return fromBytes(binaryAt(bytes, at));
      if (type.kind === 'uuid' && bytes[at + 4] === UUID_SUBTYPE) return fromUuidText(fromBytes(binaryAt(bytes, at)));
      break;
    case ARRAY:
      if (type.kind === 'array') return fromArray(type, treeAt(bsonType, bytes, at, type.element.kind));
      if (type.kind === 'vector') return fromArray(type, treeAt(bsonType, bytes, at, 'float'));
      break;
  }
  throw new ValueError('');
}

function jsonAt(type: FieldType, storedAs: string | undefined, bsonType: number, bytes: Buffer, at: number): string {
  // A string is a JSON string, unless the config says that the field keeps whole JSON documents as text.
  if (bsonType === STRING && storedAs === 'string') return fromText(type, textAt(bytes, at));
  return writeJson(treeAt(bsonType, bytes, at, 'json'));
}

function fromSafeInteger(type: FieldType, value: number): string {
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'enum':
      return String(value);
    case 'float':
      return fromFloat(value, type.bits);
    case 'boolean':
      return fromBit(value);
    default:
      throw new ValueError('');
  }
}

function fromDouble(type: FieldType, value: number): string {
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'enum':
      return fromNumber(value);
    case 'float':
      return fromFloat(value, type.bits);
    case 'boolean':
      return fromBit(value);
    default:
      throw new ValueError('');
  }
}

function fromDigits(type: FieldType, digits: string): string {
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'enum':
      return fromDecimalText(digits);
    case 'float':
      return fromText(type, digits);
    case 'boolean':
      return fromBit(Number(digits));
    default:
      throw new ValueError('');
  }
}

function fromBit(value: number): string {
  if (value !== 0 && value !== 1) throw new ValueError('it is neither 0 nor 1');
  return value === 1 ? 'true' : 'false';
}
