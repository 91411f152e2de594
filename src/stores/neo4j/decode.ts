// From the driver's values to canonical ones. What can't be one of the field's type is a ValueError, which makes the record `unread`.

import type { Row } from '../../mapping/mapping.ts';
import {
  fromArray,
  fromBytes,
  fromDateText,
  fromFloat,
  fromNumber,
  fromText,
  fromTimestampText,
  ValueError,
} from '../../value/canonical.ts';
import type { FieldType, Value } from '../../value/field-type.ts';
import { canonicalJson, type JsonTree, writeJson } from '../../value/json.ts';
import { intervalText } from './interval.ts';
import { isFindable } from './key-forms.ts';
import { bytesOf, formOf, isVector, typeName } from './native.ts';
import type { Neo4j } from './session.ts';
import type { Column, Shape } from './shape.ts';

export class Decoder {
  private readonly neo4j: Neo4j;
  private readonly shape: Shape;

  constructor(neo4j: Neo4j, shape: Shape) {
    this.neo4j = neo4j;
    this.shape = shape;
  }

  /** `nativeAt(i)` is the value of `shape.columns[i]`. */
  row(nativeAt: (i: number) => unknown): Row {
    const { columns, keys } = this.shape;
    const key: string[] = new Array(keys);
    const values: Value[] = new Array(columns.length - keys);
    let unread: string[] | undefined;
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i]!;
      const native = nativeAt(i);
      let value: Value = null;
      if (native !== null && native !== undefined) {
        try {
          value = canonicalOf(this.neo4j, column.field.type, native);
          if (i < keys && !isFindable(this.neo4j, column.field.type, native, value)) {
            unread ??= [];
            unread.push(`${column.field.target} is part of the key, in a spelling by which it can't be looked up`);
          }
        } catch (error) {
          unread ??= [];
          unread.push(this.reasonOf(column, native, error));
        }
      } else if (i < keys || column.side !== undefined) {
        const reason = this.absence(column);
        unread ??= [];
        if (!unread.includes(reason)) unread.push(reason);
      }
      if (i < keys) key[i] = value ?? '';
      else values[i - keys] = value;
    }
    return unread === undefined ? { key, values } : { key, values, unread: unread.join('; ') };
  }

  canRead(column: Column, native: unknown): boolean {
    try {
      canonicalOf(this.neo4j, column.field.type, native);
      return true;
    } catch (error) {
      if (error instanceof ValueError) return false;
      throw error;
    }
  }

  private absence({ field, side }: Column): string {
    const end = this.shape.ends.find((one) => one.side === side);
    if (end === undefined) return `${field.target} is part of the key and has no value`;
    const properties = end.columns.map(({ property }) => property).join(', ');
    return `the node where it ${side === 'from' ? 'starts' : 'ends'} is no ${end.label} with ${properties}`;
  }

  /** A sensitive field's value is never part of it. */
  private reasonOf({ field }: Column, native: unknown, error: unknown): string {
    if (!(error instanceof ValueError)) throw error;
    const reason = `${field.target} holds ${typeName(this.neo4j, native)}, not ${field.type.kind}`;
    return field.sensitive || error.message === '' ? reason : `${reason}: ${error.message}`;
  }
}

/** The canonical value of what is not null. Throws ValueError. */
export function canonicalOf(neo4j: Neo4j, type: FieldType, native: unknown): string {
  switch (typeof native) {
    case 'string':
      return ofText(type, native);
    case 'bigint':
      return ofInteger(type, native);
    case 'number':
      return ofFloat(type, native);
    case 'boolean':
      if (type.kind === 'boolean' || type.kind === 'enum' || type.kind === 'json') return String(native);
      throw new ValueError('');
  }
  if (Array.isArray(native)) return ofList(neo4j, type, native);
  if (native instanceof Int8Array && type.kind === 'bytes') return fromBytes(bytesOf(native));
  if (isVector(neo4j, native)) return ofList(neo4j, type, [...native.asTypedArray()]);
  switch (formOf(neo4j, native)) {
    case 'datetime':
    case 'localDateTime':
    case 'date':
      if (type.kind === 'timestamp' || type.kind === 'date') return ofText(type, textOfTime(native));
      break;
    case 'duration':
      if (type.kind === 'interval') return intervalText(native as Parameters<typeof intervalText>[0]);
      break;
  }
  throw new ValueError('');
}

