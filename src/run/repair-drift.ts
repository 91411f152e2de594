// Repairs what a comparison found, replica by replica, within the limits. Without `apply` it only says what it would do.

import type { Config } from '../config/config.ts';
import { InterruptedError, RefusedError, StoreError } from '../errors.ts';
import { problemOf } from '../plan/make-plan.ts';
import { type EntityPlan, isReady, type ReadyReplica } from '../plan/plan.ts';
import {
  type Action,
  checkLimits,
  nothingDone,
  type PlannedRepair,
  planRepair,
  type RepairPolicy,
} from '../repair/limits.ts';
import { bothRepairs, DELETES, type RepairContext, repairReplica, WRITES } from '../repair/repair.ts';
import { driftOf, type Finding, type ReplicaReport } from '../report/report.ts';
import { checkWindow, makeBrakes, NO_BRAKES } from './brakes.ts';
import { confirmOptions, type ReplicaContext } from './compare-replica.ts';
import type { Drift } from './find-drift.ts';
import { passGates } from './gate.ts';
import { readLastRuns } from './last-runs.ts';
import { DEFAULT_BATCH, isChosen, type RepairOptions, type RunOptions } from './options.ts';
import type { RunContext, RunResult } from './run.ts';

export function policyOf(config: Config, options: RepairOptions): RepairPolicy {
  return {
    deleteOrphans: options.deleteOrphans ?? false,
    deleteDuplicates: options.deleteDuplicates ?? false,
    overwriteAhead: options.overwriteAhead ?? false,
    maxRows: options.maxRows ?? config.limits.maxRows,
    maxPercent: options.maxPercent ?? config.limits.maxPercent,
    maxDeletes: options.maxDeletes ?? config.limits.maxDeletes,
    maxShrink: config.limits.maxShrink,
    forceEmpty: options.forceEmpty ?? false,
    forceShrunk: options.forceShrunk ?? false,
  };
}

/** The names of the replicas that a repair of this choice may write to: what it has to lock. */
export function replicaNames(config: Config, only: readonly string[]): readonly string[] {
  return config.entities
    .flatMap((entity) =>
      entity.replicas.map((replica) => ({ entity: entity.name, store: replica.store, name: replica.name })),
    )
    .filter((names) => isChosen(only, Object.values(names)))
    .map((names) => names.name);
}

/** `drift` is what the run's folder holds the findings of. */
export async function repairDrift(
  config: Config,
  context: RunContext,
  drift: Drift,
  options: RunOptions & RepairOptions,
  policy: RepairPolicy,
): Promise<RunResult> {
  const planned = new Map(drift.replicas.map((report) => [report.name, planRepair(report, policy)]));
  const dry = () => drift.replicas.map((report) => ({ ...report, repair: nothingDone(planned.get(report.name)!) }));
  if (!options.apply) return { ...drift, replicas: dry() };
  const before = await rowsBefore(config);
  try {
    checkWindow(config, options);
    for (const report of drift.replicas) {
      const { name, status } = report;
      if (status === 'proven') checkLimits(report, planned.get(name)!, policy, before.get(name));
    }
    // The comparison may have taken long: replication may trail by now.
    if ([...planned.values()].some((actions) => writesOf(actions, [...WRITES, ...DELETES]) > 0))
      await passGates(config, options);
  } catch (error) {
    const goesOn = options.resume !== undefined && error instanceof RefusedError && error.by === 'gate';
    if (error instanceof RefusedError && !goesOn) return { ...drift, replicas: dry(), refused: error };
    if (!(error instanceof InterruptedError)) throw error;
    const problem = { where: 'run', message: 'interrupted before the repair' };
    return { ...drift, replicas: dry(), problems: [...drift.problems, problem] };
  }
  options.onEvent?.({ type: 'stage', stage: 'repair' });
  const reports = new Map(drift.replicas.map((report) => [report.name, report]));
  const journal = await context.journal();
  const brakes = makeBrakes(config, options, context.lock);
  const repair = async (name: string, actions: readonly Action[]) => {
    const [entityPlan, replica] = readyReplica(drift, name);
    const report = reports.get(name)!;
    if (replica === undefined) reports.set(name, { ...report, repair: nothingDone(planned.get(name)!) });
    else {
      const own = replicaContext(config, context, options, entityPlan!);
      const findings = () => context.folder.findings();
      const plan = planned.get(name)!;
      const record = { journal, progress: context.progress(name, actions), ...brakes };
      reports.set(name, await repairOne(own, replica, report, plan, policy, findings, actions, record));
    }
  };
  // What refers to others stands after them in the config: written after them, and deleted before them.
  for (const { name } of drift.replicas) await repair(name, WRITES);
  for (const { name } of [...drift.replicas].reverse()) await repair(name, DELETES);
  return { ...drift, replicas: drift.replicas.map(({ name }) => reports.get(name)!) };
}

