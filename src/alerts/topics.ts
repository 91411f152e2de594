// What a run looked at and how each thing stands, from its report: the subjects of alerts. Names, counts and messages only. Pure.

import type { DrainReport } from '../contingency/drain-report.ts';
import type { Problem } from '../errors.ts';
import { type HealthReport, type ProbeReport, worstReadings, worstWords } from '../health/health-report.ts';
import type { Status } from '../health/probe.ts';
import {
  driftOf,
  FINDING_CLASSES,
  type FindingClass,
  type ReplicaReport,
  type Report,
  remainingDrift,
} from '../report/report.ts';
import { shellWord } from '../report/shell-word.ts';
import type { Topic } from './alert.ts';

export interface Asked {
  /** The command and what makes it another one: `reconcile --apply`, `rebuild docs.incidents`. */
  readonly name: string;
  /** Of every replica that was to be looked at: its own name, its store's and its entity's. */
  readonly names: readonly string[];
}

export function topicsOfReport(report: Report, asked: Asked): readonly Topic[] {
  return [runTopic(report, asked), ...report.replicas.map((replica) => replicaTopic(replica, report))];
}

export function topicsOfHealth(report: HealthReport): readonly Topic[] {
  return report.probes.map(probeTopic);
}

export function drainTopic(report: DrainReport, name: string): Topic {
  const { problems, deadWrites, failedWrites, unsettled, verdict, entities, deadLetters, folder } = report;
  const common = { kind: 'run' as const, name, names: entities.map((entity) => entity.name), partial: false };
  const undecided = entities.reduce((sum, { effects }) => sum + effects.undecided, 0);
  const parts = [
    ...problems.map(({ message }) => message),
    deadWrites > 0 ? `${deadWrites} writes could not be brought back and are among the dead letters` : undefined,
    failedWrites > 0 ? `${failedWrites} writes were refused and wait` : undefined,
    undecided > 0 ? `${undecided} conflicting writes wait for a decision` : undefined,
    unsettled > 0 ? `${unsettled} writes are brought back, and not proven equal in every replica` : undefined,
  ].filter((words) => words !== undefined);
  if (verdict === 'drained') return { ...common, status: 'ok', message: 'everything is brought back' };
  if (verdict === 'waiting') return { ...common, status: 'warning', message: 'there are writes to be drained' };
  const hint =
    deadLetters !== null
      ? `Look at ${deadLetters}, mend what is wrong, then: plumbline drain --replay --apply.`
      : (problems.find((problem) => problem.hint !== undefined)?.hint ?? `See ${folder}.`);
  return { ...common, status: verdict === 'incomplete' ? 'unknown' : 'failed', message: parts.join('; '), hint };
}

/** A run that could not be planned. */
export function schemaTopic(problems: readonly Problem[], { name, names }: Asked): Topic {
  const message = problems.map(({ path, message: words }) => `${path}: ${words}`).join('; ');
  const hint = problems.find((problem) => problem.hint !== undefined)?.hint;
  return { kind: 'run', name, names, partial: false, status: 'failed', message, hint };
}

/** What went wrong outside the replicas. */
function runTopic(report: Report, { name, names }: Asked): Topic {
  const common = { kind: 'run' as const, name, names, partial: false };
  if (report.problems.length === 0) return { ...common, status: 'ok', message: 'it ran to its end' };
  return {
    ...common,
    status: report.verdict === 'refused' ? 'failed' : 'unknown',
    message: report.problems.map(({ message }) => message).join('; '),
    hint: report.problems.find(({ hint }) => hint !== undefined)?.hint,
  };
}

function replicaTopic(replica: ReplicaReport, report: Report): Topic {
  const { name, entity, store, counts } = replica;
  return {
    kind: 'replica',
    name,
    names: [name, entity, store],
    counts,
    partial: replica.strategy === 'lookup',
    ...standingOf(replica, report),
  };
}

function standingOf(replica: ReplicaReport, report: Report): Pick<Topic, 'status' | 'message' | 'hint'> {
  const { counts, repair, error, coverage } = replica;
  const found = driftOf(counts);
  const remaining = remainingDrift(replica);
  const unread = counts.unread > 0 ? `${counts.unread} could not be read` : undefined;
  const all = report.folder === null ? undefined : `All findings: ${report.folder}/findings.ndjson.`;
  if (remaining > 0 && repair?.applied) {
    const left = countsText(repair.left);
    const message = `still drifting: ${remaining} of ${found}${left === '' ? '' : ` (left alone: ${left})`}`;
    return { status: 'failed', message: listed(message, unread), hint: all };
  }
  if (remaining > 0 && report.exitCode === 0)
    return { status: 'warning', message: `${countsText(counts)} (no more than is allowed)`, hint: all };
  if (remaining > 0) {
    const dryRun = `${command(report, 'reconcile', replica.name)} says what a repair would do.`;
    return { status: 'failed', message: countsText(counts), hint: listed(dryRun, all, ' ') };
  }
  if (error !== undefined) {
    const hint = error.hint ?? `${command(report, 'doctor', replica.store)} tells more.`;
    return { status: 'unknown', message: error.message, hint };
  }
  if (replica.status === 'unproven' || unread !== undefined || coverage.skipped.length > 0) {
    const skipped = coverage.skipped.length === 0 ? undefined : `not compared: ${coverage.skipped.join(', ')}`;
    return { status: 'unknown', message: listed(unread, skipped) || 'not all was compared', hint: all };
  }
  if (replica.known) return { status: 'warning', message: `known drift alone: ${countsText(counts)}`, hint: all };
  if (found > 0) return { status: 'warning', message: `repaired and read back equal: ${countsText(counts)}` };
  return { status: 'ok', message: `in sync (compared: ${coverage.rows})` };
}

function probeTopic(probe: ProbeReport): Topic {
  const { name, status } = probe;
  const wrong = probe.readings.filter((reading) => reading.status !== 'ok');
  return {
    kind: 'probe',
    name,
    names: [name],
    partial: false,
    status,
    message: worstWords(probe),
    hint: worstReadings(probe).find(({ hint }) => hint !== undefined)?.hint,
    readings: wrong.length > 1 ? wrong.map(({ metrics: _, ...reading }) => reading) : undefined,
  };
}

/** The gravest of all that was looked at. */
export function worstTopic(topics: readonly Topic[]): Status {
  const order: readonly Status[] = ['unknown', 'failed', 'warning'];
  return order.find((status) => topics.some((topic) => topic.status === status)) ?? 'ok';
}

/** `missing 1, orphan 3` */
function countsText(counts: Readonly<Partial<Record<FindingClass, number>>>): string {
  return FINDING_CLASSES.flatMap((name) => (counts[name] ? [`${name} ${counts[name]}`] : [])).join(', ');
}

function listed(first: string | undefined, second: string | undefined, separator = '; '): string {
  return [first, second].filter((words) => words !== undefined).join(separator);
}

function command(report: Report, verb: string, name: string): string {
  const file = report.config === 'plumbline.yaml' ? '' : ` -c ${shellWord(report.config)}`;
  return `plumbline ${verb} ${shellWord(name)}${file}`;
}
