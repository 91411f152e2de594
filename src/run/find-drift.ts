// Plan, compare and confirm for everything that a run was asked for: the common part of the commands.

import pLimit, { type LimitFunction } from 'p-limit';
import { type CompareOptions, EntityComparison } from '../compare/compare-entity.ts';
import type { Config } from '../config/config.ts';
import { ConfigError, InterruptedError, StoreError } from '../errors.ts';
import { makePlan, problemOf } from '../plan/make-plan.ts';
import { type EntityPlan, isReady, type Plan, type ReadyReplica, type ReplicaPlan } from '../plan/plan.ts';
import type { BacklogReport, Finding, ReplicaReport, RunProblem } from '../report/report.ts';
import type { Snapshot } from '../source/source.ts';
import type { BucketFilter } from '../value/digest.ts';
import { Readers } from '../workers/readers.ts';
import { gatherKeys, openBacklog } from './backlog.ts';
import { type Chosen, choose, isLookup } from './choose.ts';
import { compareReplica, type ReplicaContext, type Scope, unreachableReport } from './compare-replica.ts';
import type { RunListener } from './events.ts';
import {
  DEFAULT_BATCH,
  DEFAULT_CONCURRENCY,
  DEFAULT_MEMORY,
  DEFAULT_SHOWN,
  defaultThreads,
  type RunOptions,
  WORKER_ROWS,
} from './options.ts';
import type { RunContext } from './run.ts';
import type { RunFolder } from './run-folder.ts';

export interface Drift {
  readonly plan: Plan;
  readonly asOf: string | null;
  readonly replicas: readonly ReplicaReport[];
  readonly problems: readonly RunProblem[];
  readonly backlog?: BacklogReport;
}

/** Throws ConfigError for schema trouble and bad choices; the servers' failures are in the result. Findings are in the folder afterwards. */
export async function findDrift(config: Config, context: RunContext, options: RunOptions): Promise<Drift> {
  const plan = await planRun(config, context, options, isLookup(options));
  if (options.from !== undefined) return findDriftOfBacklog(config, context, options, plan);
  const chosen = await choose(config, context.connections.source, plan, options);
  const drift = await comparePlan(config, context, options, plan, chosen);
  await context.folder.finish();
  if (options.keys !== undefined) checkKeysExist(options.keys, drift.replicas);
  return drift;
}

/** Of the records that the backlog names. The plan of the result has all that was chosen; what is compared is what has such records. */
async function findDriftOfBacklog(
  config: Config,
  context: RunContext,
  options: RunOptions,
  plan: Plan,
): Promise<Drift> {
  options.onEvent?.({ type: 'stage', stage: 'read' });
  const backlog = openBacklog(config, context.connections, options);
  const { keys, report, problems } = await gatherKeys(config, backlog, plan, options);
  const named = { ...plan, entities: plan.entities.filter(({ entity }) => keys.has(entity.name)) };
  const drift = await comparePlan(config, context, options, named, ({ entity }) => ({
    kind: 'keys',
    keys: keys.get(entity.name)!,
    mayBeDeleted: true,
  }));
  await context.folder.finish();
  return { ...drift, plan, problems: [...problems, ...drift.problems], backlog: report };
}

/** `lookup`: only chosen keys are looked up. */
export function planRun(
  config: Config,
  { connections }: RunContext,
  options: RunOptions,
  lookup: boolean,
): Promise<Plan> {
  options.onEvent?.({ type: 'stage', stage: 'plan' });
  return makePlan({
    config,
    source: connections.source,
    stores: connections.stores,
    only: options.only ?? [],
    lookup,
    memory: options.memory ?? DEFAULT_MEMORY,
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
  });
}

/** Compares what is planned. Every finding goes to the run's folder, which stays open. */
export async function comparePlan(
  config: Config,
  { connections, scheme, folder, baseline }: RunContext,
  options: RunOptions,
  plan: Plan,
  chosen: (entity: EntityPlan) => Chosen,
): Promise<Drift> {
  const { signal } = options;
  const listener = options.onEvent ?? (() => {});
  listener({ type: 'stage', stage: 'compare' });
  const limits = makeLimits(options.concurrency ?? DEFAULT_CONCURRENCY);
  const threads = threadsFor(options, plan);
  const readers = threads === 0 ? undefined : await Readers.start(threads);
  const entityLimit = pLimit(plan.atOnce);
  const compared = Promise.allSettled(
    plan.entities.map((entityPlan) =>
      entityLimit(() => {
        const context: ReplicaContext = {
          config,
          source: connections.source,
          scheme,
          entityPlan,
          batch: options.batch ?? DEFAULT_BATCH,
          shown: options.shown ?? DEFAULT_SHOWN,
          listener,
          signal,
          readers,
          baseline,
        };
        return compareOne(context, limits, plan.memory, chosen(entityPlan), folder);
      }),
    ),
  );
  const results = await compared.finally(() => readers?.close());
  const entities = results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  const problems = distinct(entities.flatMap((entity) => (entity.problem === undefined ? [] : [entity.problem])));
  if (signal?.aborted && problems.length === 0) problems.push({ where: 'run', message: 'interrupted' });
  const asOf = entities.map((entity) => entity.asOf).find((time) => time !== null) ?? null;
  return { plan, asOf, replicas: entities.flatMap((entity) => entity.replicas), problems };
}

