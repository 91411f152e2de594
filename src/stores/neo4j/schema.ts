// The indexes and constraints of the database, as far as they bear on one replica.

import { codeOf } from './failure.ts';
import { type Connection, read } from './session.ts';
import type { Column, End, Shape } from './shape.ts';

export interface Guard {
  readonly entity: 'NODE' | 'RELATIONSHIP';
  /** Of the label or type. */
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

/** What lets no two nodes of a label have the same values. Empty where the user may not look. */
export async function readConstraints(connection: Connection): Promise<readonly Guard[]> {
  const query = `SHOW CONSTRAINTS YIELD type, entityType, labelsOrTypes, properties
    WHERE entityType = 'NODE' AND size(labelsOrTypes) = 1 AND (type CONTAINS 'UNIQUENESS' OR type = 'NODE_KEY')
    RETURN labelsOrTypes[0], properties`;
  try {
    const rows = (await read(connection, query)) as readonly (readonly [string, string[]])[];
    return rows.map(([name, properties]): Guard => ({ entity: 'NODE', name, properties }));
  } catch (error) {
    if (codeOf(error) !== 'Neo.ClientError.Security.Forbidden') throw error;
    return [];
  }
}

/** No two records can have one key: a constraint stands on some of its properties, all of which every record has. */
export function keyConstraint(schema: Schema, shape: Shape): Guard | undefined {
  return guardOf(schema.constraints, shape.record, shape.target, ownKey(shape));
}

/** By which records are found by their own part of the key. */
export function keyIndex(schema: Schema, shape: Shape): Guard | undefined {
  return guardOf(schema.indexes, shape.record, shape.target, ownKey(shape));
}

export function endConstraint(schema: Schema, end: End): Guard | undefined {
  return guardOf(schema.constraints, 'n', end.label, end.columns);
}

/** By which end nodes are found by these columns of theirs. */
export function endIndex(schema: Schema, end: End, columns: readonly Column[] = end.columns): Guard | undefined {
  return guardOf(schema.indexes, 'n', end.label, columns);
}

function ownKey({ columns }: Shape): readonly Column[] {
  return columns.filter(({ isKey, side }) => isKey && side === undefined);
}

/** A composite one is used only when a value is given for each of its properties. */
function guardOf(
  guards: readonly Guard[],
  record: 'n' | 'r',
  name: string,
  columns: readonly Column[],
): Guard | undefined {
  const entity = record === 'n' ? 'NODE' : 'RELATIONSHIP';
  return guards.find(
    (guard) =>
      guard.entity === entity &&
      guard.name === name &&
      guard.properties.length > 0 &&
      guard.properties.every((property) => columns.some((column) => column.property === property)),
  );
}
