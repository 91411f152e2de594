// reconcile: check, then repair what drifted, then read it back. Without `apply` it only says what it would do.

import type { Config } from '../config/config.ts';
import { InterruptedError, RefusedError, StoreError } from '../errors.ts';
import { problemOf } from '../plan/make-plan.ts';
import { type EntityPlan, isReady, type ReadyReplica } from '../plan/plan.ts';
import { checkLimits, nothingDone, type PlannedRepair, planRepair, type RepairPolicy } from '../repair/limits.ts';
import { repairReplica } from '../repair/repair.ts';
import { driftOf, type ReplicaReport, type Report } from '../report/report.ts';
import type { HashScheme } from '../value/digest.ts';
import { confirmOptions } from './compare-replica.ts';
import { type Drift, findDrift } from './find-drift.ts';
import { lockReplicas } from './locks.ts';
import { DEFAULT_BATCH, isChosen, type RepairOptions, type RunOptions } from './options.ts';
import { type RunContext, type RunResult, runCommand } from './run.ts';

/** As `check`, and repairs. Throws LockedError when another run repairs one of the replicas. */
export function reconcile(config: Config, options: RunOptions & RepairOptions = {}): Promise<Report> {
  const policy: RepairPolicy = {
    deleteOrphans: options.deleteOrphans ?? false,
    deleteDuplicates: options.deleteDuplicates ?? false,
    overwriteAhead: options.overwriteAhead ?? false,
    maxRows: options.maxRows ?? config.limits.maxRows,
    maxPercent: options.maxPercent ?? config.limits.maxPercent,
  };
  return runCommand('reconcile', config, options, async (context) => {
    const release = options.apply
      ? await lockReplicas(context.connections.source, chosenNames(config, options.only ?? []))
      : undefined;
    try {
      return await checkAndRepair(config, context, options, policy);
    } finally {
      await release?.();
    }
  });
}

async function checkAndRepair(
  config: Config,
  context: RunContext,
  options: RunOptions & RepairOptions,
  policy: RepairPolicy,
): Promise<RunResult> {
  const { connections, scheme, folder } = context;
  const drift = await findDrift(config, connections, scheme, options, (finding) => folder.add(finding));
  await folder.finish();
  const planned = new Map(drift.replicas.map((report) => [report.name, planRepair(report, policy)]));
  const dry = () => drift.replicas.map((report) => ({ ...report, repair: nothingDone(planned.get(report.name)!) }));
  if (!options.apply) return { ...drift, replicas: dry() };
  try {
    for (const report of drift.replicas)
      if (report.status === 'proven') checkLimits(report, planned.get(report.name)!, policy);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return { ...drift, replicas: dry(), refused: error };
  }
  options.onEvent?.({ type: 'stage', stage: 'repair' });
  const replicas: ReplicaReport[] = [];
  for (const report of drift.replicas) {
    replicas.push(await repaired(config, context, options, policy, drift, report, planned.get(report.name)!, scheme));
  }
  return { ...drift, replicas };
}

async function repaired(
  config: Config,
  context: RunContext,
  options: RunOptions,
  policy: RepairPolicy,
  drift: Drift,
  report: ReplicaReport,
  planned: PlannedRepair,
  scheme: HashScheme,
): Promise<ReplicaReport> {
  const writes = planned.insert + planned.update + planned.delete;
  const [entityPlan, replica] = readyReplica(drift, report.name);
  // What was not compared to the end is not repaired: its findings are true, but nobody knows how many more there are.
  if (replica === undefined || report.status !== 'proven') return { ...report, repair: nothingDone(planned) };
  if (writes === 0) return { ...report, repair: { ...nothingDone(planned), applied: true } };
  const replicaContext = {
    config,
    source: context.connections.source,
    scheme,
    entityPlan: entityPlan!,
    batch: options.batch ?? DEFAULT_BATCH,
    shown: 0,
    listener: options.onEvent ?? (() => {}),
    signal: options.signal,
  };
  let records = 0;
  try {
    const repair = await repairReplica(planned, driftOf(report.counts), {
      replica,
      policy,
      findings: () => context.folder.findings(),
      confirm: confirmOptions(replicaContext, replica, false),
      beforeWrite: async () => {},
      onRecords: (count) => {
        records += count;
        options.onEvent?.({ type: 'repaired', replica: report.name, records, expected: writes });
      },
      signal: options.signal,
    });
    return { ...report, repair };
  } catch (error) {
    if (!(error instanceof StoreError) && !(error instanceof InterruptedError)) throw error;
    const problem =
      error instanceof StoreError
        ? problemOf(report.name, error)
        : { where: report.name, message: 'interrupted while it was repaired' };
    return { ...report, status: 'unproven', error: problem };
  }
}

function readyReplica(drift: Drift, name: string): readonly [EntityPlan | undefined, ReadyReplica | undefined] {
  for (const entityPlan of drift.plan.entities) {
    for (const replica of entityPlan.replicas)
      if (replica.config.name === name && isReady(replica)) return [entityPlan, replica];
  }
  return [undefined, undefined];
}

function chosenNames(config: Config, only: readonly string[]): readonly string[] {
  return config.entities
    .flatMap((entity) =>
      entity.replicas.map((replica) => ({ entity: entity.name, store: replica.store, name: replica.name })),
    )
    .filter((names) => isChosen(only, Object.values(names)))
    .map((names) => names.name);
}
