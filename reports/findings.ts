// The first findings of one replica in three columns (class, key, what differs), and how many more there are.

import { driftOf, type Finding, type ReplicaReport, type Report } from '../src/report/report.ts';
import { findingParts } from './finding-text.ts';
import { displayWidth, flow, oneLine, padEnd, shortenMiddle, wrap } from './text.ts';
import { type Colours, classPaint } from './theme.ts';
import { countsText } from './verdict.ts';
import { keyWords, number } from './words.ts';

const SHOWN = 5;
const LINES_EACH = 6;

export function findingsLines(report: Report, replica: ReplicaReport, width: number, colours: Colours): string[] {
  const shown = replica.findings.slice(0, SHOWN);
  const dim = (text: string) => (text === '' ? '' : colours.dim(text));
  const arrow = shown.some((finding) => finding.fields.length > 0) ? ' (replica → source)' : '';
  const name = shortenMiddle(oneLine(replica.name), width - 24);
  const counts = `${replica.repair?.applied ? 'found ' : ''}${countsText(replica.counts)}`;
  const lines =
    displayWidth(name) + counts.length + arrow.length + 2 <= width
      ? [`${colours.bold(name)}: ${counts}${dim(arrow)}`]
      : [`${colours.bold(name)}:${dim(arrow)}`, ...wrap(counts, width - 2).map((line) => `  ${line}`)];
  lines.push(...findingRows(shown, width, colours));
  const more = driftOf(replica.counts) + replica.counts.unread - shown.length;
  if (more > 0) lines.push(...moreLines(report, more, width));
  return lines;
}

function findingRows(findings: readonly Finding[], width: number, colours: Colours): string[] {
  const keys = findings.map((finding) => shortenMiddle(keyWords(finding.key), Math.floor(width / 3)));
  const classWidth = Math.max(...findings.map((finding) => finding.class.length));
  const keyWidth = Math.max(...keys.map(displayWidth));
  const start = 2 + classWidth + 2 + keyWidth + 2;
  return findings.flatMap((finding, at) => {
    const separator = finding.class === 'unread' ? ' ' : ', ';
    const parts = findingParts(finding, width - start);
    const pieces = finding.class === 'unread' ? parts.flat().map((word) => [word]) : parts;
    const details = flow(pieces, width - start, separator);
    if (details.length > LINES_EACH) details.splice(LINES_EACH - 1, details.length, '…');
    const label = classPaint(colours, finding.class)(padEnd(finding.class, classWidth));
    const first = `  ${label}  ${padEnd(keys[at]!, keyWidth)}  ${details[0]}`;
    return [first, ...details.slice(1).map((text) => ' '.repeat(start) + text)];
  });
}

/** The path stands whole where it can, for it is there to be copied. */
function moreLines(report: Report, more: number, width: number): string[] {
  if (report.folder === null) return [`  … ${number(more)} more`];
  const path = oneLine(`${report.folder}/findings.ndjson`);
  const line = `  … ${number(more)} more in ${path}`;
  if (displayWidth(line) <= width) return [line];
  return [`  … ${number(more)} more in`, ...wrap(path, width - 4).map((part) => `    ${part}`)];
}
