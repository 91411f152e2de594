// The editors' schema: that it knows every word, and gives the same text for the same kinds.

import { expect, test } from 'vitest';
import { configJsonSchema, configJsonSchemaText } from '../../src/config/json-schema.ts';
import { kinds } from './fake-kinds.ts';

// biome-ignore lint/suspicious/noExplicitAny: a JSON schema is looked into by hand here.
const schema = configJsonSchema(kinds) as any;

test('each kind of store has its own words, and no others', () => {
  const stores = schema.properties.stores.additionalProperties.anyOf;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const byKind = new Map(stores.map((store: any) => [store.properties.kind.const, store]));
  expect([...byKind.keys()]).toEqual(['mongodb', 'postgres']);
  expect(stores[0]).toMatchObject({ required: ['kind', 'url'], additionalProperties: false });
  expect(Object.keys(stores[0].properties).sort()).toEqual(['database', 'kind', 'readPreference', 'url']);
});

test("a replica may have any kind's words", () => {
  const replica = schema.properties.entities.additionalProperties.properties.replicas.items;
  expect(replica.additionalProperties).toBe(false);
  expect(Object.keys(replica.properties)).toEqual(
    expect.arrayContaining(['store', 'target', 'decimals', 'absentIsNull']),
  );
  expect(replica.required).toEqual(['store']);
});

test('a number may be a variable, and every common word is explained', () => {
  const { limits, confirm } = schema.properties;
  expect(limits.properties.maxRows.anyOf).toContainEqual({ type: 'string', pattern: '\\$\\{' });
  expect(confirm.properties.interval.anyOf).toContainEqual({ type: 'string', pattern: '\\$\\{' });
  const entity = schema.properties.entities.additionalProperties.properties;
  for (const words of [schema.properties, entity, entity.replicas.items.properties, limits.properties]) {
    for (const [word, { description }] of Object.entries(words) as [string, { description?: string }][]) {
      if (!['decimals', 'absentIsNull', 'naming'].includes(word)) expect(description, word).toBeTypeOf('string');
    }
  }
});

test('the text does not depend on the order of the kinds', () => {
  const reversed = new Map([...kinds].reverse());
  expect(configJsonSchemaText(reversed)).toBe(configJsonSchemaText(kinds));
});
