// Looks at the source and the stores and decides how each replica is compared. Schema trouble ends here, before a row is read.

import pLimit from 'p-limit';
import { tableBytes } from '../compare/digest-table.ts';
import type { Config, EntityConfig, ReplicaConfig } from '../config/config.ts';
import { ConfigError, type Problem, StoreError, wordsOf } from '../errors.ts';
import type { Shape } from '../postgres/columns.ts';
import type { RunProblem, Strategy } from '../report/report.ts';
import type { Source } from '../source/source.ts';
import type { Replica, Store } from '../stores/store.ts';
import { keyOf, makeMapping, sourceKey, withPrecision } from './make-mapping.ts';
import type { EntityPlan, Plan, ReplicaPlan } from './plan.ts';

export interface PlanOptions {
  readonly config: Config;
  readonly source: Source;
  /** By name: a connected store, or why it could not be reached. */
  readonly stores: ReadonlyMap<string, Store | RunProblem>;
  /** Names of replicas, or of whole stores or entities; empty: all. */
  readonly only: readonly string[];
  /** True when chosen keys are looked up instead of comparing whole replicas. */
  readonly lookup: boolean;
  /** Bytes for all digests together. */
  readonly memory: number;
  /** Entities to compare at the same time, at most. */
  readonly concurrency: number;
}

const INSPECTIONS_AT_ONCE = 8;

/** Throws a ConfigError with every problem of the schema; a store that can't be reached only makes its own replicas unreachable. */
export async function makePlan(options: PlanOptions): Promise<Plan> {
  const problems: Problem[] = [];
  const chosen = choose(options.config, options.only, problems);
  const atOnce = Math.max(1, Math.min(options.concurrency, chosen.size));
  const memory = options.memory / atOnce;
  const limit = pLimit(INSPECTIONS_AT_ONCE);
  const planned = await Promise.all(
    [...chosen].map(async ([entity, replicas]): Promise<EntityPlan | undefined> => {
      const shape = await limit(() => shapeOf(options.source, entity, problems));
      if (shape === undefined) return undefined;
      const keyIsUnique = shape.uniqueSets.some((set) => set.every((name) => keyOf(entity, shape).includes(name)));
      const context = { ...options, memory, entity, shape, keyIsUnique, problems, mappings: replicas.length };
      return {
        entity,
        relation: { shape, side: 'source', where: entity.where },
        key: sourceKey(entity, shape),
        estimatedRows: shape.estimatedRows,
        keyIsUnique,
        replicas: await Promise.all(replicas.map((replica) => limit(() => planReplica(context, replica)))),
      };
    }),
  );
  if (problems.length > 0) throw new ConfigError(distinct(problems), options.config.file);
  return { atOnce, memory, entities: planned.filter((entity) => entity !== undefined) };
}

function choose(config: Config, only: readonly string[], problems: Problem[]): Map<EntityConfig, ReplicaConfig[]> {
  const chosen = new Map<EntityConfig, ReplicaConfig[]>();
  const used = new Set<string>();
  for (const entity of config.entities) {
    if (entity.replicas.length === 0) used.add(entity.name);
    for (const replica of entity.replicas) {
      const names = [replica.name, replica.store, entity.name].filter((name) => only.includes(name));
      for (const name of names) used.add(name);
      if (only.length > 0 && names.length === 0) continue;
      chosen.set(entity, [...(chosen.get(entity) ?? []), replica]);
    }
  }
  const all = config.entities.flatMap((entity) => entity.replicas.map((replica) => replica.name));
  for (const name of only) {
    if (!used.has(name))
      problems.push({
        path: name,
        message: 'no replica, store or entity has that name',
        hint: `Replicas: ${all.join(', ')}.`,
      });
  }
  return chosen;
}

async function shapeOf(source: Source, entity: EntityConfig, problems: Problem[]): Promise<Shape | undefined> {
  const path = `entities.${entity.name}`;
  let shape: Shape | null;
  try {
    shape = await source.shapeOf(entity);
  } catch (error) {
    // A query that the server won't parse is the config's mistake; a server that is gone is not.
    if (error instanceof StoreError && !error.transient && entity.sql !== undefined) {
      problems.push({ path: `${path}.sql`, message: error.detail, hint: error.hint });
      return undefined;
    }
    throw error;
  }
  if (shape === null) {
    problems.push({
      path: `${path}.table`,
      message: `the source has no table ${entity.table}`,
      hint: 'Name it as schema.table, and check the role’s permissions.',
    });
    return undefined;
  }
  if (!shape.may.select) {
    problems.push({
      path: `${path}.table`,
      message: `no permission to read ${entity.table} in the source`,
      hint: `GRANT SELECT ON ${entity.table}`,
    });
    return undefined;
  }
  if (keyOf(entity, shape).length === 0) {
    problems.push({
      path: `${path}.key`,
      message: `${entity.table ?? 'the query'} has no primary key`,
      hint: 'Say which columns identify a row: `key: [column, …]`.',
    });
    return undefined;
  }
  return shape;
}

