// The report: what a run found, as data. Renderers only format it. `schema` names its version; fields are only ever added to it.

import type { AlertEvent } from '../config/config.ts';
import type { Value } from '../value/field-type.ts';

export const REPORT_SCHEMA = 'plumbline.report/1';

export const FINDING_CLASSES = ['missing', 'stale', 'ahead', 'mismatched', 'orphan', 'duplicate', 'unread'] as const;
export type FindingClass = (typeof FINDING_CLASSES)[number];

export interface Report {
  readonly schema: typeof REPORT_SCHEMA;
  readonly run: string;
  readonly command: 'check' | 'reconcile' | 'repair' | 'verify-sync' | 'rebuild';
  readonly config: string;
  /** ISO 8601, by this machine's clock. */
  readonly startedAt: string;
  readonly seconds: number;
  /** The source's clock at its snapshot: the moment that the verdict speaks of. */
  readonly asOf: string | null;
  readonly verdict: 'in sync' | 'drift' | 'incomplete' | 'refused';
  readonly exitCode: number;
  readonly replicas: readonly ReplicaReport[];
  /** What went wrong outside one replica: a store that could not be reached, an interruption, a limit. */
  readonly problems: readonly RunProblem[];
  /** Where findings.ndjson and report.json are; null when nothing was kept. */
  readonly folder: string | null;
  /** What a baseline of known drift says of it. */
  readonly baseline?: BaselineReport;
  /** Drift up to here was allowed, and what was found is no more: the exit code is 0. */
  readonly allowed?: { readonly rows?: number; readonly percent?: number };
  /** The record that verify-sync was asked for. */
  readonly subject?: Subject;
  /** What named the records: --from-queue, --from-outbox. */
  readonly backlog?: BacklogReport;
  /** Who was told of this run, or should have been; absent where nothing was due. */
  readonly alerts?: readonly AlertOutcome[];
}

export interface BacklogReport {
  readonly kind: 'queue' | 'outbox';
  /** The queue's name in the config; `outbox`. */
  readonly name: string;
  /** Failed jobs, or events, that were read. */
  readonly read: number;
  /** Different records that they name, of the chosen replicas' entities. */
  readonly records: number;
  /** Of `read`: those that name no record of a chosen replica. */
  readonly notChosen: number;
  /** Of `read`: those of which can't be told what they name. */
  readonly unread: number;
  /** The first of those. */
  readonly examples: readonly { readonly id: string; readonly reason: string }[];
  readonly settled?: SettlementReport;
}

/** What became of the jobs or events after the repair. */
export interface SettlementReport {
  readonly how: 'retry' | 'remove' | 'mark';
  /** Each of their records was read back equal in every replica. */
  readonly settled: number;
  /** Left as they were, by reason. */
  readonly left: readonly {
    readonly reason: string;
    readonly count: number /** The first ids. */;
    readonly examples: readonly string[];
  }[];
}

export interface AlertOutcome {
  /** The receiver's name in the config. */
  readonly alert: string;
  readonly event: AlertEvent;
  /** What it is about: replicas, probes, the command. */
  readonly subjects: readonly string[];
  /** `unkept`: sent, but that can't be remembered, so it will be sent again. */
  readonly outcome: 'sent' | 'unkept' | 'failed';
  readonly attempts: number;
  /** Why it failed or can't be remembered. */
  readonly error?: string;
  readonly hint?: string;
}

export interface BaselineReport {
  readonly file: string;
  /** It was written anew from what was found. */
  readonly updated: boolean;
  /** Entries in it, before. */
  readonly entries: number;
  /** Entries that nothing answers to any more, and those that were met after their last day, which are new drift. */
  readonly resolved: number;
  readonly expired: number;
  /** The first of them. */
  readonly resolvedEntries: readonly Pick<Finding, 'replica' | 'class' | 'key'>[];
}

export interface Subject {
  readonly entity: string;
  /** By the source's key columns, canonical values. */
  readonly key: Readonly<Record<string, string>>;
  /** Whether the source has it; null when the source could not be asked. */
  readonly exists: boolean | null;
  readonly version?: Value;
}

export interface RunProblem {
  /** The store, replica or stage that it happened in. */
  readonly where: string;
  readonly message: string;
  readonly hint?: string;
}

