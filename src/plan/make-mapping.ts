// From an entity's columns and a replica's config to a mapping. Pure; every problem is collected, none is thrown.

import type { EntityConfig, FieldConfig, ReplicaConfig } from '../config/config.ts';
import { applyNaming } from '../config/naming.ts';
import type { Problem } from '../errors.ts';
import type { Field, Mapping } from '../mapping/mapping.ts';
import type { Column, Shape } from '../postgres/columns.ts';
import { canHash } from '../postgres/row-hash-sql.ts';
import type { Inspection } from '../stores/store.ts';
import type { FieldType } from '../value/field-type.ts';

export interface MappingResult {
  readonly mapping: Mapping;
  readonly ignored: readonly string[];
  readonly notes: readonly string[];
  readonly problems: readonly Problem[];
}

/** The canonical types that `type:` may name; any other word there only says how the store keeps the value. */
const TYPES: Readonly<Record<string, FieldType>> = {
  text: { kind: 'text' },
  boolean: { kind: 'boolean' },
  integer: { kind: 'integer', bits: 64 },
  decimal: { kind: 'decimal' },
  float: { kind: 'float', bits: 64 },
  date: { kind: 'date' },
  timestamp: { kind: 'timestamp', precision: 6 },
  uuid: { kind: 'uuid' },
  bytes: { kind: 'bytes' },
  json: { kind: 'json' },
  vector: { kind: 'vector' },
  interval: { kind: 'interval' },
  enum: { kind: 'enum' },
};

const TOLERANT = new Set(['integer', 'decimal', 'float', 'timestamp']);

/** The key's columns: the config's, else the table's primary key. Empty: a problem of the entity. */
export function keyOf(entity: EntityConfig, shape: Shape): readonly string[] {
  return entity.key ?? shape.primaryKey;
}

/** The key's columns as the source has them. */
export function sourceKey(entity: EntityConfig, shape: Shape): readonly Field[] {
  return keyOf(entity, shape).flatMap((name) => {
    const column = shape.columns.get(name);
    return column === undefined ? [] : [{ name, target: name, type: column.type, nullable: false }];
  });
}

