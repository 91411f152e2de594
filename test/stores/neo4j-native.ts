// Canonical values to and from what the Neo4j driver takes and gives, written apart from the store so that neither hides the other's mistakes.

import neo4j, { type Driver } from 'neo4j-driver';
import type { FieldType } from '../../src/value/field-type.ts';

export function toNative(type: FieldType, value: string): unknown {
  switch (type.kind) {
    case 'boolean':
      return value === 'true';
    case 'integer':
      return neo4j.int(value);
    case 'float':
      return Number(value);
    case 'date': {
      const [year, month, day] = value.split('-').map(Number);
      return new neo4j.types.Date(year!, month!, day!);
    }
    case 'timestamp': {
      const [date, time] = value.split('T');
      const [year, month, day] = date!.split('-').map(Number);
      const [hour, minute, second] = time!.split(':').map(Number.parseFloat);
      const micros = Number(value.slice(20, 26));
      return new neo4j.types.DateTime(year!, month!, day!, hour!, minute!, Math.floor(second!), micros * 1000, 0);
    }
    case 'bytes':
      return Int8Array.from(Buffer.from(value, 'hex'));
    case 'array':
      return (JSON.parse(value) as unknown[]).map((item) => (typeof item === 'number' ? neo4j.int(item) : item));
    default:
      return value;
  }
}

/** What a client with the driver's own integers reads. */
export function fromNative(type: FieldType, value: unknown): string {
  switch (type.kind) {
    case 'float':
      return Object.is(value, -0) ? '0' : String(value);
    case 'date':
      return String(value).replace(/^-?0*(\d{4})/, '$1');
    case 'timestamp': {
      const text = String(value);
      return `${text.slice(0, 19)}.${text.slice(20, -1).padEnd(6, '0').slice(0, 6)}Z`;
    }
    case 'bytes':
      return Buffer.from(value as Int8Array).toString('hex');
    case 'array':
      return `[${(value as unknown[]).map((item) => (neo4j.isInt(item) ? String(item) : JSON.stringify(item))).join(', ')}]`;
    default:
      return String(value);
  }
}

/** Rows as objects, by the names that the query returns. */
export async function cypher(
  driver: Driver,
  query: string,
  parameters: Record<string, unknown> = {},
): Promise<Record<string, unknown>[]> {
  const { records } = await driver.executeQuery(query, parameters);
  return records.map((record) => record.toObject());
}

/** Whatever the driver gives, as one text: equal values of equal types, equal texts. */
export function nativeText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(nativeText).join(', ')}]`;
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? JSON.stringify(value) : String(value);
  const { name } = value.constructor;
  if (neo4j.isInt(value)) return `Integer ${value}`;
  if (value instanceof Int8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  const members = Object.entries(value)
    .filter(([key, member]) => typeof member !== 'function' && !key.startsWith('_'))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name} {${members.map(([key, member]) => `${key}: ${nativeText(member)}`).join(', ')}}`;
}
