// Canonical values to and from what the Cassandra driver takes and gives, written apart from the store so that neither hides the
// other's mistakes.

import cassandra from 'cassandra-driver';
import type { FieldType } from '../../src/value/field-type.ts';
import { canonicalJson } from '../../src/value/json.ts';

const { BigDecimal, LocalDate, Long, Uuid } = cassandra.types;

/** What a column of such fields is in a table of the tests. */
export function columnType(type: FieldType): string {
  switch (type.kind) {
    case 'boolean':
    case 'decimal':
    case 'date':
    case 'timestamp':
    case 'uuid':
      return type.kind;
    case 'integer':
      return type.bits === 32 ? 'int' : 'bigint';
    case 'float':
      return type.bits === 32 ? 'float' : 'double';
    case 'bytes':
      return 'blob';
    case 'interval':
      return 'duration';
    case 'array':
      return `frozen<list<${columnType(type.element)}>>`;
    default:
      return 'text';
  }
}

export function toNative(type: FieldType, value: string): unknown {
  switch (type.kind) {
    case 'boolean':
      return value === 'true';
    case 'integer':
      return type.bits === 32 ? Number(value) : Long.fromString(value);
    case 'decimal':
      return BigDecimal.fromString(value);
    case 'float':
      return Number(value);
    case 'date':
      return LocalDate.fromString(value);
    case 'timestamp':
      return new Date(value);
    case 'uuid':
      return Uuid.fromString(value);
    case 'bytes':
      return Buffer.from(value, 'hex');
    case 'array':
      // The driver would write null for an empty one.
      return value === '[]' ? Buffer.alloc(4) : JSON.parse(value);
    default:
      return value;
  }
}

export function fromNative(type: FieldType, value: unknown): string {
  switch (type.kind) {
    case 'decimal':
      return String(value)
        .replace(/(\.\d*?)0+$/, '$1')
        .replace(/\.$/, '');
    case 'float':
      return type.bits === 32 ? String(Number((value as number).toPrecision(8))) : String(value);
    case 'timestamp':
      return `${(value as Date).toISOString().slice(0, -1)}000Z`;
    case 'bytes':
      return (value as Buffer).toString('hex');
    case 'json':
      return canonicalJson(value as string);
    case 'array':
      return canonicalJson(JSON.stringify(value));
    default:
      return String(value);
  }
}
