// Everything that the verbs need to know about one replica: where its columns stand in a result, and by what its records are found. Made
// once a replica, from the table's schema. No I/O.

import type { Field, Mapping } from '../../mapping/mapping.ts';
import type { Replica } from '../store.ts';
import type { Column, Found, Table } from './schema.ts';
import { type Connection, quoted } from './session.ts';
import { equals, selectText, writeTimeText } from './statements.ts';

export interface Access {
  readonly replica: Replica;
  readonly table: Table;
  readonly where: string | undefined;
  /** What every SELECT begins with, by slot: the primary key in the table's order, then the other mapped columns. */
  readonly slots: readonly Slot[];
  /** By `mapping.key` and `mapping.fields`: the slot. */
  readonly keySlots: readonly number[];
  readonly fieldSlots: readonly number[];
  /** Slots of the primary key's columns that are not in the mapping's key: what a record's place is made of. */
  readonly placeSlots: readonly number[];
  readonly finding: Finding;
}

export interface Slot {
  readonly column: Column;
  readonly field: Field;
  /** Index into `mapping.fields`; undefined for a part of the mapping's key. */
  readonly fieldIndex: number | undefined;
}

export type Finding =
  /** By these columns, which are in the mapping's key. */
  | { readonly by: 'key'; readonly columns: readonly Slot[] }
  /** By the whole primary key, parts of which are not in the mapping's key: a place has to be known. */
  | { readonly by: 'place' };

/** What stands in the way of reading the replica at all. `path` is a target or ''. */
export interface Obstacle {
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

export function makeAccess(connection: Connection, replica: Replica, found: Found): Access | readonly Obstacle[] {
  if ('missing' in found) return [missing(connection, replica, found)];
  const obstacles = [...columnObstacles(replica.mapping, found), ...keyObstacles(replica.mapping, found)];
  const where = whereOf(replica);
  if (where === null) {
    obstacles.push({ path: 'where', message: 'is not a text', hint: "Write a condition in CQL, such as kind = 'x'." });
  }
  if (obstacles.length > 0 || where === null) return obstacles;
  const slots = slotsOf(replica.mapping, found);
  const slotOf = (field: Field) => slots.findIndex((slot) => slot.field === field);
  const primaryKey = slots.slice(0, found.primaryKey.length);
  return {
    replica,
    table: found,
    where,
    slots,
    keySlots: replica.mapping.key.map(slotOf),
    fieldSlots: replica.mapping.fields.map(slotOf),
    placeSlots: primaryKey.flatMap((slot, i) => (slot.fieldIndex === undefined ? [] : [i])),
    finding: findingOf(found, primaryKey),
  };
}

/** For the verbs that can't go on without it. */
export function required(connection: Connection, access: Access | readonly Obstacle[], verb: string): Access {
  if (isAccess(access)) return access;
  const [{ path, message, hint }] = access as [Obstacle];
  throw connection.failures.lasting(verb, path === '' ? message : `${path}: ${message}`, hint);
}

export function isAccess(access: Access | readonly Obstacle[]): access is Access {
  return !Array.isArray(access);
}

/** The primary key's columns first, then the others as the mapping names them. */
function slotsOf({ key, fields }: Mapping, table: Table): readonly Slot[] {
  const all = [
    ...key.map((field) => ({ field, fieldIndex: undefined })),
    ...fields.map((field, fieldIndex) => ({ field, fieldIndex })),
  ].map((mapped) => ({ ...mapped, column: table.columns.get(mapped.field.target)! }));
  const isPrimary = ({ column }: Slot) => table.primaryKey.includes(column);
  return [
    ...table.primaryKey.map((column) => all.find((slot) => slot.column === column)!),
    ...all.filter((slot) => !isPrimary(slot)),
  ];
}

function findingOf({ partitionKey, primaryKey, indexed }: Table, slots: readonly Slot[]): Finding {
  const isKey = (slot: Slot) => slot.fieldIndex === undefined;
  if (slots.slice(0, partitionKey.length).every(isKey)) {
    const end = slots.findIndex((slot) => !isKey(slot));
    return { by: 'key', columns: slots.slice(0, end < 0 ? primaryKey.length : end) };
  }
  const column = slots.find((slot) => isKey(slot) && indexed.has(slot.column.name));
  return column === undefined ? { by: 'place' } : { by: 'key', columns: [column] };
}

function columnObstacles({ key, fields }: Mapping, table: Table): Obstacle[] {
  const names = [...table.columns.keys()];
  return [...key, ...fields].flatMap(({ target }) => {
    if (table.columns.has(target)) return [];
    const similar = names.find((name) => name.toLowerCase() === target.toLowerCase());
    const hint =
      similar === undefined ? `It has ${names.join(', ')}.` : `It has ${similar}: names are case-sensitive here.`;
    return [{ path: target, message: `${table.name} has no column ${target}`, hint }];
  });
}

function keyObstacles({ key, fields }: Mapping, table: Table): Obstacle[] {
  const primary = table.primaryKey.map((column) => column.name);
  const targets = new Set([...key, ...fields].map((field) => field.target));
  const obstacles: Obstacle[] = primary
    .filter((name) => !targets.has(name))
    .map((name) => ({
      path: name,
      message: `${name} is part of the primary key of ${table.name}, and nothing is mapped to it`,
      hint: 'Without it no record can be found or written. Map the column of the source that it comes from.',
    }));
  for (const { target } of key) {
    if (!table.columns.has(target) || primary.includes(target)) continue;
    obstacles.push({
      path: target,
      message: `${target} is part of the key, but not of the primary key of ${table.name} (${primary.join(', ')}): records would overwrite each other`,
      hint: 'Add it to the table’s clustering columns, or give the entity the key that the table has.',
    });
  }
  return obstacles;
}

/** Null where it is something else than a condition. */
function whereOf({ where }: Replica): string | undefined | null {
  if (where === undefined || where === null) return undefined;
  if (typeof where !== 'string') return null;
  const text = where.trim();
  return text === '' ? undefined : text;
}

function missing(connection: Connection, { target }: Replica, found: Extract<Found, { missing: string }>): Obstacle {
  const dot = target.indexOf('.');
  const keyspace = dot < 0 ? connection.keyspace : target.slice(0, dot);
  if (found.missing === 'keyspace') {
    return {
      path: '',
      message: `there is no keyspace ${keyspace}`,
      hint: 'Check the URL, or `keyspace` of the store.',
    };
  }
  const hint = found.similar.length === 0 ? 'It has no tables.' : `It has ${found.similar.slice(0, 20).join(', ')}.`;
  return { path: '', message: `there is no table ${target} in the keyspace ${keyspace}`, hint };
}

/** When the values of a slot were written; undefined for the primary key and where the server can't tell. */
export function writeTimeOf({ column }: Slot, version: number): string | undefined {
  return column.kind === 'partition_key' || column.kind === 'clustering' ? undefined : writeTimeText(column, version);
}

/** Reads records with the times at which their values were written. */
export function fetchText(connection: Connection, access: Access): string {
  const { table, slots, finding, where } = access;
  const names = namesOf(slots);
  const times = slots.flatMap((slot) => writeTimeOf(slot, connection.version) ?? []);
  const by = finding.by === 'place' ? table.primaryKey : finding.columns.map((slot) => slot.column);
  return selectText(table, [...names, ...times], equals(by), where);
}

export function namesOf(slots: readonly Slot[]): string[] {
  return slots.map(({ column }) => quoted(column.name));
}
