// What a report comes to, in words: each replica's standing, the sentence on top, and what to type next.

import {
  driftOf,
  FINDING_CLASSES,
  type Finding,
  type FindingClass,
  type RepairReport,
  type ReplicaReport,
  type Report,
  remainingDrift,
} from '../src/report/report.ts';
import { isUnproven } from '../src/report/verdict.ts';
import { emptyBacklog } from './backlog-text.ts';
import { displayWidth } from './text.ts';
import { classCount, command, keyArgument, number, plural } from './words.ts';

export type Mark = '✔' | '✖' | '!' | '?';

export interface Standing {
  readonly mark: Mark;
  readonly word: 'in sync' | 'drift' | 'unproven' | 'repaired' | 'known';
}

export function standingOf(replica: ReplicaReport): Standing {
  if (remainingDrift(replica) > 0) return { mark: '✖', word: 'drift' };
  if (isUnproven(replica)) return { mark: '?', word: 'unproven' };
  if (driftOf(replica.counts) === 0) return { mark: '✔', word: 'in sync' };
  return { mark: '✔', word: (replica.known ?? 0) > 0 ? 'known' : 'repaired' };
}

/** `1 stale, 2 orphans`; empty when there is none. */
export function countsText(counts: ReplicaReport['counts'], separator = ', '): string {
  return FINDING_CLASSES.filter((name) => counts[name] > 0)
    .map((name) => classCount(name, counts[name]))
    .join(separator);
}

export function sum(report: Report, of: (replica: ReplicaReport) => number): number {
  return report.replicas.reduce((total, replica) => total + of(replica), 0);
}

interface Totals {
  readonly found: number;
  readonly drift: number;
  readonly drifted: readonly ReplicaReport[];
  readonly unproven: readonly ReplicaReport[];
  readonly applied: boolean;
}

export function totalsOf(report: Report): Totals {
  return {
    found: sum(report, (replica) => driftOf(replica.counts)),
    drift: sum(report, remainingDrift),
    drifted: report.replicas.filter((replica) => remainingDrift(replica) > 0),
    unproven: report.replicas.filter(isUnproven),
    applied: report.replicas.some((replica) => replica.repair?.applied),
  };
}

export function verdictMark(report: Report): Mark {
  if (report.exitCode === 4) return '!';
  if (totalsOf(report).drift > 0) return report.exitCode === 0 ? '!' : '✖';
  if (report.verdict === 'in sync') return report.exitCode === 0 ? '✔' : '!';
  return report.verdict === 'drift' ? '✖' : '?';
}

/** The answer to "is it true?", one sentence without its full stop. */
export function verdictText(report: Report): string {
  const { found, drift, drifted, unproven, applied } = totalsOf(report);
  const known = sum(report, (replica) => replica.known ?? 0);
  const all = report.replicas.length;
  const parts: string[] = [];
  if (report.exitCode === 4) parts.push(wasWritten(report) ? 'Refused' : 'Refused, nothing was written');
  if (report.exitCode === 5) parts.push('Another run holds the lock');
  if (drift > 0) {
    const where = all === 1 ? 'in 1 replica' : `in ${drifted.length} of ${all} replicas`;
    parts.push(
      applied && drift < found
        ? `${number(drift)} of ${plural(found, 'drifted record')} ${drift === 1 ? 'remains' : 'remain'}, ${where}`
        : `${plural(drift, known > 0 ? 'newly drifted record' : 'drifted record')} ${where}`,
    );
    if (report.exitCode === 0) parts.push('within what --max-drift allows');
  } else if (known > 0) {
    parts.push(`${plural(known, 'drifted record')}, all of them known`);
  } else if (applied && found > 0) {
    parts.push(`${plural(found, 'drifted record')} repaired and read back equal`);
  }
  if (all > 0 && unproven.every((replica) => replica.sourceRows === null) && unproven.length === all) {
    parts.push('nothing was compared');
  } else if (unproven.length > 0) {
    if (parts.length === 0) {
      const inSync = report.replicas.filter((replica) => standingOf(replica).mark === '✔').length;
      parts.push(`${inSync} of ${all} replicas in sync`);
    }
    parts.push(`${unproven.length} unproven`);
  }
  if (parts.length === 0 && report.backlog?.read === 0) parts.push(emptyBacklog(report.backlog));
  if (parts.length === 0) {
    if (report.verdict === 'in sync') parts.push(all === 1 ? 'In sync' : `In sync: ${all} of ${all} replicas`);
    else parts.push(all === 0 ? 'Nothing was compared' : 'Incomplete: see the problems');
  }
  if (report.alerts?.some(({ outcome }) => outcome === 'failed')) parts.push('an alert could not be sent');
  const text = parts.join('; ');
  return text[0]!.toUpperCase() + text.slice(1);
}

function wasWritten(report: Report): boolean {
  return report.replicas.some((replica) => (replica.repair?.outcomes.written ?? 0) > 0);
}

/** Columns before a command: the indent and the longest label with its colon and blank. */
const LABEL = '  Ask why: '.length;

export interface Step {
  readonly label: string;
  /** Complete, quoted for a shell. */
  readonly command: string;
}

