// One record in every store: a line for each place, then both sides of the fields that differ.

import {
  driftOf,
  type FieldDifference,
  type Finding,
  type RecordSides,
  type ReplicaReport,
  type Report,
  type Subject,
} from '../src/report/report.ts';
import { type Cell, inColumns } from './columns.ts';
import { findingParts } from './finding-text.ts';
import { closingLines, coverageLines, healedLines, repairLines } from './sections.ts';
import { displayWidth, flow, oneLine, padEnd, shortenMiddle, wrap } from './text.ts';
import { type Colours, markPaint } from './theme.ts';
import { troublesOf } from './troubles.ts';
import { type Mark, standingOf } from './verdict.ts';
import { keyWords, listed, moment, number, plural, valuePair, valueText, withoutNoughts } from './words.ts';

export function* verifySync(report: Report, width: number, colours: Colours): Iterable<readonly string[]> {
  const subject = report.subject ?? firstSubject(report);
  yield headerLines(report, subject, width, colours);
  yield placeLines(report, subject, width, colours);
  for (const replica of report.replicas) {
    if (replica.records?.some((record) => record.fields)) {
      for (const record of replica.records) yield recordLines(replica, record, subject, width, colours);
      continue;
    }
    for (const finding of replica.findings) {
      if (finding.fields.length > 0 && !replica.cache) yield sidesLines(finding, subject, width, colours);
    }
  }
  yield repairLines(report, width, colours);
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
  const own = replicas.filter((replica) => replica.entity === subject?.entity);
  const well = own.every((replica) => standingOf(replica).mark === '✔');
  const places: Place[] = [];
  if (well && own.length > 1) {
    const targets = own.map((replica) => replica.name.slice(replica.store.length + 1));
    const says = `${wellWords(subject)} in ${own.length} of ${own.length}: ${listed(targets)}`;
    places.push({ mark: '✔', name: oneLine(own[0]!.store), says: [says] });
  }
  const single = replicas.filter((replica) => places.length === 0 || !own.includes(replica));
  const rest = single.map((replica) => ({
    mark: standingOf(replica).mark,
    name: oneLine(replica.name),
    says: replicaSays(replica, subject),
  }));
  return [...places, ...rest];
}

function wellWords(subject: Subject | undefined): string {
  return subject?.exists === false ? 'absent as well' : 'equal';
}

function replicaSays(replica: ReplicaReport, subject: Subject | undefined): string[] {
  const says = replica.findings.map((finding) => {
    const whose = isSubject(finding, subject) ? '' : `${recordName(finding.entity, finding.key, 60)} is `;
    return `${whose}${replica.cache && finding.class === 'stale' ? cacheSays(finding) : findingSays(finding)}`;
  });
  const more = driftOf(replica.counts) + replica.counts.unread - replica.findings.length;
  if (more > 0) says.push(`… ${number(more)} more`);
  if (replica.error)
    says.push(`unproven: ${replica.error.message}`, ...(replica.error.hint ? [replica.error.hint] : []));
  for (const field of replica.coverage.skipped) says.push(`unproven: ${field} was skipped`);
  if (says.length === 0) says.push(replica.status === 'proven' ? wellSays(replica, subject) : 'unproven');
  return says;
}

/** Of a record that the subject touches, which one it is. */
function wellSays(replica: ReplicaReport, subject: Subject | undefined): string {
  if (replica.entity === subject?.entity || replica.records === undefined) return wellWords(subject);
  if (replica.records.length === 0) return `nothing of ${oneLine(replica.entity)} depends on it`;
  const names = listed(replica.records.map((record) => recordName(replica.entity, record.key, 60)));
  return replica.cache ? `${names}: nothing that is cached is older than the last change` : `${names}: equal`;
}

function cacheSays({ sourceVersion, replicaVersion }: Finding): string {
  const time = (version: string | null | undefined) =>
    version ? moment(String(withoutNoughts(version))) : 'at an unknown time';
  return `stale: cached ${time(replicaVersion)}, changed ${time(sourceVersion)}`;
}

/** The fields by name only: their values stand side by side below. */
function findingSays(finding: Finding): string {
  const names = finding.fields.map((field) => shortenMiddle(field.name, 32));
  const shown = names.length > 4 ? [...names.slice(0, 3), plural(names.length - 3, 'more field')] : names;
  const words = findingParts({ ...finding, fields: [] }, 80).map((pieces) => pieces.join(' '));
  if (shown.length > 0) words.push(`${listed(shown)} ${names.length === 1 ? 'differs' : 'differ'}`);
  return words.length > 0 ? `${finding.class}: ${words.join(', ')}` : finding.class;
}

function isSubject(finding: Pick<Finding, 'entity' | 'key'>, subject: Subject | undefined): boolean {
  return finding.entity === subject?.entity && JSON.stringify(finding.key) === JSON.stringify(subject.key);
}

function sidesLines(finding: Finding, subject: Subject | undefined, width: number, colours: Colours): string[] {
  return fieldsLines(
    finding,
    finding.fields.map((field) => ({ ...field, equal: false })),
    subject,
    width,
    colours,
  );
}

/** Every mapped field of one record. */
function recordLines(
  replica: ReplicaReport,
  { key, fields = [] }: RecordSides,
  subject: Subject | undefined,
  width: number,
  colours: Colours,
): string[] {
  const whose = { replica: replica.name, entity: replica.entity, key };
  return fields.length === 0 ? [] : fieldsLines(whose, fields, subject, width, colours);
}

function fieldsLines(
  record: Pick<Finding, 'replica' | 'entity' | 'key'>,
  fields: readonly (FieldDifference & { readonly equal: boolean })[],
  subject: Subject | undefined,
  width: number,
  colours: Colours,
): string[] {
  const names = fields.map((field) => {
    const name = oneLine(field.name);
    return shortenMiddle(
      field.target === field.name ? name : `${name} (${oneLine(field.target)})`,
      Math.floor(width / 3),
    );
  });
  const indent = fields.some((field) => field.equal) ? '  ' : '';
  const room = Math.floor((width - 2 - indent.length - Math.max(5, ...names.map(displayWidth)) - 4) / 2);
  const rows = fields.map((field, at): Cell[] => {
    const mark = indent === '' ? '' : field.equal ? indent : '≠ ';
    const name = { text: `${mark}${names[at]!}` };
    if (field.sensitive) return [name, { text: `${field.equal ? 'equal' : 'differs'} (sensitive)` }, { text: '' }];
    const [replica, source] = sideWords(field, room);
    return [name, { text: replica }, { text: source, paint: field.equal ? undefined : colours.green }];
  });
  const head: Cell[] = [`${indent}field`, 'replica', 'source'].map((text) => ({ text, paint: colours.dim }));
  const whose = isSubject(record, subject) ? '' : ` · ${recordName(record.entity, record.key, width / 2)}`;
  const title = shortenMiddle(oneLine(record.replica), width - displayWidth(whose));
  return [colours.bold(title) + whose, ...inColumns([head, ...rows], '  ').map((line) => line.trimEnd())];
}

/** A side that has no such record has no value, which is not the same as a null. */
function sideWords(field: FieldDifference, room: number): readonly [string, string] {
  const [replica, source] = valuePair(field.replica ?? null, field.source ?? null, room);
  return [field.replica === undefined ? '–' : replica, field.source === undefined ? '–' : source];
}
