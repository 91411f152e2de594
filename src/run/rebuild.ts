// rebuild: regenerates one replica from the source. Where the store can fill a place beside the live one, that is filled, verified and put in its
// place at once; elsewhere the replica is mended in place, what is too much removed last. Killed in between, it goes on where it was.

import { createHash } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { ConfigError, RefusedError } from '../errors.ts';
import { noProgress } from '../journal/progress.ts';
import { type EntityPlan, isReady, type Plan, type ReadyReplica } from '../plan/plan.ts';
import { planRepair, type RepairPolicy } from '../repair/limits.ts';
import { bothRepairs, DELETES, recordRepair, WRITES } from '../repair/repair.ts';
import { driftOf, noCounts, type RepairReport, type ReplicaReport, type Report } from '../report/report.ts';
import type { Rebuilding } from '../stores/store.ts';
import { NO_BRAKES } from './brakes.ts';
import { confirmOptions } from './compare-replica.ts';
import { comparePlan, type Drift, planRun } from './find-drift.ts';
import { type Lock, lockReplicas } from './locks.ts';
import type { GateOptions, RunOptions } from './options.ts';
import { repairDrift, repairOne, replicaContext } from './repair-drift.ts';
import { type RunContext, type RunResult, runCommand } from './run.ts';

export interface RebuildOptions extends Omit<RunOptions, 'only' | 'keys' | 'since' | 'sample'>, GateOptions {
  /** False: only says what it would do. Default false. */
  readonly apply?: boolean;
  /** Mends the replica in place even where it could be built beside the live one. */
  readonly inPlace?: boolean;
  /** Lets go of fields that the mapping does not name; else such a replica is not built anew. */
  readonly discardUnmapped?: boolean;
}

/** The source's word counts for everything, in any number of records. */
const POLICY: RepairPolicy = {
  deleteOrphans: true,
  deleteDuplicates: true,
  overwriteAhead: true,
  maxRows: Number.POSITIVE_INFINITY,
  maxPercent: Number.POSITIVE_INFINITY,
  maxDeletes: Number.POSITIVE_INFINITY,
  maxShrink: 100,
  forceEmpty: false,
  forceShrunk: true,
};
/** Looks at a staged place before it is given up: the source changes faster than it can be filled. */
const PASSES = 5;

/** `name`: a replica's. Throws ConfigError when there is no such replica, LockedError when another run writes to it. */
export function rebuild(config: Config, name: string, given: RebuildOptions = {}): Promise<Report> {
  checkName(config, name);
  const asked: RebuildOptions & RunOptions = { ...given, only: [name] };
  return runCommand('rebuild', config, asked, async (context, options) => {
    const lock = await lockReplicas(context.connections.source, options.apply ? [name] : []);
    const locked = { ...context, lock };
    try {
      const plan = await planRun(config, context, options, false);
      const entityPlan = plan.entities[0]!;
      const replica = entityPlan.replicas[0]!;
      const rebuilding = isReady(replica) && !options.inPlace ? waysOf(config, replica) : undefined;
      if (!options.apply || rebuilding === undefined || !isReady(replica))
        return await inPlace(config, locked, options, plan, options.apply ?? false);
      return await beside(config, locked, options, plan, entityPlan, replica, rebuilding);
    } finally {
      await lock.release();
    }
  });
}

function checkName(config: Config, name: string): void {
  const names = config.entities.flatMap((entity) => entity.replicas.map((replica) => replica.name));
  if (names.includes(name)) return;
  throw new ConfigError(
    [{ path: name, message: 'no replica has that name', hint: `Replicas: ${names.join(', ')}.` }],
    config.file,
  );
}

/** Undefined where the place holds more than this replica: swapping it would take the rest along. */
function waysOf(config: Config, { store, config: own }: ReadyReplica): Rebuilding | undefined {
  const isShared = config.entities.some((entity) =>
    entity.replicas.some(
      (other) => other.name !== own.name && other.store === own.store && other.target === own.target,
    ),
  );
  return isShared || own.where !== undefined ? undefined : store.rebuilding;
}

async function inPlace(
  config: Config,
  context: RunContext,
  options: RunOptions & GateOptions,
  plan: Plan,
  apply: boolean,
): Promise<RunResult> {
  const drift = await comparePlan(config, context, options, plan, () => ({ kind: 'all' }));
  await context.folder.finish();
  return repairDrift(config, context, drift, { ...options, apply }, POLICY);
}

