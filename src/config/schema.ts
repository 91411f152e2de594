// The words of the YAML file: which keys there are and what may stand in them. What one key says about another is
// checked in resolve.ts; nothing is converted or filled in here.

import { z } from 'zod';
import { windowPattern } from '../repair/window.ts';
import { tlsDescription, tlsWords } from '../tls/tls.ts';
import { ALERT_EVENTS, ALERTING_COMMANDS, CONFLICT_RULES, FAILBACK_POLICIES } from './config.ts';
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
const windowWords = z
  .string()
  .regex(windowPattern, { error: 'is no window; write 01:00-05:00 or Sat,Sun 00:00-24:00' });
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

export const probeShape = {
  kind: text.describe('What kind of probe it is; docs/health.md has them all.'),
  timeout: duration.optional().describe('When it is given up as unknown. Default: `health.timeout`.'),
  gate: z
    .boolean()
    .optional()
    .describe(
      'A repair (`reconcile --apply`, `rebuild --apply`) starts only while this probe does not fail and can be asked. Default false.',
    ),
  hint: text.optional().describe('What to do when it is not ok, in your own words.'),
  dependsOn: z
    .array(text)
    .optional()
    .describe(
      'Probes that explain its failure: while one of them fails, this one only warns. One fault then is one failure.',
    ),
};

const path = text.regex(/^[^.]+(\.[^.]+)*$/, { error: 'is no path; write data.entityType' });
const keyPath = z
  .union([path, z.array(path).min(1, { error: 'needs at least one path' })])
  .describe('Where the key stands: a path, or one for each of its columns.');
const namedEntity = z.union([
  text,
  z.strictObject({ entity: text.describe('The name of one of `entities`.'), key: keyPath.optional() }),
]);
const namedEntities = z
  .record(text, z.union([namedEntity, z.array(namedEntity).min(1, { error: 'needs at least one entity' })]))
  .optional()
  .describe(
    'By the word that stands there: the entity that is meant, or several. An entity’s own name needs no entry.',
  );
const feeds = z
  .array(text)
  .min(1, { error: 'needs at least one name' })
  .optional()
  .describe('Stores and replicas that are written from it. Default: all.');

export const queueShape = {
  store: text.describe('The name of one of `stores`, of a kind that keeps queues.'),
  name: text.optional().describe('Its name on the server. Default: the name here.'),
  feeds,
  jobs: z
    .strictObject({
      entity: path.describe('Where a job says what it is about: `data.entityType`, or `name`, the job’s own.'),
      key: keyPath,
      entities: namedEntities,
    })
    .describe('How a job names the record that it is about.'),
};

const outbox = z.strictObject({
  table: text.describe('A table of the source: `outbox` or `public.outbox`.'),
  id: text.optional().describe('The column that tells its events apart and orders them. Default id.'),
  entity: path
    .optional()
    .describe('Where an event says what it is about: a column, or a path into one of JSON. Default aggregate_type.'),
  key: keyPath.optional().describe('Where the key stands: as `entity`, or a list. Default aggregate_id.'),
  entities: namedEntities,
  createdAt: text.optional().describe('The column that says when the event was written. Default created_at.'),
  processedAt: text
    .optional()
    .describe('The column that says when the relay published it; null until then. Default processed_at.'),
  pending: text
    .optional()
    .describe('SQL condition of the events that are still to be published. Default: processedAt is null.'),
  failed: text
    .optional()
    .describe(
      'SQL condition of the events that the relay had trouble with. Default: last_error is not null, or else attempts > 0, where there is such a column.',
    ),
  feeds,
  consumers: z
    .record(
      text,
      z.strictObject({
        position: text.describe('SQL that gives how far it has come: one value.'),
        column: text.optional().describe('The column of the outbox that the position is of. Default: its id.'),
      }),
    )
    .optional()
    .describe('Who reads what was published, by name.'),
  markUrl: text
    .optional()
    .describe(
      'The source’s URL with a role that may update this table: what --settle mark needs. Nothing else ever uses it.',
    ),
});

