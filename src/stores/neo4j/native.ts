// Values as the driver gives them (integers as BigInt): what they are called, and whether two are the same.

import type { Neo4j } from './session.ts';

/** How a value stands in a property. The words are those of a field's `type:`. */
export type Form =
  | 'string'
  | 'integer'
  | 'float'
  | 'boolean'
  | 'date'
  | 'datetime'
  | 'localDateTime'
  | 'duration'
  | 'bytes'
  | 'list';

/** Undefined for what no field can be: points, times of day. */
export function formOf(neo4j: Neo4j, native: unknown): Form | undefined {
  switch (typeof native) {
    case 'string':
      return 'string';
    case 'bigint':
      return 'integer';
    case 'number':
      return 'float';
    case 'boolean':
      return 'boolean';
  }
  if (Array.isArray(native) || isVector(neo4j, native)) return 'list';
  if (native instanceof Int8Array) return 'bytes';
  if (neo4j.isDateTime(native as object)) return 'datetime';
  if (neo4j.isLocalDateTime(native as object)) return 'localDateTime';
  if (neo4j.isDate(native as object)) return 'date';
  return neo4j.isDuration(native as object) ? 'duration' : undefined;
}

const NAMES: Readonly<Record<Form, string>> = {
  string: 'a string',
  integer: 'an integer',
  float: 'a float',
  boolean: 'a boolean',
  date: 'a date',
  datetime: 'a zoned date-time',
  localDateTime: 'a local date-time',
  duration: 'a duration',
  bytes: 'bytes',
  list: 'a list',
};

export function typeName(neo4j: Neo4j, native: unknown): string {
  const form = formOf(neo4j, native);
  if (form !== undefined) return NAMES[form];
  if (neo4j.isPoint(native as object)) return 'a point';
  if (neo4j.isTime(native as object) || neo4j.isLocalTime(native as object)) return 'a time of day';
  return 'a value of another type';
}

export function isVector(neo4j: Neo4j, native: unknown): native is { asTypedArray(): Iterable<number | bigint> } {
  return typeof native === 'object' && native !== null && neo4j.isVector(native);
}

/** Exactly the same value of the same type, which Cypher can't say: to it 1 = 1.0, and NaN and null equal nothing. */
export function sameNative(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameNative(item, b[i]));
  }
  if (a.constructor !== b.constructor) return false;
  if (a instanceof Int8Array) return Buffer.compare(bytesOf(a), bytesOf(b as Int8Array)) === 0;
  return String(a) === String(b);
}

export function bytesOf(bytes: Int8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