/** What to type next, most useful last, at most two; only commands of at most `width` columns, for a cut command is a trap. */
export function nextSteps(report: Report, width: number): readonly Step[] {
  const step = (label: string, ...commands: readonly (string | undefined)[]): Step[] => {
    const found = commands.find((text) => text !== undefined && displayWidth(text) <= width - LABEL);
    return found === undefined ? [] : [{ label, command: found }];
  };
  const { drift, drifted, unproven, applied } = totalsOf(report);
  const look = (replicas: readonly ReplicaReport[], wanted: (finding: Finding) => boolean) =>
    report.command === 'verify-sync' ? [] : step('Look', ...lookCommands(report, replicas, wanted));
  const steps: Step[] = [];

  const stopped = [...report.problems, ...unproven.flatMap((replica) => replica.error ?? [])];
  const down = unproven.find((replica) => replica.error);
  if (stopped.some(({ message }) => message.startsWith('interrupted'))) {
    steps.push(...step('Go on', resumeCommand(report)));
  } else if (down) steps.push(...step('Ask why', command(report, 'doctor', [down.store])));
  else if (unproven.length > 0) steps.push(...look(unproven, (finding) => finding.class === 'unread'));
  else if (report.replicas.length === 0 && report.problems.length > 0 && report.exitCode === 3) {
    steps.push(...step('Ask why', command(report, 'doctor', [])));
  }
  if (report.exitCode === 0 && report.backlog !== undefined) steps.push(...step('Settle', settleCommand(report)));
  if (drift === 0 || report.exitCode === 5) return steps;

  const repairable = drifted.filter((replica) => fixable(replica) > 0);
  if (report.exitCode === 4 || applied || repairable.length === 0) {
    const left = leftFor(drifted, 'orphan');
    steps.push(...look(drifted, (finding) => finding.class !== 'unread' && isLeft(finding, drifted)));
    // Deleting is only suggested once nothing else is left to do.
    if (report.exitCode !== 4 && left.length === drifted.length) {
      steps.push(...step('Delete', repairCommand(report, left, ['--delete-orphans'])));
    }
    if (applied && report.exitCode !== 4 && drifted.some((replica) => replica.repair!.outcomes.moved > 0)) {
      steps.push(
        ...step(
          'Again',
          repairCommand(report, drifted),
          command(report, 'reconcile', [], [...choiceFlags(report), '--apply']),
        ),
      );
    }
    return steps.slice(0, 2);
  }
  if (steps.length === 0) steps.push(...look(repairable, (finding) => finding.class !== 'unread'));
  steps.push(
    ...step(
      'Repair',
      repairCommand(report, repairable),
      command(report, 'reconcile', [], [...choiceFlags(report), '--apply']),
    ),
  );
  return steps;
}

/** Undefined where nothing was kept to go on from. */
function resumeCommand(report: Report): string | undefined {
  const [replica] = report.replicas;
  if (report.folder === null || report.command === 'verify-sync') return undefined;
  if (report.command !== 'rebuild') return command(report, report.command, [], ['--resume']);
  return replica === undefined ? undefined : command(report, 'rebuild', [replica.name], ['--apply', '--resume']);
}

const NEVER_UNASKED: readonly FindingClass[] = ['ahead', 'orphan', 'duplicate'];

/** Drift that `reconcile --apply` would write without further words. */
function fixable(replica: ReplicaReport): number {
  const planned = replica.repair?.planned;
  if (planned) return planned.insert + planned.update + planned.delete;
  return driftOf(replica.counts) - NEVER_UNASKED.reduce((total, name) => total + replica.counts[name], 0);
}

/** The replicas in which nothing but one class is left. */
function leftFor(replicas: readonly ReplicaReport[], name: FindingClass): readonly ReplicaReport[] {
  return replicas.filter((replica) => {
    const left: RepairReport['left'] = replica.repair?.left ?? replica.counts;
    return (left[name] ?? 0) > 0 && left[name] === remainingDrift(replica);
  });
}

/** False for what a repair has put right by now, as far as its classes tell. */
function isLeft(finding: Finding, replicas: readonly ReplicaReport[]): boolean {
  const replica = replicas.find((one) => one.findings.includes(finding));
  if (!replica?.repair?.applied) return true;
  const { left } = replica.repair;
  const onPurpose = Object.values(left).reduce((total, count) => total + count, 0);
  return onPurpose < remainingDrift(replica) || (left[finding.class] ?? 0) > 0;
}

function lookCommands(report: Report, replicas: readonly ReplicaReport[], wanted: (finding: Finding) => boolean) {
  return replicas
    .flatMap((replica) => replica.findings)
    .filter(wanted)
    .map((finding) => command(report, 'verify-sync', [finding.entity, keyArgument(finding.key)]));
}

function repairCommand(report: Report, replicas: readonly ReplicaReport[], flags: readonly string[] = []) {
  const { subject } = report;
  if (report.command === 'verify-sync' && subject !== undefined)
    return command(report, 'verify-sync', [subject.entity, keyArgument(subject.key)], ['--fix', ...flags]);
  const one = replicas.length === 1 && (report.replicas.length > 1 || report.command === 'verify-sync');
  return command(report, 'reconcile', one ? [replicas[0]!.name] : [], [...choiceFlags(report), '--apply', ...flags]);
}

/** Jobs whose records are all equal have nothing left to do. Events are the relay's, until it has given them up. */
function settleCommand(report: Report): string | undefined {
  const { kind, read, settled } = report.backlog!;
  if (kind === 'outbox' || read === 0 || settled !== undefined) return undefined;
  return command(report, 'reconcile', [], [...choiceFlags(report), '--apply', '--settle', 'remove']);
}

/** What chose the records, to be typed again. */
function choiceFlags({ backlog }: Report): readonly string[] {
  if (backlog === undefined) return [];
  return backlog.kind === 'outbox' ? ['--from-outbox'] : ['--from-queue', backlog.name];
}