export function makeMapping(entity: EntityConfig, shape: Shape, replica: ReplicaConfig): MappingResult {
  const path = `entities.${entity.name}`;
  const problems: Problem[] = [];
  const ignored: string[] = [];
  const notes: string[] = [];
  const names = keyOf(entity, shape);
  const onlyListed = replica.onlyListed || replica.cache;
  const listed = [...names, ...replica.fields.keys(), ...(entity.version === undefined ? [] : [entity.version])];
  for (const name of new Set(listed)) {
    if (shape.columns.has(name)) continue;
    problems.push({
      path,
      message: `the source has no column ${name}`,
      hint: `It has ${[...shape.columns.keys()].join(', ')}.`,
    });
  }

  const makeField = (column: Column): Field => {
    const config = replica.fields.get(column.name);
    const field = fieldOf(column, config, config?.to ?? applyNaming(column.name, replica.naming));
    if (field.map === undefined && !canHash(field.type, column.type)) {
      problems.push({
        path: `${path}.fields.${column.name}.type`,
        message: `${column.name} is ${column.pgType} in the source and can't be compared as ${field.type.kind}`,
        hint: 'Convert it in the entity: give it `sql:` with a cast instead of `table:`.',
      });
    }
    if (config?.toleranceIsDuration && field.type.kind !== 'timestamp') {
      problems.push({
        path: `${path}.fields.${column.name}.tolerance`,
        message: `a duration, but ${column.name} is ${column.pgType}`,
        hint: 'Give a plain number in the unit of the field.',
      });
    }
    if (field.tolerance !== undefined && !TOLERANT.has(field.type.kind)) {
      problems.push({
        path: `${path}.fields.${column.name}.tolerance`,
        message: `${column.name} is ${column.pgType}: only numbers and timestamps can have a tolerance`,
      });
    }
    if (!column.readable) problems.push({ path, message: `no permission to read ${column.name} in the source` });
    notes.push(...notesOf(field));
    return field;
  };

  const columns = [...shape.columns.values()];
  const key = names.flatMap((name) => (shape.columns.has(name) ? [makeField(shape.columns.get(name)!)] : []));
  for (const { name, sensitive } of key) {
    if (!sensitive) continue;
    problems.push({
      path: `${path}.fields.${name}.sensitive`,
      message: `${name} belongs to the key, by which findings, journal and commands name a record`,
      hint: 'Take `sensitive` out there, or let another column be the key.',
    });
  }
  const fields = columns.flatMap((column) => {
    if (names.includes(column.name)) return [];
    if (replica.fields.get(column.name)?.ignore) {
      ignored.push(column.name);
      return [];
    }
    if (onlyListed && !listed.includes(column.name)) {
      ignored.push(column.name);
      return [];
    }
    return [makeField(column)];
  });

  const seen = new Map<string, string>();
  for (const field of [...key, ...fields]) {
    const other = seen.get(field.target);
    if (other !== undefined) {
      const message = `${other} and ${field.name} both stand in ${field.target}`;
      problems.push({
        path: `${path}.replicas.${replica.name}`,
        message,
        hint: 'Name one of them under fields: with another `to`.',
      });
    }
    seen.set(field.target, field.name);
  }
  const version = fields.findIndex((field) => field.name === entity.version);
  if (
    entity.version !== undefined &&
    version < 0 &&
    !names.includes(entity.version) &&
    shape.columns.has(entity.version)
  ) {
    notes.push(`the replica does not hold the version ${entity.version}: older and newer can't be told apart`);
  }
  if (replica.cache) {
    const [field] = fields;
    if (fields.length !== 1 || version !== 0 || field!.type.kind !== 'timestamp') {
      problems.push({
        path: `${path}.version`,
        message: 'cached results are compared by age: the version must be a timestamp, and no other field may be named',
      });
    }
    notes.push(
      'cached results: none need be there, and only when they were written is compared; both clocks must agree',
    );
  }
  const cache = replica.cache ? { cache: true as const } : {};
  return { mapping: { key, fields, version: version < 0 ? undefined : version, ...cache }, ignored, notes, problems };
}

/** The mapping made coarser where the replica holds less: fewer digits of a timestamp, null for an empty value. Itself where it holds all. */
export function withPrecision(mapping: Mapping, held: HeldPrecision): Mapping {
  const coarser = (field: Field): Field => {
    const digits = held.timestampPrecision.get(field.target);
    if (field.type.kind !== 'timestamp' || digits === undefined || digits >= field.type.precision) return field;
    return { ...field, type: { kind: 'timestamp', precision: digits } };
  };
  const orEmpty = (field: Field): Field =>
    held.emptyIsNull?.has(field.target) ? { ...field, emptyIsNull: true } : field;
  const key = mapping.key.map(coarser);
  const fields = mapping.fields.map((field) => orEmpty(coarser(field)));
  const before = [...mapping.key, ...mapping.fields];
  return [...key, ...fields].every((field, i) => field === before[i]) ? mapping : { ...mapping, key, fields };
}

type HeldPrecision = Pick<Inspection, 'timestampPrecision' | 'emptyIsNull'>;

function fieldOf(column: Column, config: FieldConfig | undefined, target: string): Field {
  const named = config?.type === undefined ? undefined : TYPES[config.type];
  const override = named !== undefined && named.kind !== column.type.kind ? named : undefined;
  return {
    name: column.name,
    target,
    type: config?.map !== undefined ? { kind: 'enum' } : (override ?? column.type),
    nullable: !column.notNull,
    tolerance: config?.tolerance,
    ignoreCase: config?.ignoreCase,
    map: config?.map,
    sensitive: config?.sensitive,
    storedAs: config?.type,
  };
}

function notesOf(field: Field): string[] {
  const notes: string[] = [];
  if (field.tolerance !== undefined) {
    const unit = field.type.kind === 'timestamp' ? ' µs' : '';
    notes.push(`${field.name} may differ by ${field.tolerance}${unit}`);
  }
  if (field.ignoreCase) notes.push(`${field.name} without regard to case`);
  if (field.map !== undefined) notes.push(`${field.name} through its map`);
  return notes;
}
