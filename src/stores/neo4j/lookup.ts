// The Cypher that finds records, or end nodes, by key: through an index key by key, or, where there is none, in one reading for all keys.

import type { Key } from '../../mapping/mapping.ts';
import type { Access } from './access.ts';
import { pattern, property, usingIndex, where } from './cypher.ts';
import { flatForms, formsOfKeys } from './key-forms.ts';
import { endIndex, keyIndex, type Schema } from './schema.ts';
import type { Neo4j } from './session.ts';
import { type Column, type End, quote, type Shape } from './shape.ts';

export interface Lookup {
  /** Up to what is returned. */
  readonly query: string;
  /** The query's only parameter. */
  readonly keys: readonly unknown[];
}

export function recordsByKeys(neo4j: Neo4j, { shape, schema }: Access, keys: readonly Key[]): Lookup {
  const columns = shape.columns.slice(0, shape.keys);
  const found = shape.record === 'n' ? nodesByIndex(shape, schema) : relationshipsByIndex(shape, schema);
  if (found !== undefined) return { query: `UNWIND $keys AS key ${found}`, keys: formsOfKeys(neo4j, columns, keys) };
  const records = pattern(shape, hasKey);
  return { query: `MATCH ${records}${where(shape, isAnyOf(columns))}`, keys: flatForms(neo4j, columns, keys) };
}

/** `values`: one list a node, in the order of the end's columns. An end without any is the one node of its label, or two where there are more. */
export function endsByValues(
  neo4j: Neo4j,
  schema: Schema,
  { variable, label, columns, ...end }: End,
  values: readonly (readonly string[])[],
): Lookup {
  const node = `MATCH (${variable}:${quote(label)})`;
  if (columns.length === 0) return { query: `${node} WITH ${variable} LIMIT 2`, keys: [] };
  const index = endIndex(schema, { variable, label, columns, ...end });
  if (index === undefined) {
    return { query: `${node} WHERE ${isAnyOf(columns)}`, keys: flatForms(neo4j, columns, values) };
  }
  const conditions = columns.map((column, i) => `${property(column)} IN key[${i}]`);
  return {
    query: `UNWIND $keys AS key ${node} ${usingIndex(variable, index)} WHERE ${conditions.join(' AND ')}`,
    keys: formsOfKeys(neo4j, columns, values),
  };
}

function nodesByIndex(shape: Shape, schema: Schema): string | undefined {
  const index = keyIndex(schema, shape);
  if (index === undefined) return undefined;
  const conditions = shape.columns.slice(0, shape.keys).map(isOfKey);
  return `MATCH ${pattern(shape)} ${usingIndex('n', index)}${where(shape, ...conditions)}`;
}

function relationshipsByIndex(shape: Shape, schema: Schema): string | undefined {
  const { columns, ends, target, keys } = shape;
  const key = columns.slice(0, keys);
  const own = key.filter(({ side }) => side === undefined).map(isOfKey);
  // An end that says nothing of the key is whatever it is, but for one that is the only node of its label.
  const labels = ends
    .filter((end) => end.columns.length === 0 || hasKey(end))
    .map(({ variable, label }) => `${variable}:${quote(label)}`);
  const all = where(shape, ...labels, ...key.map(isOfKey));
  const withEnds = `WITH key, r, startNode(r) AS a, endNode(r) AS b${all}`;
  const index = keyIndex(schema, shape);
  if (index !== undefined) {
    return `MATCH ()-[r:${quote(target)}]->() ${usingIndex('r', index)} WHERE ${own.join(' AND ')} ${withEnds}`;
  }
  const anchors = ends.flatMap((end) => {
    const mine = end.columns.filter(({ isKey }) => isKey);
    const found = endIndex(schema, end, mine);
    if (found === undefined) return [];
    const { variable, label } = end;
    return `MATCH (${variable}:${quote(label)}) ${usingIndex(variable, found)} WHERE ${mine.map(isOfKey).join(' AND ')}`;
  });
  if (anchors.length === 0) return undefined;
  // In a list, since a MATCH could be turned round: from a city to all its bookings, instead of from the guest.
  return `${anchors.join(' ')} UNWIND [(a)-[r:${quote(target)}]->(b) | r] AS r ${withEnds}`;
}

function hasKey(end: End): boolean {
  return end.columns.some(({ isKey }) => isKey);
}

/** Of a key column, whose index is its place in the key. */
function isOfKey(column: Column): string {
  return `${property(column)} IN key[${column.index}]`;
}

function isAnyOf(columns: readonly Column[]): string {
  const properties = columns.map(property);
  return `${properties.length === 1 ? properties[0] : `[${properties.join(', ')}]`} IN $keys`;
}