export interface ReplicaReport {
  /** `docs.incidents` */
  readonly name: string;
  readonly entity: string;
  readonly store: string;
  readonly kind: string;
  readonly strategy: Strategy;
  /** Its records are cached results: they may be absent, and a stale one is dropped, not rewritten. */
  readonly cache?: true;
  /** Why the plan chose it, one sentence. */
  readonly why: string;
  /** `proven` when all that was asked for was compared; `unproven` when something stopped it, see `error`. */
  readonly status: 'proven' | 'unproven';
  readonly error?: RunProblem;
  /** Rows read on either side; null when the comparison did not get so far. */
  readonly sourceRows: number | null;
  readonly replicaRows: number | null;
  readonly counts: Readonly<Record<FindingClass, number>>;
  /** Findings among them that the baseline accepts: no drift to the verdict. */
  readonly known?: number;
  readonly inFlight: { readonly count: number /** Longest lag seen, milliseconds. */; readonly longestLag: number };
  readonly coverage: Coverage;
  /** The first findings, in the order in which they were proven; all of them are in findings.ndjson. */
  readonly findings: readonly Finding[];
  readonly repair?: RepairReport;
  /** For verify-sync: the records that were looked at. */
  readonly records?: readonly RecordSides[];
  readonly seconds: number;
}

export interface RecordSides {
  /** By the source's key columns, canonical values. */
  readonly key: Readonly<Record<string, string>>;
  /** Every mapped field but the key, where that was asked for; a side that has no such record has no value. */
  readonly fields?: readonly FieldSides[];
}

export interface FieldSides extends FieldDifference {
  readonly equal: boolean;
}

export type Strategy = 'sums' | 'digests' | 'records' | 'lookup';

export interface Coverage {
  /** Source columns compared, keys included. */
  readonly fields: readonly string[];
  /** What was left out on purpose (`ignore`), never counted against the verdict. */
  readonly ignored: readonly string[];
  /** What was not compared although it should have been: the verdict can't be `in sync`. */
  readonly skipped: readonly string[];
  /** Whether records that the source lacks could be seen. */
  readonly orphans: boolean;
  /** `every row`, `1,204 rows of the last 7d`, `3 keys`, `1 % sample`. */
  readonly rows: string;
  /** Reduced precision, tolerances, letter case, mapped values, row filters: one sentence each. */
  readonly notes: readonly string[];
  /** Milliseconds. */
  readonly maxLag: number;
}

export interface Finding {
  readonly replica: string;
  readonly entity: string;
  readonly class: FindingClass;
  /** By the source's key columns, canonical values. */
  readonly key: Readonly<Record<string, string>>;
  /** The fields that differ, with both canonical values in the replica's spelling. Empty for missing, orphan and unread. */
  readonly fields: readonly FieldDifference[];
  readonly sourceVersion?: Value;
  readonly replicaVersion?: Value;
  /** Records that stand for the key, when it is not one. */
  readonly copies?: number;
  /** Where they stand beyond their key, in a store that needs more than the key to find them (Cassandra: partition and clustering columns). */
  readonly places?: readonly (readonly string[])[];
  /** For `unread`: why. */
  readonly reason?: string;
  /** The baseline accepts it until this day; `for good`. */
  readonly known?: string;
  /** ISO 8601: first seen, and proven. */
  readonly seenAt: string;
  readonly provenAt: string;
}

export interface FieldDifference {
  /** The source's column and the replica's field. */
  readonly name: string;
  readonly target: string;
  /** Absent when the field is sensitive. */
  readonly source?: Value;
  readonly replica?: Value;
  readonly sensitive?: true;
}

export interface RepairReport {
  /** False for a dry run: the counts then say what would be done (`planned`) and nothing was written. */
  readonly applied: boolean;
  /** Records that a repair would write, or tried to, by what it does to them. */
  readonly planned: { readonly insert: number; readonly update: number; readonly delete: number };
  readonly outcomes: {
    readonly written: number;
    readonly unchanged: number;
    readonly moved: number;
    readonly refused: number;
  };
  /** Drift that was left alone on purpose, by class, such as orphans without --delete-orphans. */
  readonly left: Readonly<Partial<Record<FindingClass, number>>>;
  /** The first errors of refused writes. */
  readonly errors: readonly string[];
  /** Repaired records that were read back, and how many of them were equal then. */
  readonly verified: { readonly read: number; readonly equal: number };
  /** What the journal holds of it: recorded writes, and those among them that undo can't put back whole, as sensitive values were not kept. */
  readonly journal?: { readonly writes: number; readonly withheld: number };
  /** Drifted records that were not equal when the run ended. Absent: what was found less what was read back equal. */
  readonly remaining?: number;
}

/** All that drifts: everything but `unread`. */
export function driftOf(counts: Readonly<Record<FindingClass, number>>): number {
  return FINDING_CLASSES.reduce((sum, name) => (name === 'unread' ? sum : sum + counts[name]), 0);
}

/** Drifted records that a replica still holds at the end of the run, but for those that a baseline accepts. */
export function remainingDrift(replica: ReplicaReport): number {
  const found = driftOf(replica.counts) - (replica.known ?? 0);
  if (!replica.repair?.applied) return found;
  return replica.repair.remaining ?? Math.max(0, found - replica.repair.verified.equal);
}

export function noCounts(): Record<FindingClass, number> {
  return { missing: 0, stale: 0, ahead: 0, mismatched: 0, orphan: 0, duplicate: 0, unread: 0 };
}
