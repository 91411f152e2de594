// What the kept runs come to over time: one line a run, and for each replica how much it drifted in each. Data only.

import { isUndo, type UndoReport } from '../undo/undo-report.ts';
import { driftOf, type FindingClass, type ReplicaReport, type Report, remainingDrift } from './report.ts';
import { isUnproven } from './verdict.ts';

export const HISTORY_SCHEMA = 'plumbline.history/1';

export interface History {
  readonly schema: typeof HISTORY_SCHEMA;
  readonly config: string;
  /** The oldest first. */
  readonly runs: readonly HistoryRun[];
  /** In the order of the newest run that names them. */
  readonly replicas: readonly ReplicaTrend[];
}

export interface HistoryRun {
  readonly run: string;
  readonly command: Report['command'] | 'undo';
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly exitCode: number;
  /** Absent of an undo. */
  readonly verdict?: Report['verdict'];
  readonly replicas: number;
  readonly unproven: number;
  /** Drifted records that it found, of those repaired, and left. Zero of an undo. */
  readonly found: number;
  readonly repaired: number;
  readonly remaining: number;
  /** Of an undo: the run that it undid, and the records that it put back. */
  readonly undone?: { readonly run: string; readonly restored: number };
}

export interface ReplicaTrend {
  readonly name: string;
  /** The runs that were to compare it, the oldest first. */
  readonly runs: readonly {
    readonly run: string;
    readonly startedAt: string;
    /** False: how much drifted is not known, or no more than a part of it. */
    readonly proven: boolean;
    readonly counts: Readonly<Record<FindingClass, number>>;
    readonly found: number;
    readonly remaining: number;
    readonly sourceRows: number | null;
    readonly replicaRows: number | null;
  }[];
}

/** `reports`: the newest first. Only replicas that `isChosen` lets through count. */
export function historyOf(
  config: string,
  reports: readonly (Report | UndoReport)[],
  isChosen: (replica: Pick<ReplicaReport, 'name' | 'store' | 'entity'>) => boolean,
): History {
  const runs: HistoryRun[] = [];
  const trends = new Map<string, ReplicaTrend['runs'][number][]>();
  for (const report of reports) {
    const { run, startedAt } = report;
    if (isUndo(report)) {
      const chosen = report.replicas.filter(isChosen);
      if (chosen.length > 0) runs.push(undoRun(report, chosen));
      continue;
    }
    const chosen = report.replicas.filter(isChosen);
    // One that came to no replica at all is a run of all of them.
    if (chosen.length === 0 && report.replicas.length > 0) continue;
    runs.push(comparingRun(report, chosen));
    for (const replica of chosen) {
      const { name, counts, sourceRows, replicaRows } = replica;
      const found = driftOf(counts);
      const trend = trends.get(name) ?? [];
      trends.set(name, trend);
      const remaining = remainingDrift(replica);
      trend.push({ run, startedAt, proven: !isUnproven(replica), counts, found, remaining, sourceRows, replicaRows });
    }
  }
  return {
    schema: HISTORY_SCHEMA,
    config,
    runs: runs.reverse(),
    replicas: [...trends].map(([name, points]) => ({ name, runs: points.reverse() })),
  };
}

function comparingRun(report: Report, chosen: readonly ReplicaReport[]): HistoryRun {
  const { run, command, startedAt, seconds, exitCode, verdict } = report;
  const found = chosen.reduce((sum, { counts }) => sum + driftOf(counts), 0);
  const remaining = chosen.reduce((sum, replica) => sum + remainingDrift(replica), 0);
  const known = chosen.reduce((sum, replica) => sum + (replica.known ?? 0), 0);
  return {
    run,
    command,
    startedAt,
    seconds,
    exitCode,
    verdict,
    replicas: chosen.length,
    unproven: chosen.filter(isUnproven).length,
    found,
    repaired: Math.max(0, found - remaining - known),
    remaining,
  };
}

function undoRun(
  { run, startedAt, seconds, exitCode, undone }: UndoReport,
  chosen: UndoReport['replicas'],
): HistoryRun {
  const restored = chosen.reduce((sum, { outcomes }) => sum + outcomes.restored, 0);
  return {
    run,
    command: 'undo',
    startedAt,
    seconds,
    exitCode,
    replicas: chosen.length,
    unproven: 0,
    found: 0,
    repaired: 0,
    remaining: 0,
    undone: { run: undone, restored },
  };
}
