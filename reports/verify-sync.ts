// One record in every store: a line for each place, then both sides of the fields that differ.

import { driftOf, type Finding, type ReplicaReport, type Report, type Subject } from '../src/report/report.ts';
import { type Cell, inColumns } from './columns.ts';
import { findingParts } from './finding-text.ts';
import { closingLines, coverageLines, healedLines } from './sections.ts';
import { displayWidth, flow, oneLine, padEnd, shortenMiddle, wrap } from './text.ts';
import { type Colours, markPaint } from './theme.ts';
import { troublesOf } from './troubles.ts';
import { type Mark, standingOf } from './verdict.ts';
import { keyWords, listed, moment, number, plural, valuePair, valueText, withoutNoughts } from './words.ts';

export function* verifySync(report: Report, width: number, colours: Colours): Iterable<readonly string[]> {
  const subject = report.subject ?? firstSubject(report);
  yield headerLines(report, subject, width, colours);
  yield placeLines(report, subject, width, colours);
  for (const finding of report.replicas.flatMap((replica) => replica.findings)) {
    if (finding.fields.length > 0) yield sidesLines(finding, subject, width, colours);
  }
  yield [...healedLines(report, width), ...coverageLines(report, width)];
  yield closingLines(report, width, colours);
}

/** Who made the report without saying what was asked for has at least the entity. */
function firstSubject(report: Report): Subject | undefined {
  const finding = report.replicas.flatMap((replica) => replica.findings)[0];
  if (finding) return { entity: finding.entity, key: finding.key, exists: finding.class === 'orphan' ? false : null };
  const entity = report.replicas[0]?.entity;
  return entity === undefined ? undefined : { entity, key: {}, exists: null };
}

function headerLines(report: Report, subject: Subject | undefined, width: number, colours: Colours): string[] {
  const facts = [subject ? recordName(subject.entity, subject.key, width) : 'verify-sync'];
  if (subject?.version) facts.push(`version ${shortenMiddle(valueText(withoutNoughts(subject.version)), 32)}`);
  if (report.asOf !== null) facts.push(`as of ${moment(report.asOf).slice(-12)}`);
  const [first, ...rest] = flow(
    facts.map((fact) => [fact]),
    width,
    ' · ',
  );
  return [colours.bold(first!), ...rest];
}

function recordName(entity: string, key: Finding['key'], width: number): string {
  return shortenMiddle(`${oneLine(entity)} ${keyWords(key)}`.trim(), Math.floor(width * 0.75));
}

interface Place {
  readonly mark: Mark;
  readonly name: string;
  /** Sentences, each on a line of its own. */
  readonly says: readonly string[];
}

function placeLines(report: Report, subject: Subject | undefined, width: number, colours: Colours): string[] {
  const places: Place[] = [];
  if (subject && subject.exists !== null) places.push(sourcePlace(subject));
  for (const { where, text, hint, replicas } of troublesOf(report)) {
    if (replicas.length === 0) places.push({ mark: '?', name: where, says: [text, ...(hint ? [hint] : [])] });
  }
  for (const store of new Set(report.replicas.map((replica) => replica.store))) {
    places.push(
      ...storePlaces(
        report.replicas.filter((replica) => replica.store === store),
        subject,
      ),
    );
  }
  const names = places.map((place) => shortenMiddle(place.name, Math.floor(width * 0.4)));
  const nameWidth = Math.max(0, ...names.map(displayWidth));
  return places.flatMap((place, at) => {
    const lines = place.says.flatMap((text) => wrap(oneLine(text), width - nameWidth - 6));
    return lines.map((text, line) => {
      const mark = line === 0 ? markPaint(colours, place.mark)(place.mark) : ' ';
      return `  ${mark} ${padEnd(line === 0 ? names[at]! : '', nameWidth)}  ${text}`;
    });
  });
}

