// One finding in words: what differs, replica's value → what it should be. A sensitive field is named, never shown.

import type { FieldDifference, Finding, Report } from '../src/report/report.ts';
import { displayWidth, oneLine, shortenMiddle } from './text.ts';
import { keyWords, number, plural, valuePair } from './words.ts';

/** Fields named per finding before the rest is only counted. */
const MAX_FIELDS = 6;
/** Never less: a timestamp with its microseconds. */
const TIMESTAMP = 27;

/** Parts to be set between commas; each is given in pieces where a line may end inside it. */
export function findingParts(finding: Finding, width: number): string[][] {
  const parts: string[][] = [];
  if (finding.class === 'missing') parts.push(['not in the replica']);
  if (finding.class === 'orphan') parts.push(['not in the source']);
  if (finding.class === 'duplicate') {
    parts.push([finding.copies ? `${number(finding.copies)} records stand for this key` : 'more than one record']);
  }
  if (finding.class === 'ahead') parts.push(['newer in the replica']);
  if (finding.class === 'unread') parts.push(oneLine(finding.reason ?? 'could not be compared').split(' '));
  for (const field of finding.fields.slice(0, MAX_FIELDS)) parts.push(fieldPieces(field, width));
  if (finding.known !== undefined) {
    parts.push(finding.known === 'for good' ? ['known'] : ['known until', finding.known]);
  }
  const more = finding.fields.length - MAX_FIELDS;
  if (more > 0) parts.push([`… ${plural(more, 'more field')}`]);
  if (versionIsNews(finding)) {
    const difference = { name: 'version', target: '', source: finding.sourceVersion, replica: finding.replicaVersion };
    parts.push(fieldPieces(difference, width));
  }
  return parts;
}

/** `id 41: total_reviews 17 → 18`, for formats without columns. */
export function findingLine(finding: Finding): string {
  const parts = findingParts(finding, 120).map((pieces) => pieces.join(' '));
  return `${finding.class} ${shortenMiddle(keyWords(finding.key), 60)}: ${parts.join(', ')}`;
}

function fieldPieces(field: FieldDifference, width: number): string[] {
  const name = shortenMiddle(oneLine(field.name), 32);
  if (field.sensitive) return [name, 'differs', '(sensitive)'];
  const pair = (max: number) => valuePair(field.replica ?? null, field.source ?? null, max);
  const beside = Math.max(Math.floor((width - displayWidth(name) - 4) / 2), TIMESTAMP);
  let [replica, source] = pair(beside);
  // What does not fit side by side may as well have a line for each.
  if (replica.includes('…') || source.includes('…')) {
    [replica, source] = pair(Math.min(60, width - 2, Math.max(width - displayWidth(name) - 3, TIMESTAMP)));
  }
  return [name, replica, `→ ${source}`];
}

function versionIsNews(finding: Finding): boolean {
  const { sourceVersion, replicaVersion } = finding;
  if ((finding.class !== 'stale' && finding.class !== 'ahead') || !sourceVersion || !replicaVersion) return false;
  return !finding.fields.some((field) => field.source === sourceVersion && field.replica === replicaVersion);
}

/** What the engine promises, made sure of: no renderer passes on the values of a sensitive field. */
export function withoutSensitive(finding: Finding): Finding {
  if (!finding.fields.some((field) => field.sensitive)) return finding;
  const fields = finding.fields.map((field) =>
    field.sensitive ? { name: field.name, target: field.target, sensitive: field.sensitive } : field,
  );
  return { ...finding, fields };
}

export function reportWithoutSensitive(report: Report): Report {
  const replicas = report.replicas.map((replica) => ({ ...replica, findings: replica.findings.map(withoutSensitive) }));
  return { ...report, replicas };
}
