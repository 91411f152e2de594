// The words of the YAML file: which keys there are and what may stand in them. What one key says about another is
// checked in resolve.ts; nothing is converted or filled in here.

import { z } from 'zod';
import { durationPattern, percentPattern } from './duration.ts';

const text = z.string().min(1, { error: 'must not be empty' });
const duration = z.union([
  z.number().nonnegative({ error: 'must not be negative' }),
  z.string().regex(durationPattern, { error: 'is no duration; write 500ms, 2s, 5m, 1h or 7d' }),
]);
const percent = z.union([
  z.number().min(0, { error: 'must lie between 0 and 100' }).max(100, { error: 'must lie between 0 and 100' }),
  z.string().regex(percentPattern, { error: 'is no percentage; write 10 or 10%' }),
]);
const parallelWorkers = z
  .int()
  .min(0)
  .max(64)
  .optional()
  .describe('Parallel workers that one scan may take there. Default 0.');
const naming = z.enum(['asIs', 'camelCase', 'snake_case']);

const fieldWords = z.strictObject({
  to: text
    .optional()
    .describe("The replica's field; a document path may have dots. Default: the column's name put through `naming`."),
  type: text.optional().describe("Overrides the column's type, or says how the replica stores it."),
  tolerance: z
    .union([
      z.number().nonnegative({ error: 'must not be negative' }),
      z
        .string()
        .regex(durationPattern, { error: 'is no tolerance; write a number, or a duration such as 1s for a timestamp' }),
    ])
    .optional()
    .describe(
      "Values differ only by more than this: a number in the field's own unit (microseconds for a timestamp), or a duration.",
    ),
  case: z
    .enum(['sensitive', 'insensitive'])
    .optional()
    .describe('Whether upper and lower case count. Default: they do.'),
  map: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe("The source's value → the replica's."),
  ignore: z.boolean().optional().describe('Not compared, never written.'),
  sensitive: z.boolean().optional().describe('Compared, but never shown, logged or kept.'),
});
const fields = z
  .record(text, z.union([text, fieldWords]))
  .optional()
  .describe('By source column: how the field stands in the replica. A text is short for { to: text }.');

export const storeShape = {
  kind: text.describe('What kind of server it is.'),
  url: text.describe(`Where it is. Passwords come from the environment: postgres://app:\${APP_PASSWORD}@host/db.`),
};

export const replicaShape = {
  store: text.describe('The name of one of `stores`.'),
  target: text.optional().describe("The table, collection, label … Default: the table's name put through `naming`."),
  naming: naming
    .optional()
    .describe("How a column's name becomes a field's name. Default: the entity's `naming`, or asIs."),
  where: z.unknown().optional().describe("Which records belong to the replica, in the store's own words."),
  maxLag: duration.optional().describe('How long the replica may trail the source. Default 500ms.'),
  fields,
  onlyListed: z.boolean().optional().describe('Compare only the key, the version and the columns in `fields`.'),
  ignore: z.array(text).optional().describe('Columns that are not compared and never written.'),
};

/**
 * The whole file. A store's and a replica's own words depend on the kind, so the caller says what may stand there:
 * anything while reading (resolve.ts asks the kind), the union of all kinds for an editor.
 */
export function fileSchema<Store extends z.ZodType, Replica extends z.ZodType>(store: Store, replica: Replica) {
  const storeName = z.string().regex(/^(?!source$)[\p{L}_][\p{L}\p{N}_-]*$/u, {
    error: 'a store is named with letters, digits, - and _ (and not "source")',
  });
  const entityName = z.string().regex(/^[\p{L}_][\p{L}\p{N}_.-]*$/u, {
    error: 'an entity is named with letters, digits, -, _ and .',
  });
  const entity = z.strictObject({
    table: text.optional().describe('A table or view of the source: `incidents` or `public.incidents`.'),
    sql: text.optional().describe('A query over the source, in place of `table`. Needs `key`.'),
    where: text.optional().describe("SQL condition on the source's rows."),
    key: z
      .union([text, z.array(text).min(1, { error: 'needs at least one column' })])
      .optional()
      .describe("The key's column or columns. Default: the table's primary key."),
    version: text.optional().describe('A column that grows with each change, such as updated_at.'),
    since: text.optional().describe('The column that --since looks at. Default: the version.'),
    touches: z
      .record(text, text)
      .optional()
      .describe(
        'By entity: a query over `changed` (the rows of this entity that were chosen) for the keys of the records that depend on them.',
      ),
    fields,
    naming: naming.optional().describe('The default for its replicas.'),
    replicas: z
      .array(replica)
      .min(1, { error: 'needs at least one replica' })
      .optional()
      .describe('Where its records should stand. May be left out where the entity only touches others.'),
  });
  return z.strictObject({
    version: z.literal(1).optional().describe('The version of this format.'),
    source: z
      .strictObject({ url: storeShape.url, parallel: parallelWorkers })
      .describe('The PostgreSQL server that holds the truth.'),
    stores: z.record(storeName, store).describe('The servers that hold copies, by name.'),
    entities: z
      .record(entityName, entity)
      .refine((entities) => Object.keys(entities).length > 0, { error: 'needs at least one entity' })
      .describe('What is compared, by name.'),
    confirm: z
      .strictObject({
        interval: duration.optional().describe('Between two looks at a record that has not settled. Default 100ms.'),
        giveUp: duration
          .optional()
          .describe('When such a record is given up as unread. Default 10 × maxLag, at least 5s.'),
      })
      .optional()
      .describe('How differences are looked at again.'),
    limits: z
      .strictObject({
        maxRows: z
          .int({ error: 'must be a whole number' })
          .nonnegative({ error: 'must not be negative' })
          .optional()
          .describe('Most records that one run may write in one replica. Default 10000.'),
        maxPercent: percent.optional().describe('The same, in percent of the replica. Default 10.'),
      })
      .optional()
      .describe('What a repair may write at most.'),
    folder: text.optional().describe('Folder of the runs, beside the config file. Default .plumbline.'),
  });
}

/** What the file is read with. */
export const looseFile = fileSchema(z.looseObject(storeShape), z.looseObject(replicaShape));
export const entityWords: readonly string[] = Object.keys(looseFile.shape.entities.valueType.shape);
export type RawFile = z.infer<typeof looseFile>;
export type RawEntity = RawFile['entities'][string];
export type RawReplica = NonNullable<RawEntity['replicas']>[number];
export type RawField = NonNullable<RawReplica['fields']>[string];
export type RawFieldWords = Exclude<RawField, string>;
