// Plan, compare and confirm for everything that a run was asked for: the common part of check and reconcile.

import pLimit, { type LimitFunction } from 'p-limit';
import { type CompareOptions, EntityComparison } from '../compare/compare-entity.ts';
import type { Config } from '../config/config.ts';
import { ConfigError, InterruptedError, type Problem, StoreError } from '../errors.ts';
import type { Key } from '../mapping/mapping.ts';
import { makePlan, problemOf } from '../plan/make-plan.ts';
import { type EntityPlan, isReady, type Plan, type ReadyReplica, type ReplicaPlan } from '../plan/plan.ts';
import { touchesOf } from '../plan/touches.ts';
import type { Finding, ReplicaReport, RunProblem } from '../report/report.ts';
import type { Choice, Snapshot, Source } from '../source/source.ts';
import { fromText, ValueError } from '../value/canonical.ts';
import type { HashScheme } from '../value/digest.ts';
import { compareReplica, type ReplicaContext, type Scope, unreachableReport } from './compare-replica.ts';
import type { Connections } from './connections.ts';

import { DEFAULT_BATCH, DEFAULT_CONCURRENCY, DEFAULT_MEMORY, DEFAULT_SHOWN, type RunOptions } from './options.ts';

export interface Drift {
  readonly plan: Plan;
  readonly scheme: HashScheme;
  readonly asOf: string | null;
  readonly replicas: readonly ReplicaReport[];
  readonly problems: readonly RunProblem[];
}

/** Throws ConfigError for schema trouble and bad choices; the servers' failures are in the result. */
export async function findDrift(
  config: Config,
  connections: Connections,
  scheme: HashScheme,
  options: RunOptions,
  keep: (finding: Finding) => Promise<void>,
): Promise<Drift> {
  const { signal } = options;
  const listener = options.onEvent ?? (() => {});
  const { source, stores } = connections;
  const memory = options.memory ?? DEFAULT_MEMORY;
  const lookup = options.keys !== undefined || options.since !== undefined || options.sample !== undefined;
  listener({ type: 'stage', stage: 'plan' });
  const concurrency = options.concurrency ?? DEFAULT_CONCURRENCY;
  const plan = await makePlan({ config, source, stores, only: options.only ?? [], lookup, memory, concurrency });
  const keys = keysOf(plan, options.keys);
  const windows = options.since === undefined ? undefined : await windowsOf(config, source, plan, options.since);

  listener({ type: 'stage', stage: 'compare' });
  const replicaLimit = pLimit(concurrency);
  const entityLimit = pLimit(plan.atOnce);
  const results = await Promise.allSettled(
    plan.entities.map((entityPlan) =>
      entityLimit(() => {
        const context: ReplicaContext = {
          config,
          source,
          scheme,
          entityPlan,
          batch: options.batch ?? DEFAULT_BATCH,
          shown: options.shown ?? DEFAULT_SHOWN,
          listener,
          signal,
        };
        const window = windows?.get(entityPlan);
        return compareOne(context, replicaLimit, { ...options, memory: plan.memory }, keys, window, keep);
      }),
    ),
  );
  const entities = results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  const problems = distinct(entities.flatMap((entity) => (entity.problem === undefined ? [] : [entity.problem])));
  if (signal?.aborted && problems.length === 0) problems.push({ where: 'run', message: 'interrupted' });
  const asOf = entities.map((entity) => entity.asOf).find((time) => time !== null) ?? null;
  const inOrder = entities.flatMap((entity) => entity.replicas);
  if (keys !== undefined) checkKeysExist(keys, inOrder);
  return { plan, scheme, asOf, replicas: inOrder, problems };
}

interface ComparedEntity {
  readonly asOf: string | null;
  readonly replicas: readonly ReplicaReport[];
  /** The source's side could not be read at all. */
  readonly problem?: RunProblem;
}