export function replicaContext(
  config: Config,
  { connections, scheme }: RunContext,
  options: RunOptions,
  entityPlan: EntityPlan,
): ReplicaContext {
  return {
    config,
    source: connections.source,
    scheme,
    entityPlan,
    batch: options.batch ?? DEFAULT_BATCH,
    shown: 0,
    listener: options.onEvent ?? (() => {}),
    signal: options.signal,
  };
}

const NONE = { insert: 0, update: 0, delete: 0 };

/** Never throws what a server did: the replica is then unproven. What an earlier part of the repair did is added to. */
export async function repairOne(
  context: ReplicaContext,
  replica: ReadyReplica,
  report: ReplicaReport,
  planned: PlannedRepair,
  policy: RepairPolicy,
  findings: () => AsyncIterable<Finding>,
  actions: readonly Action[],
  { journal, progress, pace, mayGoOn }: Pick<RepairContext, 'journal' | 'progress' | 'pace' | 'mayGoOn'> = NO_BRAKES,
): Promise<ReplicaReport> {
  const writes = writesOf(planned, actions);
  // What was not compared to the end is not repaired: its findings are true, but nobody knows how many more there are.
  if (report.status !== 'proven') return { ...report, repair: report.repair ?? nothingDone(planned) };
  if (writes === 0)
    return { ...report, repair: report.repair ?? { ...nothingDone({ ...planned, ...NONE }), applied: true } };
  const before = report.repair;
  let records = 0;
  try {
    const drifted = before?.remaining ?? driftOf(report.counts);
    const repair = await repairReplica(actions, planned, drifted, {
      replica,
      policy,
      findings,
      confirm: confirmOptions(context, replica, false),
      journal,
      progress,
      pace,
      mayGoOn,
      onRecords: (count) => {
        records += count;
        context.listener({ type: 'repaired', replica: report.name, records, expected: writes });
      },
      signal: context.signal,
    });
    const both = before === undefined ? repair : bothRepairs(before, repair);
    return { ...report, repair: { ...both, journal: journal?.countsOf(report.name) } };
  } catch (error) {
    if (!(error instanceof StoreError) && !(error instanceof InterruptedError)) throw error;
    const problem =
      error instanceof StoreError
        ? problemOf(report.name, error)
        : { where: report.name, message: wordsOfInterruption(error) };
    return { ...report, status: 'unproven', error: problem };
  }
}

function wordsOfInterruption({ message }: InterruptedError): string {
  return message === 'interrupted' ? 'interrupted while it was repaired' : message;
}

/** The source's rows when each replica was last compared whole. */
async function rowsBefore(config: Config): Promise<ReadonlyMap<string, number>> {
  const whole = (await readLastRuns(config)).filter(({ scope, compared }) => scope === 'all' && compared !== undefined);
  return new Map(whole.map(({ replica, compared }) => [replica, compared!.sourceRows]));
}

function writesOf(planned: PlannedRepair, actions: readonly Action[]): number {
  return actions.reduce((total, action) => total + planned[action], 0);
}

function readyReplica(drift: Drift, name: string): readonly [EntityPlan | undefined, ReadyReplica | undefined] {
  for (const entityPlan of drift.plan.entities) {
    for (const replica of entityPlan.replicas)
      if (replica.config.name === name && isReady(replica)) return [entityPlan, replica];
  }
  return [undefined, undefined];
}