function ofText(type: FieldType, text: string): string {
  switch (type.kind) {
    case 'text':
      return type.padded ? fromText(type, text) : text;
    case 'timestamp':
      return fromTimestampText(withoutZoneName(text), type.precision);
    case 'date':
      // The date in UTC of a moment, as for the other stores.
      return text.length > 10 && /T.*[+-]\d\d:?\d\d/.test(text)
        ? fromTimestampText(withoutZoneName(text), 0).replace(/T.*$/, '')
        : fromDateText(withoutZoneName(text));
    case 'json':
      // Neo4j has no maps in properties: JSON is kept as its text.
      return canonicalJson(text);
    default:
      return fromText(type, text);
  }
}

/** `2026-01-02T03:04:05+01:00[Europe/Madrid]`: the offset says it all. A name without an offset can't be resolved here. */
function withoutZoneName(text: string): string {
  if (!text.endsWith(']')) return text;
  const plain = text.replace(/\[[^[\]]*\]$/, '');
  if (!/(Z|[+-]\d\d(:?\d\d){0,2})$/.test(plain.slice(10)))
    throw new ValueError('the offset of its time zone is not known');
  return plain;
}

function textOfTime(native: unknown): string {
  try {
    return String(native);
  } catch {
    throw new ValueError('it is a time that the driver can’t read');
  }
}

function ofInteger(type: FieldType, value: bigint): string {
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'enum':
    case 'json':
      return String(value);
    case 'float':
      return fromFloat(Number(value), type.bits);
    case 'boolean':
      return ofBit(Number(value));
    default:
      throw new ValueError('');
  }
}

function ofFloat(type: FieldType, value: number): string {
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'enum':
      return fromNumber(value);
    case 'float':
      return fromFloat(value, type.bits);
    case 'boolean':
      return ofBit(value);
    case 'json':
      if (Number.isFinite(value)) return fromNumber(value);
      break;
  }
  throw new ValueError('');
}

function ofBit(value: number): string {
  if (value !== 0 && value !== 1) throw new ValueError('it is neither 0 nor 1');
  return value === 1 ? 'true' : 'false';
}

function ofList(neo4j: Neo4j, type: FieldType, list: readonly unknown[]): string {
  if (type.kind !== 'array' && type.kind !== 'vector' && type.kind !== 'json') throw new ValueError('');
  const isText = type.kind === 'array' && ['text', 'uuid', 'enum'].includes(type.element.kind);
  const tree = list.map((item): JsonTree => {
    if (isText && typeof item !== 'string') throw new ValueError(`an element is ${typeName(neo4j, item)}`);
    return treeOf(neo4j, item);
  });
  return type.kind === 'json' ? writeJson(tree) : fromArray(type, tree);
}

function treeOf(neo4j: Neo4j, item: unknown): JsonTree {
  if (item === null || typeof item === 'string' || typeof item === 'boolean') return item;
  if (typeof item === 'bigint') return { number: String(item) };
  if (typeof item === 'number') return Number.isFinite(item) ? { number: fromNumber(item) } : String(item);
  switch (formOf(neo4j, item)) {
    case 'datetime':
    case 'localDateTime':
    case 'date':
      return withoutZoneName(textOfTime(item));
    case 'duration':
      return intervalText(item as Parameters<typeof intervalText>[0]);
  }
  throw new ValueError(`an element is ${typeName(neo4j, item)}`);
}
