// The indexes and constraints of the database, as far as they bear on one replica.

import { codeOf } from './failure.ts';
import { type Connection, read } from './session.ts';
import type { End, Shape } from './shape.ts';

export interface Guard {
  readonly entity: 'NODE' | 'RELATIONSHIP';
  readonly name: string;
  readonly properties: readonly string[];
}

export interface Schema {
  /** By which a value is found without reading all that bear the name. */
  readonly indexes: readonly Guard[];
  /** Which let no value stand twice. */
  readonly constraints: readonly Guard[];
  /** False where the user may not look: both lists are empty then. */
  readonly isKnown: boolean;
}

export async function readSchema(connection: Connection, shape: Shape): Promise<Schema> {
  const names = [shape.target, ...shape.ends.map(({ label }) => label)];
  const mine = 'WHERE size(coalesce(labelsOrTypes, [])) = 1 AND labelsOrTypes[0] IN $names';
  const guards = async (query: string) => {
    const rows = (await read(connection, query, { names })) as readonly (readonly [
      Guard['entity'],
      string,
      string[],
    ])[];
    return rows.map(([entity, name, properties]): Guard => ({ entity, name, properties }));
  };
  try {
    return {
      indexes: await guards(
        `SHOW INDEXES YIELD type, state, entityType, labelsOrTypes, properties ${mine} AND type = 'RANGE' AND state = 'ONLINE' RETURN entityType, labelsOrTypes[0], properties`,
      ),
      constraints: await guards(
        `SHOW CONSTRAINTS YIELD type, entityType, labelsOrTypes, properties ${mine} AND (type CONTAINS 'UNIQUENESS' OR type IN ['NODE_KEY', 'RELATIONSHIP_KEY']) RETURN entityType, labelsOrTypes[0], properties`,
      ),
      isKnown: true,
    };
  } catch (error) {
    if (codeOf(error) !== 'Neo.ClientError.Security.Forbidden') throw error;
    return { indexes: [], constraints: [], isKnown: false };
  }
}

/** No two records can have one key: a constraint stands on some of its properties, all of which every record has. */
export function hasUniqueKey(schema: Schema, shape: Shape): boolean {
  const own = shape.columns.filter(({ isKey, side }) => isKey && side === undefined).map(({ property }) => property);
  return has(schema.constraints, shape.record === 'n' ? 'NODE' : 'RELATIONSHIP', shape.target, own);
}

/** Records are found by their own part of the key. */
export function hasKeyIndex(schema: Schema, shape: Shape): boolean {
  const own = shape.columns.filter(({ isKey, side }) => isKey && side === undefined).map(({ property }) => property);
  return has(schema.indexes, shape.record === 'n' ? 'NODE' : 'RELATIONSHIP', shape.target, own);
}

/** End nodes are found by the given columns of theirs. */
export function hasEndIndex(schema: Schema, end: End, onlyKeys = false): boolean {
  const columns = end.columns.filter(({ isKey }) => isKey || !onlyKeys);
  return has(
    schema.indexes,
    'NODE',
    end.label,
    columns.map(({ property }) => property),
  );
}

export function isEndUnique(schema: Schema, end: End): boolean {
  return has(
    schema.constraints,
    'NODE',
    end.label,
    end.columns.map(({ property }) => property),
  );
}

/** A composite index is used only when a value is given for each of its properties. */
function has(guards: readonly Guard[], entity: Guard['entity'], name: string, properties: readonly string[]): boolean {
  return guards.some(
    (guard) =>
      guard.entity === entity &&
      guard.name === name &&
      guard.properties.length > 0 &&
      guard.properties.every((one) => properties.includes(one)),
  );
}
