// From canonical values to CQL's bytes. What a column's type can't hold exactly is a ValueError: nothing is rounded on the way, but times,
// which are cut to milliseconds.

import type { Field } from '../../mapping/mapping.ts';
import {
  daysOf,
  floatOfText,
  fromDecimalText,
  fromFloat,
  fromTimestampText,
  microsOf,
  ValueError,
} from '../../value/canonical.ts';
import type { FieldType } from '../../value/field-type.ts';
import { type JsonTree, parseJson, writeJson } from '../../value/json.ts';
import { sameValue } from '../../value/same-value.ts';
import { type CqlType, typeText } from './cql-type.ts';
import { durationBytes, timeBytes, unsignedBytes } from './durations.ts';
import { inetBytes } from './inet.ts';
import { decimalBytes, floatBytes, int64Bytes, integerBytes, varintBytes, wholeNumber } from './numbers.ts';
import { DATE_CENTRE } from './scalars.ts';
import { vectorLength } from './tree.ts';

const JSON_TYPE: FieldType = { kind: 'json' };
const SINGLE: FieldType = { kind: 'float', bits: 32 };

/** The bytes of a canonical value that is not null. Throws ValueError. */
export function encodeField(field: Field, type: CqlType, value: string): Buffer {
  if ((type.name === 'float' || type.name === 'double') && field.tolerance !== undefined) {
    // What is rounded by less than the tolerance is the same value.
    const bytes = floatBytes(floatOfText(value), type.name === 'float' ? 32 : 64);
    const kept = fromFloat(type.name === 'float' ? bytes.readFloatBE() : bytes.readDoubleBE(), 64);
    if (sameValue(field, value, kept)) return bytes;
  }
  return encodeValue(field.type, type, value);
}

export function encodeValue(field: FieldType, type: CqlType, value: string): Buffer {
  switch (type.name) {
    case 'text':
      return Buffer.from(value);
    case 'ascii':
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what ASCII is
      if (!/^[\u0000-\u007f]*$/.test(value)) throw new ValueError('it is not ASCII');
      return Buffer.from(value);
    case 'int':
      return integerBytes(digitsOf(field, value), 4);
    case 'smallint':
      return integerBytes(digitsOf(field, value), 2);
    case 'tinyint':
      return integerBytes(digitsOf(field, value), 1);
    case 'bigint':
      return integerBytes(digitsOf(field, value), 8);
    case 'varint':
      return varintBytes(wholeNumber(digitsOf(field, value)));
    case 'decimal':
      return decimalBytes(digitsOf(field, value));
    case 'double':
      return exactFloat(field, value, 64);
    case 'float':
      return exactFloat(field, value, 32);
    case 'boolean':
      if (value !== 'true' && value !== 'false') throw new ValueError('it is not a boolean');
      return Buffer.from([value === 'true' ? 1 : 0]);
    case 'timestamp':
      return timestampBytes(field, value);
    case 'date':
      return dateBytes(value);
    case 'uuid':
    case 'timeuuid':
      return uuidBytes(value);
    case 'blob':
      return Buffer.from(value, 'hex');
    case 'inet':
      // PostgreSQL's inet cast to text has the length of its mask.
      return inetBytes(value.replace(value.includes(':') ? /\/128$/ : /\/32$/, ''));
    case 'time':
      return timeBytes(value);
    case 'duration':
      return durationBytes(value);
    case 'counter':
    case 'custom':
      throw new ValueError(`${typeText(type)} is never written`);
    default:
      return encodeTree(elementOf(field), type, parseJson(value));
  }
}

/** What the leaves of an array are; of any other field they say themselves what they are. */
function elementOf(field: FieldType): FieldType {
  if (field.kind === 'vector') return SINGLE;
  return field.kind === 'array' ? elementOf(field.element) : field.kind === 'json' ? JSON_TYPE : field;
}

function encodeTree(leaf: FieldType, type: CqlType, tree: JsonTree): Buffer {
  switch (type.name) {
    case 'list':
    case 'set': {
      const items = listOf(tree).map((item) => encodeItem(leaf, type.element, item));
      return counted(items.length, type.name === 'set' ? sortedSet(type.element, items) : items);
    }
    case 'map': {
      const members = [...membersOf(tree)];
      const items = members.flatMap(([name, item]) => [
        encodeItem(JSON_TYPE, type.key, keyTree(type.key, name)),
        encodeItem(leaf, type.value, item),
      ]);
      return counted(members.length, items);
    }
    case 'tuple': {
      const items = listOf(tree);
      if (items.length > type.elements.length) throw new ValueError(`it has more parts than ${typeText(type)}`);
      return Buffer.concat(items.map((item, i) => part(leaf, type.elements[i]!, item)));
    }
    case 'udt': {
      const members = membersOf(tree);
      const unknown = [...members.keys()].find((name) => !type.fields.some((field) => field.name === name));
      if (unknown !== undefined) throw new ValueError(`${type.typeName} has no field for one of its members`);
      return Buffer.concat(type.fields.map(({ name, type: inner }) => part(leaf, inner, members.get(name) ?? null)));
    }
    case 'vector': {
      const items = listOf(tree).map((item) => encodeItem(leaf, type.element, item));
      if (items.length !== type.size) throw new ValueError(`it has ${items.length} elements, and not ${type.size}`);
      if (vectorLength(type.element) !== undefined) return Buffer.concat(items);
      return Buffer.concat(items.flatMap((item) => [unsignedBytes(BigInt(item.length)), item]));
    }
    default:
      return encodeLeaf(leaf, type, tree);
  }
}

