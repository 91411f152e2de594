// What a drain did, as data. docs/report.md describes every field; fields are only ever added.

import type { AlertOutcome, RunProblem } from '../report/report.ts';
import { EXIT } from '../report/verdict.ts';
import type { Value } from '../value/field-type.ts';
import type { Effect } from './apply-batch.ts';
import type { ConflictKind } from './decide.ts';

export const DRAIN_SCHEMA = 'plumbline.drain/1';

export interface DrainReport {
  readonly schema: typeof DRAIN_SCHEMA;
  readonly command: 'drain';
  readonly run: string;
  readonly config: string;
  /** ISO 8601, by this machine's clock. */
  readonly startedAt: string;
  readonly seconds: number;
  /** False for a dry run: the effects then say what would be done. */
  readonly applied: boolean;
  /** `drained`: nothing waits any more. `waiting`: of a dry run, that there is something to drain. `left`: not all could be brought back. */
  readonly verdict: 'drained' | 'waiting' | 'left' | 'incomplete' | 'refused';
  readonly exitCode: number;
  /** When the source went away, as conflicts are judged by: a canonical timestamp; null: nothing waited. */
  readonly began: string | null;
  readonly stores: readonly DrainedStore[];
  readonly entities: readonly DrainedEntity[];
  /** The replicas of the records that were touched, afterwards. */
  readonly replicas: readonly DrainedReplica[];
  /** The first of them; all are in conflicts.ndjson. */
  readonly conflicts: readonly ConflictLine[];
  /** Writes that were put among the dead letters, or would be; and the first of them. */
  readonly deadWrites: number;
  readonly dead: readonly LeftWrite[];
  /** Writes that the source refused, or would, and that wait where they are; and the first of them. */
  readonly failedWrites: number;
  readonly failed: readonly LeftWrite[];
  /** Brought back, but still marked as waiting, for their records are not proven equal in every replica. The next drain goes on with them. */
  readonly unsettled: number;
  readonly problems: readonly RunProblem[];
  /** Where its journal and conflicts.ndjson are. */
  readonly folder: string;
  /** Where the dead letters of this run are, if there are any. */
  readonly deadLetters: string | null;
  readonly alerts?: readonly AlertOutcome[];
}

export function isDrain(report: { readonly schema: string }): report is DrainReport {
  return report.schema === DRAIN_SCHEMA;
}

export interface DrainedStore {
  readonly name: string;
  /** Writes that waited there. */
  readonly waiting: number;
  /** Writes that are marked, archived or deleted there now. */
  readonly settled: number;
  /** About what is not to be drained (`contingency.leave`). */
  readonly left: number;
}

export interface DrainedEntity {
  readonly name: string;
  /** Writes by what became of them. */
  readonly effects: Readonly<Record<Effect, number>>;
  readonly conflicts: number;
  /** Members of `data` that name no column, with the number of writes that had them; their values were not brought back. */
  readonly unnamed: Readonly<Record<string, number>>;
}

export interface DrainedReplica {
  readonly name: string;
  readonly entity: string;
  readonly store: string;
  /** Records that were looked up, and written. */
  readonly records: number;
  readonly written: number;
  /** Records that still differ. */
  readonly remaining: number;
  /** Why not all could be compared. */
  readonly error?: string;
  /** The first writes that it refused. */
  readonly refused: readonly string[];
}

/** A line of conflicts.ndjson. */
export interface ConflictLine {
  /** Names the write; `take` of this line decides about it: drain --decisions. */
  readonly write: string;
  readonly store: string;
  readonly entity: string;
  readonly key: Readonly<Record<string, string>>;
  readonly operation: string;
  /** Canonical timestamps: of the write, and of the row's last change; null: it can't be told. */
  readonly writtenAt: string;
  readonly changedAt: string | null;
  readonly kind: ConflictKind;
  readonly rule: string;
  readonly winner: 'source' | 'contingency' | null;
  readonly fields: readonly ConflictField[];
  /** For a person to fill in: source or contingency. */
  readonly take: 'source' | 'contingency' | null;
}

export interface ConflictField {
  readonly name: string;
  /** Absent where the field is sensitive, and on a side that has no such record or does not say. */
  readonly source?: Value;
  readonly contingency?: Value;
  readonly sensitive?: true;
}

export interface LeftWrite {
  readonly store: string;
  readonly id: string;
  readonly entity?: string;
  readonly key?: readonly string[];
  readonly error: string;
}

export function verdictOfDrain(
  report: Pick<
    DrainReport,
    'applied' | 'stores' | 'entities' | 'replicas' | 'deadWrites' | 'failedWrites' | 'unsettled' | 'problems'
  >,
  isRefused: boolean,
): Pick<DrainReport, 'verdict' | 'exitCode'> {
  if (isRefused) return { verdict: 'refused', exitCode: EXIT.refused };
  const isUnproven = report.replicas.some(({ error }) => error !== undefined);
  if (report.problems.length > 0 || isUnproven) return { verdict: 'incomplete', exitCode: EXIT.incomplete };
  const waiting = report.stores.reduce((sum, store) => sum + store.waiting - store.left, 0);
  if (!report.applied && waiting > 0) return { verdict: 'waiting', exitCode: EXIT.drift };
  const isUndecided = report.entities.some(({ effects }) => effects.undecided > 0);
  const drifts = report.replicas.some(({ remaining }) => remaining > 0);
  if (isUndecided || drifts || report.deadWrites + report.failedWrites + report.unsettled > 0)
    return { verdict: 'left', exitCode: EXIT.drift };
  return { verdict: 'drained', exitCode: EXIT.inSync };
}
