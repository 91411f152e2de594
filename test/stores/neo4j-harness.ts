// Neo4j for the shared suite: records as nodes, or as relationships between two nodes, written and read back by a driver of the test's own.

import type { Driver } from 'neo4j-driver';
import { expect } from 'vitest';
import { neo4jDriver } from '../../engines/neo4j.ts';
import type { Field, Key, Mapping } from '../../src/mapping/mapping.ts';
import { neo4j } from '../../src/stores/neo4j/neo4j.ts';
import type { Value } from '../../src/value/field-type.ts';
import { freshNeo4j } from '../databases.ts';
import type { Harness, NativeRecord, Place, PlaceOptions } from './contract.ts';
import { cypher, fromNative, nativeText, toNative } from './neo4j-native.ts';

export const connectNeo4j = (url: string) => neo4j.connect({ name: 'graph', url, options: {} });

let places = 0;

export function startNeo4j(as: 'node' | 'relationship'): (own?: string) => Promise<Harness> {
  return async (own) => {
    const { url, prefix } = freshNeo4j(own);
    const driver = await neo4jDriver(url);
    return {
      url,
      config: { kind: 'neo4j' },
      precision: 6,
      canDuplicate: true,
      unholdable: (type, value) => type.kind === 'array' && value.includes('null'),
      connect: connectNeo4j,
      makePlace: (mapping, options) => makePlace(driver, prefix, as, mapping, options),
      close: () => driver.close(),
    };
  };
}

async function makePlace(
  driver: Driver,
  prefix: string,
  as: 'node' | 'relationship',
  mapping: Mapping,
  { where, unguarded, unique = [] }: PlaceOptions = {},
): Promise<Place> {
  const target = `${prefix}${places++}`;
  const ends = as === 'node' ? {} : { from: { label: `${target}_from` }, to: { label: `${target}_to` } };
  const variable = as === 'node' ? 'n' : 'r';
  const [one, any] =
    as === 'node' ? [`(n:${target})`, `(n:${target})`] : [`()-[r:${target}]->()`, `()-[r:${target}]-()`];
  if (as === 'relationship') await cypher(driver, `CREATE (:${target}_from), (:${target}_to)`);
  const keys = mapping.key.map((field) => `${variable}.${field.target}`).join(', ');
  const guards = [...(unguarded ? [] : [keys]), ...unique.map((name) => `${variable}.${name}`)];
  for (const guard of guards) await cypher(driver, `CREATE CONSTRAINT FOR ${any} REQUIRE (${guard}) IS UNIQUE`);
  const create =
    as === 'node'
      ? `CREATE (n:${target})`
      : `MATCH (a:${target}_from) MATCH (b:${target}_to) CREATE (a)-[r:${target}]->(b)`;
  const isKey = mapping.key.map((field, i) => `${variable}.${field.target} = $key[${i}]`).join(' AND ');
  const keyOf = (key: Key) => mapping.key.map((field, i) => toNative(field.type, key[i]!));
  const condition = where ? `${variable}.extra = 'in'` : undefined;
  const only = async (query: string, parameters: Record<string, unknown>) =>
    expect(await cypher(driver, `MATCH ${one} WHERE ${isKey} ${query} RETURN 1`, parameters)).toHaveLength(1);
  return {
    replica: { name: `graph.${target}`, target, mapping, where: condition, options: ends },
    config: {
      target,
      ...ends,
      ...(condition === undefined ? {} : { where: condition }),
      fields: Object.fromEntries(mapping.fields.map((field) => [field.name, field.target])),
    },
    async write(records) {
      const rows = records.map((record) => propertiesOf(mapping, record));
      await cypher(driver, `UNWIND $rows AS row ${create} SET ${variable} = row`, { rows });
    },
    async read() {
      const rows = await cypher(driver, `MATCH ${one} RETURN properties(${variable}) AS held`);
      return rows.map(({ held }) => recordOf(mapping, held as Record<string, unknown>));
    },
    async whole() {
      const name = as === 'node' ? 'labels(n)' : 'type(r)';
      const rows = await cypher(driver, `MATCH ${one} RETURN ${name} AS name, properties(${variable}) AS held`);
      return rows.map(({ name, held }) => nativeText([name, held])).sort();
    },
    async set(key, index, value) {
      const { target: property, type } = mapping.fields[index]!;
      const native = value === null ? null : toNative(type, value);
      await only(`SET ${variable}.${property} = $native`, { key: keyOf(key), native });
    },
    async remove(key) {
      await only(`DELETE ${variable}`, { key: keyOf(key) });
    },
  };
}

/** A null and an absent property are the same to Neo4j. */
function propertiesOf(mapping: Mapping, { key, values, extra }: NativeRecord): Record<string, unknown> {
  const held = (field: Field, value: Value | undefined) => [
    field.target,
    value == null ? null : toNative(field.type, value),
  ];
  return {
    extra: extra ?? null,
    ...Object.fromEntries(mapping.key.map((field, i) => held(field, key[i]))),
    ...Object.fromEntries(mapping.fields.map((field, i) => held(field, values[i]))),
  };
}

function recordOf(mapping: Mapping, held: Record<string, unknown>): NativeRecord {
  const read = ({ target, type }: Field): Value | undefined =>
    held[target] === undefined ? undefined : fromNative(type, held[target]);
  const record = { key: mapping.key.map((field) => read(field) ?? ''), values: mapping.fields.map(read) };
  return held.extra === undefined ? record : { ...record, extra: held.extra as string };
}
