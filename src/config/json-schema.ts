// The JSON schema of the config file, for editors: the words of schema.ts with every kind's own. It is coarser than the
// reading: a replica may use any kind's words, as an editor can't tell the kind from the store's name.

import { z } from 'zod';
import { alertKinds } from '../alerts/alert-kinds.ts';
import { probeKinds } from '../health/probe-kinds.ts';
import type { StoreDefinition } from '../stores/store.ts';
import { bare } from './check.ts';
import { fileOptions } from './resolve-contingency.ts';
import {
  alertShape,
  contingencyStoreShape,
  fileSchema,
  probeShape,
  queueShape,
  replicaShape,
  storeShape,
} from './schema.ts';

type Shape = Record<string, z.ZodType>;
type Json = Record<string, unknown>;

const variable = { type: 'string', pattern: '\\$\\{' };

/** Draft 7, which the editors' YAML plug-ins know best. The same definitions give the same schema, whatever their order. */
export function configJsonSchema(definitions: ReadonlyMap<string, StoreDefinition>): Json {
  const kinds = [...definitions.values()].sort((a, b) => (a.kind < b.kind ? -1 : 1));
  const stores = kinds.map(({ kind, options }) =>
    objectWith({ ...storeShape, kind: z.literal(kind).describe('What kind of server it is.') }, shapeOf(options)),
  );
  const replicaShapes = kinds.map(({ replicaOptions }) => shapeOf(replicaOptions));
  const anyKinds = replicaShapes.every((shape) => shape !== undefined) ? unionOf(replicaShapes) : undefined;
  const probes = [...probeKinds(definitions).values()].map(({ definition: { kind, summary, options } }) =>
    objectWith({ ...probeShape, kind: z.literal(kind).describe(summary) }, shapeOf(options)),
  );
  const alerts = [...alertKinds.values()].map(({ kind, summary, options }) =>
    objectWith({ ...alertShape, kind: z.literal(kind).describe(summary) }, shapeOf(options)),
  );
  const file = fileSchema(
    stores.length > 0 ? z.union(stores) : z.looseObject(storeShape),
    objectWith(replicaShape, anyKinds),
    z.union(probes),
    objectWith(queueShape, unionOf(kinds.map(({ queueOptions }) => shapeOf(queueOptions)).filter(isKnown))),
    z.union(alerts),
    objectWith(
      contingencyStoreShape,
      unionOf(
        [...kinds.map(({ contingencyOptions }) => shapeOf(contingencyOptions)), shapeOf(fileOptions)].filter(isKnown),
      ),
    ),
  );
  const schema = z.toJSONSchema(file, { target: 'draft-7', io: 'input', unrepresentable: 'any' });
  return { ...(withVariables(schema) as Json), title: 'Plumbline configuration' };
}

/** The text of `plumbline.schema.json`. */
export function configJsonSchemaText(definitions: ReadonlyMap<string, StoreDefinition>): string {
  return `${JSON.stringify(configJsonSchema(definitions), null, 2)}\n`;
}

function shapeOf(schema: z.ZodType | undefined): Shape | undefined {
  const object = bare(schema);
  return object instanceof z.ZodObject ? (object.shape as Shape) : undefined;
}

function isKnown(shape: Shape | undefined): shape is Shape {
  return shape !== undefined;
}

function objectWith(common: Shape, own: Shape | undefined): z.ZodType {
  return own === undefined ? z.looseObject(common) : z.strictObject({ ...own, ...common });
}

/** Every word of every kind, none required; where two kinds use one word, either meaning. */
function unionOf(shapes: readonly Shape[]): Shape {
  const merged = new Map<string, z.ZodType[]>();
  for (const [word, schema] of shapes.flatMap((shape) => Object.entries(shape))) {
    merged.set(word, [...(merged.get(word) ?? []), schema]);
  }
  return Object.fromEntries(
    [...merged].map(([word, schemas]) => [word, (schemas.length > 1 ? z.union(schemas) : schemas[0]!).optional()]),
  );
}

/** Wherever a number, a yes-or-no or a patterned text may stand, so may `${NAME}`. */
function withVariables(node: unknown): unknown {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return node;
  const given = node as Json;
  const copy: Json = { ...given };
  if (isMap(given.properties)) copy.properties = mapValues(given.properties);
  for (const place of ['additionalProperties', 'items'] as const) {
    if (isMap(given[place])) copy[place] = withVariables(given[place]);
  }
  const alternatives = given.anyOf;
  if (Array.isArray(alternatives)) {
    const options = alternatives.map(withVariables).flatMap((option) => {
      const { anyOf, description } = option as Json;
      return Array.isArray(anyOf) && description === undefined ? anyOf : [option];
    });
    copy.anyOf = [...new Map(options.map((option) => [JSON.stringify(option), option])).values()];
    return copy;
  }
  const free = given.type === 'string' && given.pattern === undefined && given.enum === undefined;
  const scalar = ['string', 'number', 'integer', 'boolean'].includes(String(given.type));
  if (!scalar || free) return copy;
  const { description, ...rest } = copy;
  return { ...(description === undefined ? {} : { description }), anyOf: [rest, variable] };
}

function mapValues(properties: Json): Json {
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, withVariables(value)]));
}

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