function sourcePlace(subject: Subject): Place {
  const says = subject.exists ? 'exists' : 'does not exist: no copy should either';
  return { mark: '✔', name: 'source', says: [says] };
}

/** A store where all is well is one line, however many replicas it holds. */
function storePlaces(replicas: readonly ReplicaReport[], subject: Subject | undefined): Place[] {
  const well = replicas.every((replica) => standingOf(replica).mark === '✔');
  if (well && replicas.length > 1) {
    const targets = replicas.map((replica) => replica.name.slice(replica.store.length + 1));
    const says = `${wellWords(subject)} in ${replicas.length} of ${replicas.length}: ${listed(targets)}`;
    return [{ mark: '✔', name: oneLine(replicas[0]!.store), says: [says] }];
  }
  return replicas.map((replica) => ({
    mark: standingOf(replica).mark,
    name: oneLine(replica.name),
    says: replicaSays(replica, subject),
  }));
}

function wellWords(subject: Subject | undefined): string {
  return subject?.exists === false ? 'absent as well' : 'equal';
}

function replicaSays(replica: ReplicaReport, subject: Subject | undefined): string[] {
  const says = replica.findings.map((finding) => {
    const whose = isSubject(finding, subject) ? '' : `${recordName(finding.entity, finding.key, 60)} is `;
    return `${whose}${findingSays(finding)}`;
  });
  const more = driftOf(replica.counts) + replica.counts.unread - replica.findings.length;
  if (more > 0) says.push(`… ${number(more)} more`);
  if (replica.error)
    says.push(`unproven: ${replica.error.message}`, ...(replica.error.hint ? [replica.error.hint] : []));
  for (const field of replica.coverage.skipped) says.push(`unproven: ${field} was skipped`);
  if (says.length === 0) says.push(replica.status === 'proven' ? wellWords(subject) : 'unproven');
  return says;
}

/** The fields by name only: their values stand side by side below. */
function findingSays(finding: Finding): string {
  const names = finding.fields.map((field) => shortenMiddle(field.name, 32));
  const shown = names.length > 4 ? [...names.slice(0, 3), plural(names.length - 3, 'more field')] : names;
  const words = findingParts({ ...finding, fields: [] }, 80).map((pieces) => pieces.join(' '));
  if (shown.length > 0) words.push(`${listed(shown)} ${names.length === 1 ? 'differs' : 'differ'}`);
  return words.length > 0 ? `${finding.class}: ${words.join(', ')}` : finding.class;
}

function isSubject(finding: Finding, subject: Subject | undefined): boolean {
  return finding.entity === subject?.entity && JSON.stringify(finding.key) === JSON.stringify(subject.key);
}

function sidesLines(finding: Finding, subject: Subject | undefined, width: number, colours: Colours): string[] {
  const names = finding.fields.map((field) => {
    const name = oneLine(field.name);
    return shortenMiddle(
      field.target === field.name ? name : `${name} (${oneLine(field.target)})`,
      Math.floor(width / 3),
    );
  });
  const room = Math.floor((width - 2 - Math.max(5, ...names.map(displayWidth)) - 4) / 2);
  const rows = finding.fields.map((field, at): Cell[] => {
    if (field.sensitive) return [{ text: names[at]! }, { text: 'differs (sensitive)' }, { text: '' }];
    const [replica, source] = valuePair(field.replica ?? null, field.source ?? null, room);
    return [{ text: names[at]! }, { text: replica }, { text: source, paint: colours.green }];
  });
  const head: Cell[] = ['field', 'replica', 'source'].map((text) => ({ text, paint: colours.dim }));
  const whose = isSubject(finding, subject) ? '' : ` · ${recordName(finding.entity, finding.key, width / 2)}`;
  const title = shortenMiddle(oneLine(finding.replica), width - displayWidth(whose));
  return [colours.bold(title) + whose, ...inColumns([head, ...rows], '  ').map((line) => line.trimEnd())];
}
