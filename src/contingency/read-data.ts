// A record as a replica spells it, brought back into the source's columns: the mapping in reverse. Pure.

import type { Field, Key, Mapping } from '../mapping/mapping.ts';
import { readKey } from '../mapping/read-key.ts';
import { fromArray, fromMillis, fromText, ValueError } from '../value/canonical.ts';
import type { FieldType, Value } from '../value/field-type.ts';
import { type JsonTree, parseJson, writeJson } from '../value/json.ts';
import { at, plainText } from '../value/json-path.ts';
import type { SourceTable } from './source-table.ts';

/** Canonical. Throws a ValueError where a part is missing or none of its column's. */
export function readKeyOf(data: JsonTree, spelled: Mapping, { ready }: SourceTable): Key {
  const { key } = ready.replica.mapping;
  const texts = key.map((column) => {
    const field = spelled.key.find(({ name }) => name === column.name)!;
    const value = columnValue(found(data, field) ?? null, field, column.type);
    if (value === null) throw new ValueError(`${field.target}, of the key, is missing`);
    return value;
  });
  return readKey(key, texts);
}

/** By index into the table's fields: those that the data has, null included. Throws a ValueError that names the field, never a sensitive value. */
export function readValues(
  data: JsonTree,
  spelled: Mapping,
  { ready, relation }: SourceTable,
): { readonly values: ReadonlyMap<number, Value>; readonly unnamed: readonly string[] } {
  const values = new Map<number, Value>();
  ready.replica.mapping.fields.forEach((column, index) => {
    const field = spelled.fields.find(({ name }) => name === column.name) ?? column;
    const tree = found(data, field);
    if (tree !== undefined) values.set(index, columnValue(tree, field, column.type));
  });
  return { values, unnamed: unnamedIn(data, spelled, [...relation.shape.columns.keys()]) };
}

/** Under the replica's name, else under the column's own. */
function found(data: JsonTree, { target, name }: Field): JsonTree | undefined {
  return at(data, target.split('.')) ?? at(data, [name]);
}

/** Where nobody knows the names of what lies deeper, only the outermost are looked at. */
function unnamedIn(data: JsonTree, { key, fields }: Mapping, columns: readonly string[]): readonly string[] {
  if (typeof data !== 'object' || data === null || !('members' in data)) return [];
  const known = new Set([...columns, ...[...key, ...fields].map(({ target }) => target.split('.')[0]!)]);
  return [...data.members.keys()].filter((name) => !known.has(name));
}

function columnValue(tree: JsonTree, field: Field, type: FieldType): Value {
  if (tree === null) return null;
  try {
    return field.map === undefined ? canonicalOf(tree, field, type) : fromText(type, wordOf(tree, field.map));
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new ValueError(`${field.target}: ${field.sensitive ? 'a value that can not be converted' : error.message}`);
  }
}

function canonicalOf(tree: JsonTree, { storedAs }: Field, type: FieldType): string {
  switch (type.kind) {
    case 'json':
      return typeof tree === 'string' && storedAs === 'string' ? writeJson(parseJson(tree)) : writeJson(tree);
    case 'array':
    case 'vector':
      return fromArray(type, typeof tree === 'string' ? parseJson(tree) : tree);
    default: {
      const text = plainText(tree);
      if (text === undefined) throw new ValueError(`it is no ${type.kind}`);
      const isNumber = typeof tree === 'object';
      if (isNumber && type.kind === 'timestamp') return fromMillis(Number(text), type.precision);
      if (isNumber && type.kind === 'date') return fromMillis(Number(text), 3).replace(/T.*$/, '');
      return fromText(type, text);
    }
  }
}

/** The source's word for what the replica holds in its place. */
function wordOf(tree: JsonTree, map: NonNullable<Field['map']>): string {
  const code = plainText(tree);
  const words = [...map].filter(([, held]) => String(held) === code).map(([word]) => word);
  if (words.length === 1) return words[0]!;
  throw new ValueError(
    words.length === 0
      ? `no word stands for ${JSON.stringify(code ?? null)} in its map`
      : `${words.join(' and ')} both stand for ${JSON.stringify(code)} in its map`,
  );
}