async function beside(
  config: Config,
  context: RunContext & { readonly lock: Lock },
  options: RebuildOptions,
  plan: Plan,
  entityPlan: EntityPlan,
  live: ReadyReplica,
  rebuilding: Rebuilding,
): Promise<RunResult> {
  const swapped = options.resume === undefined ? undefined : await context.folder.swapped(live.config.name);
  if (swapped !== undefined) return afterSwap(config, context, options, plan, swapped);
  const unmapped = options.discardUnmapped ? [] : await rebuilding.unmapped(live.replica);
  if (unmapped.length > 0) {
    const message = `${live.config.name}: its records hold fields that the mapping does not name (${unmapped.join(', ')}), which a rebuild would lose`;
    return refused(new RefusedError(message, '--discard-unmapped, or --in-place to keep them'));
  }
  // What a killed run had found was of another moment; what it had built is found again where it stands.
  await context.folder.startOver();
  const staged = await rebuilding.stage(live.replica, tagOf(live));
  const ready: ReadyReplica = {
    ...live,
    replica: staged,
    inspection: { ...live.inspection, estimatedRows: 0 },
  };
  const staging = { ...plan, entities: [{ ...entityPlan, replicas: [ready] }] };
  let built: RepairReport | undefined;
  for (let pass = 1; ; pass++) {
    const folder = await context.folder.part(`build-${pass}`);
    const drift = await comparePlan(config, { ...context, folder }, options, staging, () => ({ kind: 'all' }));
    await folder.finish();
    const report = drift.replicas[0]!;
    if (report.status !== 'proven' || report.counts.unread > 0) return unfinished(ofLive(drift), built);
    if (report.sourceRows === 0 && live.inspection.estimatedRows > 0) {
      await rebuilding.discard(staged);
      return refused(new RefusedError(`${live.config.name}: the source looks empty while the replica holds records`));
    }
    const planned = planRepair(report, POLICY);
    if (driftOf(report.counts) === 0) {
      built = whole(report);
      break;
    }
    if (pass > PASSES) return unfinished(ofLive(drift), built);
    options.onEvent?.({ type: 'stage', stage: 'repair' });
    const own = replicaContext(config, context, options, entityPlan);
    let filled = report;
    const record = { ...NO_BRAKES, mayGoOn: context.lock.check };
    for (const actions of [WRITES, DELETES])
      filled = await repairOne(own, ready, filled, planned, POLICY, () => folder.findings(), actions, record);
    built = added(built, filled.repair);
    if (filled.status !== 'proven') return ofLive({ ...drift, replicas: [{ ...filled, repair: built }] });
  }
  const replaced = await recordSwap(config, context, options, plan, entityPlan, live);
  if (replaced !== undefined) return replaced;
  await context.lock.check();
  await rebuilding.publish(live.replica, staged);
  await (await context.journal()).swapped(live.config.name, built);
  // How far a repair had come that was stopped after an earlier swap says nothing of this one.
  return afterSwap(config, { ...context, progress: noProgress }, options, plan, built);
}

/** What the live records were given while others were built in their place went with them: looks once more, at what stands there now. */
async function afterSwap(
  config: Config,
  context: RunContext,
  options: RebuildOptions,
  plan: Plan,
  built: RepairReport,
): Promise<RunResult> {
  const result = await inPlace(config, context, { ...options, ignoreGates: true }, plan, true);
  return {
    ...result,
    replicas: result.replicas.map((report) => ({ ...report, repair: added(built, report.repair) ?? report.repair })),
  };
}

/** Records what the swap changes in the live records, so that it can be undone. Returns the result of a run that could not find out. */
async function recordSwap(
  config: Config,
  context: RunContext,
  options: RebuildOptions,
  plan: Plan,
  entityPlan: EntityPlan,
  live: ReadyReplica,
): Promise<RunResult | undefined> {
  const folder = await context.folder.part('replaced');
  const drift = await comparePlan(config, { ...context, folder }, options, plan, () => ({ kind: 'all' }));
  await folder.finish();
  const report = drift.replicas[0]!;
  if (report.status !== 'proven') return unfinished(drift, undefined);
  const own = replicaContext(config, context, options, entityPlan);
  await recordRepair([...WRITES, ...DELETES], {
    replica: live,
    policy: POLICY,
    replacesUnread: true,
    findings: () => folder.findings(),
    confirm: confirmOptions(own, live, false),
    journal: await context.journal(),
    ...NO_BRAKES,
    onRecords: () => {},
    signal: options.signal,
  });
  return undefined;
}

/** What a place that was empty at first came to, in however many runs. */
function whole({ replicaRows }: ReplicaReport): RepairReport {
  const rows = replicaRows ?? 0;
  return {
    applied: true,
    planned: { insert: rows, update: 0, delete: 0 },
    outcomes: { written: rows, unchanged: 0, moved: 0, refused: 0 },
    left: {},
    errors: [],
    verified: { read: rows, equal: rows },
  };
}

/** The same for every run of this replica, so that a killed one is gone on with. */
function tagOf(replica: ReadyReplica): string {
  return createHash('sha256').update(replica.config.name).digest('hex').slice(0, 8);
}

function unfinished(drift: Drift, built: RepairReport | undefined): RunResult {
  const replicas = drift.replicas.map((report): ReplicaReport => {
    const why =
      report.counts.unread > 0
        ? 'some rows could not be read, so what was built can’t be proven'
        : 'the source changes faster than the replica can be built';
    const error = report.error ?? { where: report.name, message: why };
    const hint = 'The live records were left as they are; run it again to go on.';
    return { ...report, status: 'unproven', error: { ...error, hint: error.hint ?? hint }, repair: built };
  });
  return { ...drift, replicas };
}

/** What a look at the staged place says of the live records: not what was still to be built, only what can't be read. */
function ofLive(drift: Drift): Drift {
  const replicas = drift.replicas.map((report) => {
    const counts = { ...noCounts(), unread: report.counts.unread };
    const findings = report.findings.filter((finding) => finding.class === 'unread');
    return { ...report, replicaRows: null, counts, findings };
  });
  return { ...drift, replicas };
}

function refused(error: RefusedError): RunResult {
  return { asOf: null, replicas: [], problems: [], refused: error };
}

function added(before: RepairReport | undefined, now: RepairReport | undefined): RepairReport | undefined {
  return before === undefined || now === undefined ? (before ?? now) : bothRepairs(before, now);
}