/** How many threads would have something to do. */
function threadsFor(options: RunOptions, plan: Plan): number {
  // A kind that the caller brings is unknown to another thread.
  if (options.kinds !== undefined && options.kinds.length > 0) return 0;
  const large = plan.entities
    .flatMap((entity) => entity.replicas)
    .filter(
      (replica) =>
        isReady(replica) && replica.strategy === 'digests' && replica.inspection.estimatedRows >= WORKER_ROWS,
    );
  return Math.min(options.workers ?? defaultThreads(large.length), large.length);
}

/** The limit of replicas at once, by store: one that hangs must not hold every place. */
function makeLimits(concurrency: number): (store: string) => LimitFunction[] {
  const all = pLimit(concurrency);
  const byStore = new Map<string, LimitFunction>();
  return (store) => {
    const own = byStore.get(store) ?? pLimit(Math.max(1, Math.ceil(concurrency / 2)));
    byStore.set(store, own);
    return [own, all];
  };
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
  limits: (store: string) => LimitFunction[],
  memory: number,
  chosen: Chosen,
  folder: RunFolder,
): Promise<ComparedEntity> {
  const { entityPlan, source, scheme, signal, listener } = context;
  const reports = new Map<ReplicaPlan, ReplicaReport>();
  for (const replica of entityPlan.replicas) {
    const done = folder.done.compared[replica.config.name];
    if (done !== undefined) reports.set(replica, done);
    else if (!isReady(replica)) reports.set(replica, unreachableReport(replica));
  }
  const ready = entityPlan.replicas.filter(isReady).filter((replica) => !reports.has(replica));
  const inOrder = () => entityPlan.replicas.map((replica) => reports.get(replica)!);
  if (ready.length === 0) return { asOf: folder.done.asOf, replicas: inOrder() };
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
      memory,
      signal,
      onRows: rowsListener(entityPlan, listener),
      readElsewhere: context.readers && ((replica, filter) => readElsewhere(context, replica, filter)),
    };
    const scope = scopeOf(entityPlan, ready, chosen, compare);
    const compared = await Promise.allSettled(
      ready.map(async (replica) => {
        const [own, all] = limits(replica.config.store);
        const keep = (finding: Finding) => folder.add(finding);
        const report = await own!(() => all!(() => compareReplica({ ...context, snapshot }, replica, scope, keep)));
        if (report.status === 'proven') await folder.setDone(report, snapshot.asOf);
        reports.set(replica, report);
      }),
    );
    for (const result of compared) if (result.status === 'rejected') throw result.reason;
    return { asOf: folder.done.asOf ?? snapshot.asOf, replicas: inOrder() };
  } finally {
    await snapshot.close();
  }
}

/** Replicas that are large enough. */
function readElsewhere(
  { readers, config, scheme, signal }: ReplicaContext,
  { replica, inspection, config: own }: ReadyReplica,
  filter?: BucketFilter,
) {
  const store = config.stores.get(own.store)!;
  if (readers === undefined || inspection.estimatedRows < WORKER_ROWS) return undefined;
  return readers.digests({ store, replica, hashable: inspection.hashable, scheme, filter, signal });
}

function distinct(problems: readonly RunProblem[]): RunProblem[] {
  return [...new Map(problems.map((problem) => [problem.message, problem])).values()];
}

/** A key that stands nowhere is most likely mistyped: "in sync" would be no answer. */
export function checkKeysExist(keys: readonly (readonly string[])[], replicas: readonly ReplicaReport[]): void {
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
  chosen: Chosen,
  compare: CompareOptions,
): Scope {
  if (chosen.kind === 'keys' || chosen.kind === 'findings') return chosen;
  if (chosen.kind === 'choice') return { ...chosen, options: compare };
  return { kind: 'all', comparison: new EntityComparison(entityPlan, ready, compare) };
}

function rowsListener(entityPlan: EntityPlan, listener: RunListener): CompareOptions['onRows'] {
  const totals = new Map<string | null, number>();
  return (replica, rows) => {
    const name = replica?.config.name ?? null;
    const total = (totals.get(name) ?? 0) + rows;
    totals.set(name, total);
    const expected = replica === undefined ? entityPlan.estimatedRows : replica.inspection.estimatedRows;
    listener({ type: 'rows', entity: entityPlan.entity.name, replica: name, rows: total, expected });
  };
}