/** One entity in a snapshot of its own, its replicas at the same time. */
async function compareOne(
  context: ReplicaContext,
  limit: LimitFunction,
  options: RunOptions & { readonly memory: number },
  keys: readonly Key[] | undefined,
  window: Window | undefined,
  keep: (finding: Finding) => Promise<void>,
): Promise<ComparedEntity> {
  const { entityPlan, source, scheme, signal, listener } = context;
  const ready = entityPlan.replicas.filter(isReady);
  const reports = new Map<ReplicaPlan, ReplicaReport>();
  for (const replica of entityPlan.replicas) if (!isReady(replica)) reports.set(replica, unreachableReport(replica));
  const inOrder = () => entityPlan.replicas.map((replica) => reports.get(replica)!);
  if (ready.length === 0) return { asOf: null, replicas: inOrder() };
  let snapshot: Snapshot;
  try {
    if (signal?.aborted) throw new InterruptedError();
    snapshot = await source.openSnapshot();
  } catch (error) {
    if (!(error instanceof StoreError) && !(error instanceof InterruptedError)) throw error;
    const problem =
      error instanceof InterruptedError ? { where: 'run', message: 'interrupted' } : problemOf('source', error);
    for (const replica of ready)
      reports.set(replica, unreachableReport({ ...replica, problem: { ...problem, where: replica.config.name } }));
    return { asOf: null, replicas: inOrder(), problem };
  }
  try {
    const compare: CompareOptions = {
      snapshot,
      scheme,
      memory: options.memory,
      signal,
      onRows: rowsListener(entityPlan, listener),
    };
    const scope = scopeOf(entityPlan, ready, keys, window, options, compare);
    const compared = await Promise.allSettled(
      ready.map(async (replica) =>
        reports.set(replica, await limit(() => compareReplica(context, replica, scope, keep))),
      ),
    );
    for (const result of compared) if (result.status === 'rejected') throw result.reason;
    return { asOf: snapshot.asOf, replicas: inOrder() };
  } finally {
    await snapshot.close();
  }
}

function distinct(problems: readonly RunProblem[]): RunProblem[] {
  return [...new Map(problems.map((problem) => [problem.message, problem])).values()];
}

/** A key that stands nowhere is most likely mistyped: "in sync" would be no answer. */
function checkKeysExist(keys: readonly Key[], replicas: readonly ReplicaReport[]): void {
  if (
    replicas.some((replica) => replica.status === 'unproven' || replica.sourceRows !== 0 || replica.replicaRows !== 0)
  )
    return;
  const words = keys.map((key) => (key.length === 1 ? key[0] : JSON.stringify(key))).join(', ');
  throw new ConfigError([
    {
      path: 'key',
      message: `${words}: no such record, in the source or in any replica`,
      hint: 'Check the spelling of the key.',
    },
  ]);
}

function scopeOf(
  entityPlan: EntityPlan,
  ready: readonly ReadyReplica[],
  keys: readonly Key[] | undefined,
  window: Window | undefined,
  options: RunOptions,
  compare: CompareOptions,
): Scope {
  if (keys !== undefined) return { kind: 'keys', keys };
  if (window !== undefined) return { kind: 'choice', ...window, options: compare };
  if (options.sample !== undefined) {
    return {
      kind: 'choice',
      choice: { sample: options.sample },
      words: `(a ${+(options.sample * 100).toPrecision(3)} % sample)`,
      options: compare,
    };
  }
  return { kind: 'all', comparison: new EntityComparison(entityPlan, ready, compare) };
}

function keysOf(plan: Plan, keys: RunOptions['keys']): readonly Key[] | undefined {
  if (keys === undefined) return undefined;
  if (plan.entities.length !== 1) {
    const names = plan.entities.map((entity) => entity.entity.name).join(', ');
    throw new ConfigError([
      {
        path: '--key',
        message: `keys of which entity? ${names} are chosen`,
        hint: 'Name one entity or replica beside the keys.',
      },
    ]);
  }
  const [entityPlan] = plan.entities;
  const replica = entityPlan!.replicas.find(isReady);
  if (replica === undefined) return keys;
  const fields = replica.replica.mapping.key;
  return keys.map((key) => {
    const names = fields.map((field) => field.name).join(', ');
    if (key.length !== fields.length) {
      const message = `${JSON.stringify(key)} has ${key.length} parts, the key of ${entityPlan!.entity.name} has ${fields.length}: ${names}`;
      throw new ConfigError([{ path: '--key', message, hint: 'Give the parts as a JSON array, in that order.' }]);
    }
    return fields.map((field, i) => {
      try {
        return fromText(field.type, key[i]!);
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        throw new ConfigError([{ path: '--key', message: `${field.name}: ${error.message}` }]);
      }
    });
  });
}

