// What the verdict speaks of and what it does not: the coverage of all replicas, said once where they agree.

import type { ReplicaReport, Report } from '../src/report/report.ts';
import { oneLine, shortenMiddle } from './text.ts';
import { duration, listed, plural } from './words.ts';

export interface CoverageText {
  readonly compared: readonly string[];
  readonly notCompared: readonly string[];
}

export function coverageText(report: Report): CoverageText {
  const reached = report.replicas.filter((replica) => replica.status === 'proven' || replica.sourceRows !== null);
  const compared = grouped(reached, (replica) => [comparedWords(replica), ...replica.coverage.notes.map(oneLine)]);
  const unreached = report.replicas.filter((replica) => !reached.includes(replica));
  const notCompared = [
    ...(unreached.length === 0 ? [] : [`${names(unreached)} (never read)`]),
    ...grouped(reached, (replica) => [
      ...skippedWords(replica, report),
      ...columns(replica.coverage.ignored, 'ignored on purpose'),
    ]),
  ];
  return { compared: compared.length > 0 ? compared : ['nothing'], notCompared };
}

function comparedWords(replica: ReplicaReport): string {
  const { rows, fields, skipped, maxLag } = replica.coverage;
  const which =
    skipped.length === 0 ? 'every mapped field' : `${fields.length} of ${fields.length + skipped.length} mapped fields`;
  const lag = maxLag > 0 ? `, a copy may trail by ${duration(maxLag / 1000)}` : '';
  const started = replica.status === 'unproven' && replica.error ? ', not to the end' : '';
  return `${oneLine(rows)}${started}, ${which}${lag}`;
}

function skippedWords(replica: ReplicaReport, report: Report): string[] {
  const words = columns(replica.coverage.skipped, 'skipped: no verdict');
  if (replica.counts.unread > 0) words.push(`${plural(replica.counts.unread, 'unread record')}`);
  // One record that was asked for by key: that other records could be orphans is not the question.
  if (!replica.coverage.orphans && report.command !== 'verify-sync' && report.backlog === undefined)
    words.push('orphans (not visible this way)');
  return words;
}

function columns(fields: readonly string[], why: string): string[] {
  return fields.length === 0 ? [] : [`${fields.map(oneLine).join(', ')} (${why})`];
}

/** What is said of the same replicas stands together; without their names where it holds for all. */
function grouped(replicas: readonly ReplicaReport[], phrases: (replica: ReplicaReport) => readonly string[]): string[] {
  const holders = new Map<string, ReplicaReport[]>();
  for (const replica of replicas) {
    for (const phrase of new Set(phrases(replica))) holders.set(phrase, [...(holders.get(phrase) ?? []), replica]);
  }
  const groups = new Map<string, string[]>();
  for (const [phrase, group] of holders) {
    const label = group.length === replicas.length ? '' : `${names(group)}: `;
    groups.set(label, [...(groups.get(label) ?? []), phrase]);
  }
  return [...groups].map(([label, together]) => label + together.join(', '));
}

function names(replicas: readonly ReplicaReport[]): string {
  const shown = replicas.slice(0, 3).map((replica) => shortenMiddle(oneLine(replica.name), 48));
  if (replicas.length > 3) shown.push(`${replicas.length - 3} more`);
  return listed(shown);
}