function encodeLeaf(leaf: FieldType, type: CqlType, tree: JsonTree): Buffer {
  if (tree === null) throw new ValueError('a collection of Cassandra holds no null');
  if (typeof tree === 'boolean') {
    if (type.name !== 'boolean') throw new ValueError('true or false stands where the column holds something else');
    return encodeValue({ kind: 'boolean' }, type, String(tree));
  }
  if (typeof tree === 'object' && 'number' in tree) {
    if (leaf.kind === 'json' && (type.name === 'text' || type.name === 'ascii')) {
      throw new ValueError('a number stands where the column holds text');
    }
    return encodeValue(leaf.kind === 'json' ? { kind: 'decimal' } : leaf, type, tree.number);
  }
  if (typeof tree !== 'string') throw new ValueError(`${writeJson(tree).slice(0, 1)}…: the column holds plain values`);
  if (type.name === 'blob') return blobBytes(tree.replace(leaf.kind === 'json' ? /^0x/ : '', ''));
  if (leaf.kind === 'json' && (NUMERIC.has(type.name) || type.name === 'boolean')) {
    throw new ValueError(`text stands where the column holds ${type.name}`);
  }
  if (leaf.kind !== 'json') return encodeValue(leaf, type, tree);
  if (type.name === 'timestamp') return encodeValue(MILLIS, type, fromTimestampText(tree, MILLIS.precision));
  return encodeValue({ kind: type.name === 'date' ? 'date' : 'text' }, type, tree);
}

const NUMERIC = new Set<CqlType['name']>([
  'int',
  'smallint',
  'tinyint',
  'bigint',
  'varint',
  'decimal',
  'double',
  'float',
]);
const MILLIS = { kind: 'timestamp', precision: 3 } as const;

function encodeItem(leaf: FieldType, type: CqlType, tree: JsonTree): Buffer {
  if (tree === null) throw new ValueError('a collection of Cassandra holds no null');
  return encodeTree(leaf, type, tree);
}

/** With its length; null is -1. */
function part(leaf: FieldType, type: CqlType, tree: JsonTree): Buffer {
  return tree === null ? int32(-1) : sized(encodeTree(leaf, type, tree));
}

function counted(count: number, items: readonly Buffer[]): Buffer {
  return Buffer.concat([int32(count), ...items.map(sized)]);
}

/** The server wants the elements of a frozen set once each; it sorts them itself. */
function sortedSet(type: CqlType, items: readonly Buffer[]): readonly Buffer[] {
  const known = new Set(items.map((item) => item.toString('hex')));
  if (known.size !== items.length) throw new ValueError(`set<${typeText(type)}> holds each element once`);
  return items;
}

/** A member's name as the tree of a map's key. */
function keyTree(type: CqlType, name: string): JsonTree {
  if (NUMERIC.has(type.name)) return { number: fromDecimalText(name) };
  return name;
}

function listOf(tree: JsonTree): readonly JsonTree[] {
  if (!Array.isArray(tree)) throw new ValueError('it is not an array');
  return tree;
}

function membersOf(tree: JsonTree): ReadonlyMap<string, JsonTree> {
  if (tree === null || typeof tree !== 'object' || !('members' in tree)) throw new ValueError('it is not an object');
  return tree.members;
}

function digitsOf(field: FieldType, value: string): string {
  if (field.kind === 'boolean') return value === 'true' ? '1' : '0';
  return field.kind === 'float' ? fromDecimalText(value) : value;
}

/** A single-precision column holds the shortest text that names it; a field of double precision has to be just that. */
function exactFloat(field: FieldType, value: string, bits: 32 | 64): Buffer {
  const bytes = floatBytes(floatOfText(value), bits);
  const kept = bits === 32 ? bytes.readFloatBE() : bytes.readDoubleBE();
  const back = field.kind === 'float' ? fromFloat(kept, field.bits) : fromDecimalText(fromFloat(kept, bits));
  const wanted = field.kind === 'float' ? fromFloat(floatOfText(value), field.bits) : fromDecimalText(value);
  if (back !== wanted) throw new ValueError(`it has more digits than a ${bits === 32 ? 'float' : 'double'} holds`);
  return bytes;
}

function timestampBytes(field: FieldType, value: string): Buffer {
  const micros = field.kind === 'date' ? daysToMicros(value) : microsOf(value);
  if (typeof micros !== 'bigint') throw new ValueError('a timestamp of Cassandra is never infinite');
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  return int64Bytes((micros - rest) / 1000n);
}

function daysToMicros(value: string): bigint {
  return BigInt(finiteDays(value)) * 86_400_000_000n;
}

function dateBytes(value: string): Buffer {
  const days = finiteDays(value) + DATE_CENTRE;
  if (days < 0 || days > 0xffff_ffff) throw new ValueError('it is a date that Cassandra does not hold');
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(days);
  return bytes;
}

function finiteDays(value: string): number {
  if (value.endsWith('infinity')) throw new ValueError('a date of Cassandra is never infinite');
  return daysOf(value);
}

function uuidBytes(value: string): Buffer {
  const hex = value.replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/i.test(hex)) throw new ValueError('it is not a UUID');
  return Buffer.from(hex, 'hex');
}

function blobBytes(hex: string): Buffer {
  if (!/^(?:[0-9a-f]{2})*$/i.test(hex)) throw new ValueError('it is not bytes in hex');
  return Buffer.from(hex, 'hex');
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function sized(bytes: Buffer): Buffer {
  return Buffer.concat([int32(bytes.length), bytes]);
}