/** What `--since` chooses of one entity. */
interface Window {
  readonly choice: Choice;
  readonly words: string;
}

/** Throws a ConfigError where an entity has no time to cut by and nothing touches it. */
async function windowsOf(
  config: Config,
  source: Source,
  plan: Plan,
  milliseconds: number,
): Promise<ReadonlyMap<EntityPlan, Window>> {
  const problems: Problem[] = [];
  const windows = new Map<EntityPlan, Window>();
  for (const entityPlan of plan.entities) {
    const { entity, relation, replicas } = entityPlan;
    const ready = replicas.find(isReady);
    if (ready === undefined) continue;
    const touches = await touchesOf(config, source, entity, ready.replica.mapping.key);
    // A query's own version could only be cut by after all of it has been computed; what touches it says which rows need be.
    const isComputed = entity.sql !== undefined && touches.length > 0;
    const column = entity.since ?? (isComputed ? undefined : entity.version);
    const path = `entities.${entity.name}.${entity.since === undefined ? 'version' : 'since'}`;
    const kind = column === undefined ? undefined : (relation.shape.columns.get(column)?.type.kind ?? 'absent');
    const timeless = touches.find((touch) => touch.since === undefined);
    if (kind === 'absent') problems.push({ path, message: `the source has no column ${column}` });
    else if (timeless !== undefined) {
      const message = `it touches ${entity.name}, but has no version or since to cut --since by`;
      problems.push({
        path: `entities.${timeless.entity}`,
        message,
        hint: 'Name the column that says when a row changed.',
      });
    } else if (kind === undefined && touches.length === 0) {
      problems.push({
        path,
        message: '--since needs a version: a timestamp that grows with each change',
        hint: `Name it, or say under \`touches\` of another entity how its changes lead to ${entity.name}, or choose other replicas.`,
      });
    } else if (touches.length === 0 && kind !== 'timestamp' && kind !== 'date') {
      problems.push({ path, message: `--since needs a timestamp, ${column} is ${kind}` });
    } else {
      const isTime = kind === 'timestamp' || kind === 'date';
      const since = { column: isTime ? column : undefined, milliseconds };
      const words = `of the last ${durationWords(milliseconds)}`;
      windows.set(
        entityPlan,
        touches.length === 0
          ? { choice: { since: { column: column!, milliseconds } }, words }
          : {
              choice: { touches, since },
              words: `touched by ${listOf(touches.map((touch) => touch.entity))} ${words}`,
            },
      );
    }
  }
  if (problems.length > 0) throw new ConfigError(problems, config.file);
  return windows;
}

function listOf(names: readonly string[]): string {
  return [...new Set(names)].join(' and ');
}

function rowsListener(
  entityPlan: EntityPlan,
  listener: (event: import('./events.ts').RunEvent) => void,
): CompareOptions['onRows'] {
  const totals = new Map<string | null, number>();
  return (replica, rows) => {
    const name = replica?.config.name ?? null;
    const total = (totals.get(name) ?? 0) + rows;
    totals.set(name, total);
    const expected = replica === undefined ? entityPlan.estimatedRows : replica.inspection.estimatedRows;
    listener({ type: 'rows', entity: entityPlan.entity.name, replica: name, rows: total, expected });
  };
}

function durationWords(milliseconds: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ];
  const unit = units.find(([, size]) => milliseconds % size === 0);
  return unit === undefined ? `${milliseconds} ms` : `${milliseconds / unit[1]}${unit[0]}`;
}
