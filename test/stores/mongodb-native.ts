// Canonical values to and from what the MongoDB driver takes and gives, written apart from the store so that neither hides the
// other's mistakes.

import { Binary, Decimal128, type Document, Double, Int32, Long, UUID } from 'mongodb';
import type { FieldType } from '../../src/value/field-type.ts';
import { canonicalJson } from '../../src/value/json.ts';

export function toNative(type: FieldType, value: string): unknown {
  switch (type.kind) {
    case 'boolean':
      return value === 'true';
    case 'integer':
      return type.bits === 32 ? new Int32(Number(value)) : Long.fromString(value);
    case 'decimal':
      return Decimal128.fromString(value);
    case 'float':
      return new Double(Number(value));
    case 'date':
      return new Date(`${value}T00:00:00Z`);
    case 'timestamp':
      return new Date(value);
    case 'uuid':
      return new UUID(value);
    case 'bytes':
      return new Binary(Buffer.from(value, 'hex'));
    case 'json':
    case 'array':
    case 'vector':
      return JSON.parse(value.replace('9007199254740993', '"LONG"'), (_key, item) =>
        item === 'LONG' ? Long.fromString('9007199254740993') : item,
      );
    default:
      return value;
  }
}

/** As other applications store it: whole doubles for integers, zeros at the end of a decimal, a UUID as text. Which, the value says. */
export function toOtherSpelling(type: FieldType, value: string): unknown {
  const isEven = /[02468]$/.test(value);
  switch (type.kind) {
    case 'integer':
      return isEven && Number.isSafeInteger(Number(value)) ? new Double(Number(value)) : toNative(type, value);
    case 'decimal':
      return isEven && /^-?\d/.test(value)
        ? Decimal128.fromString(value.includes('.') ? `${value}00` : `${value}.00`)
        : toNative(type, value);
    case 'uuid':
      return isEven ? value.toUpperCase() : toNative(type, value);
    default:
      return toNative(type, value);
  }
}

/** What a client with `promoteValues: false` reads. */
export function fromNative(type: FieldType, value: unknown): string {
  switch (type.kind) {
    case 'float':
      return Object.is((value as Double).value, -0) ? '0' : String((value as Double).value);
    case 'date':
      return (value as Date).toISOString().slice(0, 10);
    case 'timestamp':
      return `${(value as Date).toISOString().slice(0, -1)}000Z`;
    case 'uuid':
      return value instanceof Binary ? value.toUUID().toHexString() : String(value);
    case 'bytes':
      return (value as Binary).toString('hex');
    case 'json':
    case 'array':
    case 'vector':
      return canonicalJson(jsonOf(value));
    default:
      return String(value);
  }
}

function jsonOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(',')}]`;
  if (value instanceof Double || value instanceof Int32) return String(value.value);
  if (value instanceof Long || value instanceof Decimal128) return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value as Document).map(([key, item]) => `${JSON.stringify(key)}:${jsonOf(item)}`);
  return `{${members.join(',')}}`;
}
