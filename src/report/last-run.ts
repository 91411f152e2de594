// What is remembered of the last run of each replica: enough for metrics and alerts, no finding and no value. Data only; docs/health.md has the
// metrics that are made of it.

import { driftOf, type FindingClass, type ReplicaReport, type Report, remainingDrift } from './report.ts';
import { isUnproven } from './verdict.ts';

export const LAST_RUN_SCHEMA = 'plumbline.last-run/1';

/** Which rows a run looked at. Their last runs are kept apart: three keys that agree say nothing of the rest. */
export const SCOPES = ['all', 'since', 'sample', 'keys'] as const;
export type RunScope = (typeof SCOPES)[number];

export interface LastRun {
  readonly schema: typeof LAST_RUN_SCHEMA;
  readonly replica: string;
  readonly entity: string;
  readonly store: string;
  readonly scope: RunScope;
  readonly run: string;
  readonly command: Report['command'];
  /** ISO 8601, by this machine's clock: when the run ended. */
  readonly endedAt: string;
  /** What the replica took. */
  readonly seconds: number;
  /** Of the whole run. */
  readonly exitCode: number;
  /** All that was asked for was compared. */
  readonly proven: boolean;
  /** Absent where the run did not get as far as comparing it. */
  readonly compared?: {
    readonly sourceRows: number;
    readonly replicaRows: number;
    /** What was found, by class. */
    readonly counts: Readonly<Record<FindingClass, number>>;
    /** Drifted records when the run ended. */
    readonly remaining: number;
    /** Records that were drifted and read back equal. */
    readonly repaired: number;
    readonly inFlight: ReplicaReport['inFlight'];
    /** Whether records that the source lacks could be seen. */
    readonly orphansSeen: boolean;
    readonly skippedFields: number;
  };
}

export interface ChosenReplica {
  readonly name: string;
  readonly entity: string;
  readonly store: string;
}

/** One for each replica that the run was asked about, also for those that it could not even begin with. */
export function lastRunsOf(report: Report, chosen: readonly ChosenReplica[], scope: RunScope): readonly LastRun[] {
  const { run, command, exitCode, startedAt, seconds } = report;
  const endedAt = new Date(Date.parse(startedAt) + seconds * 1000).toISOString();
  const common = { schema: LAST_RUN_SCHEMA, scope, run, command, endedAt, exitCode } as const;
  return chosen.map(({ name, entity, store }) => {
    const replica = report.replicas.find((one) => one.name === name);
    return {
      ...common,
      replica: name,
      entity,
      store,
      seconds: replica?.seconds ?? seconds,
      proven: replica !== undefined && !isUnproven(replica),
      compared: replica && comparedOf(replica),
    };
  });
}

function comparedOf(replica: ReplicaReport): LastRun['compared'] {
  const { sourceRows, replicaRows, counts, coverage, inFlight } = replica;
  if (sourceRows === null || replicaRows === null) return undefined;
  const remaining = remainingDrift(replica);
  return {
    sourceRows,
    replicaRows,
    counts,
    remaining,
    repaired: Math.max(0, driftOf(counts) - remaining),
    inFlight,
    orphansSeen: coverage.orphans,
    skippedFields: coverage.skipped.length,
  };
}