const conflictRule = z.enum(CONFLICT_RULES);
/** As a pattern: of a union that has a choice, nobody would be told which words it has. */
const oneConflictRule = z.string().regex(new RegExp(`^(${CONFLICT_RULES.join('|')})$`), {
  error: `is no rule; write ${CONFLICT_RULES.join(', ')}, or one of them by entity`,
});

export const contingencyStoreShape = {
  store: text.optional().describe('The name of one of `stores`, of a kind that can keep such writes.'),
  target: text.optional().describe('The collection or table in it. Default: the name here.'),
  files: text
    .optional()
    .describe('In place of `store`: a file of JSON lines, or a folder of *.ndjson, beside the config file.'),
  data: path.optional().describe('Where the record stands that was written. Default data.'),
  entity: path.optional().describe('Where it says what the record is. Default entityType.'),
  operation: path.optional().describe('Where it says insert, update or delete. Default operation.'),
  timestamp: path
    .optional()
    .describe('Where it says when it was written: ISO 8601, or milliseconds since 1970. Default timestamp.'),
  base: path
    .optional()
    .describe('Where the version stands that the record had when it was read to be changed. Default: none is known.'),
  spelledAs: text
    .optional()
    .describe(
      'The store whose replicas spell their fields as `data` does, or `source`: the columns’ own names. Default: the store itself; source for files and where the entity has no replica there.',
    ),
};

const contingencyWords = {
  database: text.describe('The source’s database. Nothing is drained into one of another name.'),
  system: z
    .string()
    .regex(/^\d+$/, { error: 'is no system identifier; SELECT system_identifier FROM pg_control_system() gives it' })
    .optional()
    .describe('The source’s system identifier, which tells its cluster from all others. Default: not checked.'),
  writerUrl: text
    .optional()
    .describe(
      'The source’s URL with a role that may write to its tables: what drain --apply needs. Nothing else ever uses it, but undo of a drain.',
    ),
  entities: z
    .record(text, text)
    .optional()
    .describe('By the word that stands in a write: the entity that is meant. An entity’s own name needs no entry.'),
  leave: z.array(text).optional().describe('Words for what is not to be drained: such writes stay where they are.'),
  operations: z
    .record(text, z.enum(['insert', 'update', 'delete']))
    .optional()
    .describe('By the word that stands in a write, where it is none of insert, create, update, delete, remove.'),
  conflicts: z
    .union([oneConflictRule, z.record(text, conflictRule)])
    .optional()
    .describe(
      'Who wins where a row was changed in PostgreSQL as well: newest, source, contingency, or manual (nobody, until a person decides). One rule, or one by entity. Default newest.',
    ),
  tries: z
    .array(duration)
    .min(1, { error: 'needs at least one time' })
    .optional()
    .describe('When a write that was refused is tried, counted from the first time. Default 0, 5m, 30m, 1h.'),
  interval: duration.optional().describe('How often --watch looks whether PostgreSQL is back. Default 30s.'),
};

export const alertShape = {
  kind: text.describe('How it is sent: webhook, command or log.'),
  on: z
    .array(z.enum(ALERT_EVENTS))
    .min(1, { error: 'needs at least one event' })
    .optional()
    .describe('Of what it tells. Default: failure, unknown and recovery.'),
  about: z
    .array(text)
    .min(1, { error: 'needs at least one name' })
    .optional()
    .describe('Only of these probes, replicas, stores or entities. Default: everything.'),
  commands: z
    .array(z.enum(ALERTING_COMMANDS))
    .min(1, { error: 'needs at least one command' })
    .optional()
    .describe('Only of what these find. Default: check, reconcile, rebuild, drain and health.'),
  quiet: duration.optional().describe('The same is not told again before this is over. Default 4h.'),
  timeout: duration.optional().describe('What one attempt to send may take. Default 10s.'),
  attempts: z
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be at least 1' })
    .max(10, { error: 'must be 10 at most' })
    .optional()
    .describe('How often sending is tried. Default 4.'),
  pause: duration.optional().describe('Before the second attempt; doubled for each further one. Default 1s.'),
};

const failbackPolicy = z
  .enum(FAILBACK_POLICIES)
  .optional()
  .describe('Who wins where a row was changed on both sides. Default manual: a person says.');
