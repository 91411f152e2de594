// The source's tables as drain writes to them and undo puts them back: each a replica of itself, in its own spelling, through the writer's URL.

import type { Config, EntityConfig, FieldConfig, ReplicaConfig } from '../config/config.ts';
import { ConfigError, type Problem } from '../errors.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { keyOf, makeMapping } from '../plan/make-mapping.ts';
import type { ReadyReplica } from '../plan/plan.ts';
import type { Shape } from '../postgres/columns.ts';
import type { Relation } from '../postgres/relation.ts';
import type { Source } from '../source/source.ts';
import { postgres } from '../stores/postgres/postgres.ts';
import type { Store } from '../stores/store.ts';

const STORE = 'source';

export interface SourceTable {
  readonly entity: EntityConfig;
  readonly ready: ReadyReplica;
  readonly relation: Relation;
  /** How `data` of a contingency store is spelled, by the store whose replicas are spelled so; undefined: as the source's own columns. */
  readonly spelling: (store: string | undefined) => Mapping;
}

/** `source.incidents`. No store can be called so, and an entity has one table. */
export function sourceName(entity: Pick<EntityConfig, 'name'>): string {
  return `${STORE}.${entity.name}`;
}

/** The entity that a name of `sourceName` is of. */
export function entityOfSourceName(config: Config, name: string): EntityConfig | undefined {
  return config.entities.find((entity) => entity.table !== undefined && sourceName(entity) === name);
}

/** The source as a store that can write, through the writer's URL; without one it only reads. */
export function connectWriter(config: Config, signal?: AbortSignal): Promise<Store> {
  const url = config.contingency?.writerUrl ?? config.source.url;
  return postgres.connect({ name: STORE, url, options: {}, signal });
}

/** By entity. Throws a ConfigError with all that is wrong with the tables. */
export async function openSourceTables(
  config: Config,
  source: Source,
  writer: Store,
  entities: readonly EntityConfig[],
): Promise<ReadonlyMap<string, SourceTable>> {
  const problems: Problem[] = [];
  const tables = new Map<string, SourceTable>();
  for (const entity of entities) {
    const shape = await source.shapeOf(entity);
    const path = `entities.${entity.name}`;
    if (shape === null) {
      problems.push({
        path: `${path}.table`,
        message: `the source has no table ${entity.table}`,
        hint: 'Is this the right database? Name the table as schema.table, and check the role’s permissions.',
      });
    } else if (keyOf(entity, shape).length === 0) {
      problems.push({ path: `${path}.key`, message: `${entity.table} has no primary key`, hint: 'Name its `key`.' });
    } else tables.set(entity.name, await openTable(entity, shape, writer, problems));
  }
  if (problems.length > 0) throw new ConfigError(problems, config.file);
  return tables;
}

async function openTable(entity: EntityConfig, shape: Shape, writer: Store, problems: Problem[]): Promise<SourceTable> {
  const config = ownConfig(entity, shape);
  const { mapping, problems: wrong } = makeMapping(entity, shape, config);
  problems.push(...wrong);
  const replica = { name: config.name, target: config.target, mapping, options: {} };
  const inspection = await writer.inspect(replica);
  problems.push(...inspection.problems.map((problem) => ({ ...problem, path: config.name })));
  const spellings = new Map(
    [...new Set(entity.replicas.map(({ store }) => store))].map((store) => {
      const spelled = entity.replicas.find((one) => one.store === store && !one.cache);
      return [store, spelled && makeMapping(entity, shape, spelled).mapping] as const;
    }),
  );
  return {
    entity,
    ready: {
      config,
      entity,
      kind: postgres.kind,
      store: writer,
      replica,
      inspection,
      strategy: 'lookup',
      why: 'records are found by their keys',
      ignored: [],
      notes: [],
    },
    relation: { shape, side: 'replica' },
    spelling: (store) => (store === undefined ? undefined : spellings.get(store)) ?? mapping,
  };
}

/** A column is sensitive where any replica says so. What the server computes is neither read nor written. */
function ownConfig(entity: EntityConfig, shape: Shape): ReplicaConfig {
  const fields = [...shape.columns.values()].flatMap(({ name, generated }): [string, FieldConfig][] => {
    if (generated) return [[name, { ignore: true }]];
    const sensitive = entity.replicas.some((replica) => replica.fields.get(name)?.sensitive);
    return sensitive ? [[name, { sensitive }]] : [];
  });
  return {
    name: sourceName(entity),
    store: STORE,
    target: entity.table!,
    naming: 'asIs',
    maxLag: 0,
    fields: new Map(fields),
    onlyListed: false,
    options: {},
    cache: false,
  };
}