interface ReplicaContext extends PlanOptions {
  readonly entity: EntityConfig;
  readonly shape: Shape;
  readonly keyIsUnique: boolean;
  readonly problems: Problem[];
  /** Row hashes that a digest may have to hold: one a replica at most. */
  readonly mappings: number;
}

async function planReplica(context: ReplicaContext, config: ReplicaConfig): Promise<ReplicaPlan> {
  const { entity, shape, problems } = context;
  const kind = context.config.stores.get(config.store)!.kind;
  const made = makeMapping(entity, shape, config);
  problems.push(...made.problems);
  const store = context.stores.get(config.store)!;
  if ('message' in store) return { config, entity, kind, problem: store };
  if (made.problems.length > 0)
    return { config, entity, kind, problem: { where: config.name, message: 'its mapping is not valid' } };

  const asked: Replica = {
    name: config.name,
    target: config.target,
    mapping: made.mapping,
    where: config.where,
    options: config.options,
  };
  try {
    const inspection = await store.inspect(asked);
    problems.push(
      ...inspection.problems.map((problem) => ({
        ...problem,
        path: `${config.name}${problem.path === '' ? '' : `.${problem.path}`}`,
      })),
    );
    const mapping = withPrecision(made.mapping, inspection);
    // The same object where it can be: a store keeps what it has learnt of it.
    const replica = mapping === made.mapping ? asked : { ...asked, mapping };
    const notes = [...made.notes, ...inspection.notes, ...store.limits.notes, ...filterNotes(entity, config)];
    if (!context.keyIsUnique)
      notes.push('no unique index guards the key in the source: a key that stands there twice is unread');
    return {
      config,
      entity,
      kind,
      store,
      replica,
      inspection,
      ...chooseStrategy(context, store, inspection, made.mapping.cache),
      ignored: made.ignored,
      notes,
    };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { config, entity, kind, problem: problemOf(config.name, error) };
  }
}

function chooseStrategy(
  context: ReplicaContext,
  store: Store,
  inspection: { readonly hashable: boolean; readonly estimatedRows: number },
  cache = false,
): { readonly strategy: Strategy; readonly why: string } {
  if (context.lookup) return { strategy: 'lookup', why: 'only chosen keys are looked up; orphans can’t be seen' };
  if (cache) return { strategy: 'records', why: 'every cached result is compared with its source row, by key' };
  const serverSums = inspection.hashable && store.hashing?.sums !== undefined;
  if (serverSums && context.keyIsUnique)
    return { strategy: 'sums', why: 'both servers hash and sum their rows; only buckets that differ are read' };
  const bytes = tableBytes(context.shape.estimatedRows, context.mappings);
  if (bytes > context.memory) {
    if (!context.keyIsUnique) {
      // Two copies of one row cancel in an XOR: with keys that may repeat on both sides, sums could hide a difference.
      context.problems.push({
        path: `entities.${context.entity.name}.key`,
        message: 'its digests do not fit the memory limit, and no unique index guards its key, which sums would need',
        hint: `Allow --memory ${Math.ceil((bytes * context.config.entities.length) / 2 ** 20)}MB, or give the source a unique index on the key.`,
      });
    }
    return {
      strategy: 'sums',
      why: `digests of about ${context.shape.estimatedRows.toLocaleString('en')} rows do not fit the memory limit: sums first`,
    };
  }
  return { strategy: 'digests', why: 'the replica is drained once past the source’s digests' };
}

function filterNotes(entity: EntityConfig, config: ReplicaConfig): string[] {
  const notes: string[] = [];
  if (entity.where !== undefined) notes.push(`source rows where ${entity.where}`);
  if (config.where !== undefined)
    notes.push(
      `replica records where ${typeof config.where === 'string' ? config.where : JSON.stringify(config.where)}`,
    );
  return notes;
}

export function problemOf(where: string, error: unknown): RunProblem {
  const hint = error instanceof StoreError ? error.hint : undefined;
  return { where, message: wordsOf(error), hint };
}

/** Replicas of one entity meet the same trouble in the source: say it once. */
function distinct(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.path}\n${problem.message}`, problem])).values()];
}