const failbackVersion = text
  .optional()
  .describe('The column that says when a row last changed. Default: the version of the entity of that table.');
const failbackCreated = text
  .optional()
  .describe('The column that says when a row was made: it tells an insert from a change.');

const failback = z.strictObject({
  here: z
    .strictObject({
      url: text.describe('The old primary, with a role that may write its tables.'),
      tls: tlsWords.optional().describe(tlsDescription),
    })
    .optional()
    .describe('The old primary, which is to hold everything again. Default: the source.'),
  there: z
    .strictObject({ url: text.describe('The promoted backup.'), tls: tlsWords.optional().describe(tlsDescription) })
    .describe('The backup that was promoted and took writes.'),
  parted: z
    .string()
    .regex(
      /^(auto|[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?))$/,
      {
        error: 'is neither auto, nor a time with its zone (2026-11-27T23:14:07Z), nor a place in the log (0/3000148)',
      },
    )
    .optional()
    .describe(
      'The last moment that both have: the time of the last transaction that there had from here, or its place in the log. Default auto: there is asked.',
    ),
  margin: duration.optional().describe('Clocks differ: so long before that moment a time tells nothing. Default 5s.'),
  policy: failbackPolicy,
  version: failbackVersion,
  created: failbackCreated,
  timeZone: text.optional().describe('Of such columns without a zone, as IANA names it. Default: they tell no moment.'),
  tables: z
    .union([z.literal('all'), z.array(text).min(1, { error: 'needs at least one table' })])
    .optional()
    .describe('Which tables: all, or a list. Default all.'),
  except: z.array(text).optional().describe('Tables that are left out.'),
  rules: z
    .record(
      text,
      z.strictObject({
        policy: failbackPolicy,
        version: failbackVersion,
        created: failbackCreated,
        neverDeleted: z
          .boolean()
          .optional()
          .describe('Its rows are never deleted: one that stands on one side only was inserted there. Default false.'),
      }),
    )
    .optional()
    .describe('By table: what is different there.'),
});

/**
 * The whole file. A store's and a replica's own words depend on the kind, so the caller says what may stand there:
 * anything while reading (resolve.ts asks the kind), the union of all kinds for an editor.
 */
export function fileSchema<
  Store extends z.ZodType,
  Replica extends z.ZodType,
  Probe extends z.ZodType,
  Queue extends z.ZodType,
  Alert extends z.ZodType,
  ContingencyStore extends z.ZodType,
