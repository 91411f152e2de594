// The Cypher for the records of a shape: the pattern that finds them and the columns that are returned. Names are quoted, values are parameters.

import type { Guard } from './schema.ts';
import { type Column, type End, quote, type Shape, type Variable } from './shape.ts';

/** `labelled`: ends must have their label, else any node may be one (then its columns come as null). */
export function pattern(shape: Shape, labelled: (end: End) => boolean = () => false): string {
  if (shape.record === 'n') return `(n:${quote(shape.target)})`;
  const [from, to] = shape.ends.map((end) =>
    end.columns.length === 0 || labelled(end) ? `(${end.variable}:${quote(end.label)})` : `(${end.variable})`,
  );
  return `${from}-[r:${quote(shape.target)}]->${to}`;
}

/** As one WHERE, or nothing. A condition of the user's may end in a comment. */
export function where(shape: Shape, ...conditions: readonly string[]): string {
  const all = shape.where === undefined ? conditions : [...conditions, `(${shape.where}\n)`];
  return all.length === 0 ? '' : ` WHERE ${all.join(' AND ')}`;
}

export function property({ variable, property }: Pick<Column, 'variable' | 'property'>): string {
  return `${variable}.${quote(property)}`;
}

/** The value at the place where the column stands; null where that is an end of another label. */
export function held(shape: Shape, column: Column): string {
  const end = shape.ends.find(({ side }) => side === column.side);
  return end === undefined
    ? property(column)
    : `CASE WHEN ${end.variable}:${quote(end.label)} THEN ${property(column)} END`;
}

/** Left to itself, the planner may choose otherwise while it has seen few records, and keeps to it when there are many. */
export function usingIndex(variable: Variable, { name, properties }: Guard): string {
  return `USING INDEX ${variable}:${quote(name)}(${properties.map(quote).join(', ')})`;
}

/** All columns as the driver has them. */
export function heldColumns(shape: Shape): readonly string[] {
  return shape.columns.map((column) => held(shape, column));
}

/**
 * All columns for a scan. Times come as text: the driver takes 9 µs to make an object of one, and a record has several. A text that stands there
 * reads the same. Key columns stay as they are, since it matters how a key is stored.
 */
export function scannedColumns(shape: Shape, hasTypePredicates: boolean): readonly string[] {
  return shape.columns.map((column) => {
    const value = held(shape, column);
    const { kind } = column.field.type;
    if (!hasTypePredicates || column.isKey || column.side !== undefined) return value;
    if (kind === 'timestamp') {
      return `CASE WHEN ${value} IS :: ZONED DATETIME OR ${value} IS :: LOCAL DATETIME OR ${value} IS :: DATE THEN toString(${value}) ELSE ${value} END`;
    }
    return kind === 'date' ? `CASE WHEN ${value} IS :: DATE THEN toString(${value}) ELSE ${value} END` : value;
  });
}

/** Finds records by the parameter `ids`. The WITH keeps the planner from starting anywhere else, such as at a label that was empty when it planned. */
export function byId(shape: Shape): string {
  const { record, target } = shape;
  const [found, variables] = record === 'n' ? ['(n)', 'n'] : ['(a)-[r]->(b)', 'a, r, b'];
  return `UNWIND $ids AS id MATCH ${found} WHERE elementId(${record}) = id
    WITH id, ${variables}${where(shape, `${record}:${quote(target)}`)}`;
}