>(store: Store, replica: Replica, probe: Probe, queue: Queue, alert: Alert, contingencyStore: ContingencyStore) {
  const storeName = z.string().regex(/^(?!source$)[\p{L}_][\p{L}\p{N}_-]*$/u, {
    error: 'a store is named with letters, digits, - and _ (and not "source")',
  });
  const entityName = z.string().regex(/^[\p{L}_][\p{L}\p{N}_.-]*$/u, {
    error: 'an entity is named with letters, digits, -, _ and .',
  });
  const probeName = z.string().regex(/^[\p{L}_][\p{L}\p{N}_.-]*$/u, {
    error: 'a probe is named with letters, digits, -, _ and .',
  });
  const queueName = z.string().regex(/^[\p{L}_][\p{L}\p{N}_.-]*$/u, {
    error: 'a queue is named with letters, digits, -, _ and .',
  });
  const alertName = z.string().regex(/^[\p{L}_][\p{L}\p{N}_.-]*$/u, {
    error: 'an alert is named with letters, digits, -, _ and .',
  });
  const contingencyName = z.string().regex(/^[\p{L}_][\p{L}\p{N}_.-]*$/u, {
    error: 'a contingency store is named with letters, digits, -, _ and .',
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
      .strictObject({
        url: storeShape.url,
        parallel: parallelWorkers,
        tls: tlsWords.optional().describe(tlsDescription),
      })
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
        maxDeletes: z
          .int({ error: 'must be a whole number' })
          .nonnegative({ error: 'must not be negative' })
          .optional()
          .describe('Most records that one run may delete in one replica. Default 1000.'),
        maxShrink: percent
          .optional()
          .describe(
            'A repair is refused when the source has shrunk by more since it was last compared whole. Default 50.',
          ),
        rate: z
          .number()
          .positive({ error: 'must be more than 0' })
          .optional()
          .describe('Most records that a repair writes a second. Default: as fast as it goes.'),
        window: z
          .union([windowWords, z.array(windowWords)])
          .optional()
          .describe('When a repair may write: 01:00-05:00, Mon-Fri 22:00-05:00. Default: always.'),
        timeZone: text.optional().describe('Of the window, as IANA names it: America/Lima. Default UTC.'),
        pause: duration
          .optional()
          .describe(
            'How long a repair waits when its health gate closes while it writes, before it ends to be gone on with. Default 10m.',
          ),
      })
      .optional()
      .describe('What a repair may write at most.'),
    health: z
      .strictObject({
        timeout: duration
          .optional()
          .describe('When a probe is given up as unknown, unless it says so itself. Default 5s.'),
        probes: z
          .record(probeName, probe)
          .optional()
          .describe('What `plumbline health` looks at, by name. Default: whether each server answers.'),
      })
      .optional()
      .describe('Probes of the servers’ health, and of what flows between them.'),
    journal: z
      .strictObject({
        key: text
          .optional()
          .describe(
            `Seals the old values of sensitive fields, so that undo can restore them: 32 bytes in hex or base64, such as \${PLUMBLINE_JOURNAL_KEY}. Default: they are not kept.`,
          ),
      })
      .optional()
      .describe('The journal of what a repair replaced.'),
    retention: z
      .strictObject({
        journals: duration
          .optional()
          .describe(
            'How long a run keeps its findings and its journal, which repair, undo and --resume need. Default 90d.',
          ),
        reports: duration.optional().describe('How long a run keeps its report, which history shows. Default 400d.'),
        runs: z
          .int({ error: 'must be a whole number' })
          .nonnegative({ error: 'must not be negative' })
          .optional()
          .describe('So many of the newest runs stay whole, whatever their age. Default 20.'),
      })
      .optional()
      .describe('When runs are removed from the folder.'),
    queues: z
      .record(queueName, queue)
      .optional()
      .describe('Job queues that bring records to the stores, by a name of yours.'),
    outbox: outbox.optional().describe('The table from which a relay publishes what changed.'),
    contingency: z
      .strictObject({
        ...contingencyWords,
        stores: z
          .record(contingencyName, contingencyStore)
          .describe('Where those writes went, by a name of yours; all of them are merged in the order of time.'),
      })
      .optional()
      .describe('What took the writes while PostgreSQL was down, and how `drain` brings them back.'),
    alerts: z
      .record(alertName, alert)
      .optional()
      .describe('Who is told when something fails or recovers, by a name of yours.'),
    failback: failback.optional().describe('A promoted backup, and the old primary that is to hold everything again.'),
    folder: text.optional().describe('Folder of the runs, beside the config file. Default .plumbline.'),
  });
}

/** What the file is read with. */
export const looseFile = fileSchema(
  z.looseObject(storeShape),
  z.looseObject(replicaShape),
  z.looseObject(probeShape),
  z.looseObject(queueShape),
  z.looseObject(alertShape),
  z.looseObject(contingencyStoreShape),
);
export const entityWords: readonly string[] = Object.keys(looseFile.shape.entities.valueType.shape);
export type RawFile = z.infer<typeof looseFile>;
export type RawEntity = RawFile['entities'][string];
export type RawReplica = NonNullable<RawEntity['replicas']>[number];
export type RawField = NonNullable<RawReplica['fields']>[string];
export type RawFieldWords = Exclude<RawField, string>;
export type RawProbe = NonNullable<NonNullable<RawFile['health']>['probes']>[string];
export type RawQueue = NonNullable<RawFile['queues']>[string];
export type RawOutbox = NonNullable<RawFile['outbox']>;
export type RawNamedEntities = NonNullable<RawOutbox['entities']>;
export type RawContingency = NonNullable<RawFile['contingency']>;
export type RawContingencyStore = NonNullable<RawContingency['stores']>[string];
export type RawAlert = NonNullable<RawFile['alerts']>[string];
export type RawFailback = NonNullable<RawFile['failback']>;
