// The report as one HTML file for people who were not there: no script, nothing that is fetched, light or dark, printable.

import {
  FINDING_CLASSES,
  type FieldDifference,
  type Finding,
  type ReplicaReport,
  type Report,
  remainingDrift,
} from '../src/report/report.ts';
import { backlogParts, backlogTitle } from './backlog-text.ts';
import { coverageText } from './coverage.ts';
import { withoutSensitive } from './finding-text.ts';
import { STYLE } from './html-style.ts';
import { html, type Markup } from './markup.ts';
import type { RenderOptions } from './renderer.ts';
import { repairParts, repairReasons } from './repair-text.ts';
import { baselineLines, healedLines, toldText } from './sections.ts';
import { oneLine, shorten } from './text.ts';
import { troublesOf } from './troubles.ts';
import { type Mark, nextSteps, standingOf, verdictMark, verdictText } from './verdict.ts';
import { duration, keyWords, moment, number, plural, valueText, withoutNoughts } from './words.ts';

/** Findings of one replica that are shown: a browser has to hold them. All of them are in findings.ndjson. */
const SHOWN = 500;
/** Columns of a value, a line of a sentence: what is longer than a page helps nobody. */
const LONGEST_VALUE = 2000;
const ENDLESS = 1_000_000;
const TONES: Readonly<Record<Mark, string>> = { '✔': 'good', '✖': 'bad', '!': 'warning', '?': 'unknown' };

export async function* htmlReport(report: Report, io: RenderOptions): AsyncIterable<string> {
  const mark = verdictMark(report);
  const title = `${mark} ${verdictText(report)}`;
  yield '<!doctype html>\n';
  yield `<html lang="en">\n<head>\n<meta charset="utf-8"/>\n`;
  yield `<meta name="viewport" content="width=device-width, initial-scale=1"/>\n`;
  // Should an escape ever fail, the browser still runs and fetches nothing.
  yield `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>\n`;
  yield line(html`<title>${title} · ${report.command} ${report.run}</title>`);
  yield `<style>\n${STYLE}</style>\n</head>\n<body>\n<main>\n`;
  yield line(html`<header class="${TONES[mark]}"><h1>${title}.</h1>${factsOf(report)}</header>`);
  yield* problems(report);
  if (report.replicas.length > 0) yield* replicaTable(report);
  yield* findings(report, await byReplica(io.findings()));
  yield* records(report);
  yield* repairs(report);
  yield* details(report);
  const steps = nextSteps(report, ENDLESS);
  if (steps.length > 0) {
    yield '<section>\n<h2>What to do next</h2>\n';
    for (const { label, command } of steps) yield line(html`<p>${label}: <code>${command}</code></p>`);
    yield '</section>\n';
  }
  yield '</main>\n</body>\n</html>\n';
}

function line(markup: Markup): string {
  return `${markup.text}\n`;
}

function factsOf(report: Report): Markup {
  const { subject } = report;
  const facts = [
    ...(subject ? [`${subject.entity} ${keyWords(subject.key)}`] : []),
    `plumbline ${report.command}`,
    report.config,
    ...(report.asOf === null ? [] : [`as of ${moment(report.asOf)}`]),
    `began ${moment(report.startedAt)}`,
    `took ${duration(report.seconds)}`,
    `run ${report.run}`,
    `exit ${report.exitCode}`,
  ];
  return html`<p>${facts.join(' · ')}</p>`;
}

function* problems(report: Report): Iterable<string> {
  const troubles = troublesOf(report);
  if (troubles.length === 0) return;
  yield '<section>\n<h2>Problems</h2>\n<ul>\n';
  for (const { text, hint, replicas } of troubles) {
    const stopped = replicas.length > 0 ? html`<br/>Unproven: ${replicas.join(', ')}.` : undefined;
    yield line(html`<li>${text}${hint === undefined ? undefined : html`<br/>${hint}`}${stopped}</li>`);
  }
  yield '</ul>\n</section>\n';
}

function* replicaTable(report: Report): Iterable<string> {
  const classes = FINDING_CLASSES.filter((name) => report.replicas.some((replica) => replica.counts[name] > 0));
  const applied = report.replicas.some((replica) => replica.repair?.applied);
  const heads = ['in source', 'in replica', ...classes, ...(applied ? ['left'] : []), 'time'];
  yield '<section>\n<h2>Replicas</h2>\n<div class="wide"><table>\n';
  yield line(
    html`<tr><th>replica</th><th>state</th>${heads.map((head) => html`<th class="number">${head}</th>`)}</tr>`,
  );
  const rows = (count: number | null) => (count === null ? '–' : number(count));
  for (const replica of report.replicas) {
    const { mark, word } = standingOf(replica);
    const cells = [
      rows(replica.sourceRows),
      rows(replica.replicaRows),
      ...classes.map((name) => countOf(replica, name)),
      ...(applied ? [number(remainingDrift(replica))] : []),
      duration(replica.seconds),
    ];
    const state = html`<td class="${TONES[mark]}">${mark} ${word}</td>`;
    const name = html`<td title="${replica.strategy}: ${replica.why}">${replica.name}</td>`;
    yield line(html`<tr>${name}${state}${cells.map((cell) => html`<td class="number">${cell}</td>`)}</tr>`);
  }
  yield '</table></div>\n</section>\n';
}

/** A nought would be a promise that nobody made where it was not looked for. */
function countOf(replica: ReplicaReport, name: (typeof FINDING_CLASSES)[number]): string {
  const unseen = replica.error || replica.sourceRows === null || (name === 'orphan' && !replica.coverage.orphans);
  return replica.counts[name] === 0 && unseen ? '–' : number(replica.counts[name]);
}

/** Rows of HTML, not findings: the values of a row are cut, so that this many can be held. */
async function byReplica(all: AsyncIterable<Finding>): Promise<ReadonlyMap<string, readonly Markup[]>> {
  const rows = new Map<string, Markup[]>();
  for await (const finding of all) {
    const own = rows.get(finding.replica) ?? [];
    rows.set(finding.replica, own);
    if (own.length < SHOWN) own.push(findingRows(withoutSensitive(finding)));
  }
  return rows;
}

function* findings(report: Report, rows: ReadonlyMap<string, readonly Markup[]>): Iterable<string> {
  for (const { name, counts } of report.replicas) {
    const shown = rows.get(name) ?? [];
    const total = FINDING_CLASSES.reduce((all, one) => all + counts[one], 0);
    if (total === 0) continue;
    yield line(html`<section>\n<h2>${name}</h2>`);
    yield '<div class="wide"><table>\n<tr><th>finding</th><th>record</th><th>field</th><th>replica</th><th>source</th></tr>\n';
    for (const row of shown) yield line(row);
    yield '</table></div>\n';
    if (total > shown.length) {
      const where = report.folder === null ? '' : `, in ${report.folder}/findings.ndjson`;
      yield line(html`<p>… ${number(total - shown.length)} more${where}</p>`);
    }
    yield '</section>\n';
  }
}

/** A row for each field that differs, the record's name on the first. */
function findingRows(finding: Finding): Markup {
  const { fields } = finding;
  const known = finding.known === undefined ? undefined : html`<br/><small>known${until(finding.known)}</small>`;
  const span = Math.max(1, fields.length);
  const lead = html`<td rowspan="${span}"><span class="class">${finding.class}</span>${known}</td><td rowspan="${span}">${readable(keyWords(finding.key))}</td>`;
  if (fields.length === 0) return html`<tr>${lead}<td colspan="3">${remarkOn(finding)}</td></tr>`;
  return html`${fields.map((field, at) => html`<tr>${at === 0 ? lead : undefined}${sides(field)}</tr>`)}`;
}

function until(known: string): string {
  return known === 'for good' ? '' : ` until ${known}`;
}

function remarkOn({ class: name, copies, reason }: Finding): string {
  switch (name) {
    case 'missing':
      return 'not in the replica';
    case 'orphan':
      return 'not in the source';
    case 'duplicate':
      return copies === undefined ? 'more than one record' : `${plural(copies, 'record')} for this key`;
    case 'unread':
      return readable(reason ?? 'could not be compared');
    case 'stale':
      return 'older than in the source';
    case 'ahead':
      return 'newer in the replica';
    case 'mismatched':
      return 'differs';
  }
}

function sides({ name, target, source, replica, sensitive }: FieldDifference): Markup {
  const field = html`<td>${name === target ? name : `${name} → ${target}`}</td>`;
  if (sensitive) return html`${field}<td colspan="2">differs (sensitive)</td>`;
  const texts = [replica, source].map((value) => readable(valueText(withoutNoughts(value ?? null))));
  const [left, right] = marked(texts[0]!, texts[1]!);
  return html`${field}<td class="value">${left}</td><td class="value">${right}</td>`;
}

/** What differs stands out: all between the common start and the common end. */
function marked(left: string, right: string): readonly [Markup, Markup] {
  const [a, b] = [[...left], [...right]];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const parts = (text: readonly string[]) => {
    const middle = text.slice(start, text.length - end).join('');
    const mark = middle === '' ? undefined : html`<mark>${middle}</mark>`;
    return html`${text.slice(0, start).join('')}${mark}${text.slice(text.length - end).join('')}`;
  };
  return [parts(a), parts(b)];
}

function readable(text: string): string {
  return shorten(text, LONGEST_VALUE);
}

/** Both sides of all fields, where verify-sync was asked for them. */
function* records(report: Report): Iterable<string> {
  for (const replica of report.replicas) {
    for (const { key, fields } of replica.records ?? []) {
      if (fields === undefined) continue;
      yield line(html`<section>\n<h2>${replica.name}: ${readable(keyWords(key))}</h2>`);
      yield '<div class="wide"><table>\n<tr><th></th><th>field</th><th>replica</th><th>source</th></tr>\n';
      for (const field of fields) {
        const mark = field.equal ? '✔' : '✖';
        yield line(html`<tr><td class="${TONES[mark]}">${mark}</td>${sides(field)}</tr>`);
      }
      yield '</table></div>\n</section>\n';
    }
  }
}

function* repairs(report: Report): Iterable<string> {
  const replicas = report.replicas.filter((replica) => replica.repair);
  if (replicas.length === 0) return;
  const applied = replicas.some((replica) => replica.repair!.applied);
  yield line(html`<section>\n<h2>Repair${applied ? '' : ' (nothing was written)'}</h2>\n<ul>`);
  for (const { name, repair } of replicas) yield line(html`<li>${name}: ${repairParts(repair!).join(', ')}</li>`);
  for (const reason of repairReasons(replicas)) yield line(html`<li>${reason}</li>`);
  yield '</ul>\n</section>\n';
}

function* details(report: Report): Iterable<string> {
  const { backlog } = report;
  const { compared, notCompared } = coverageText(report);
  const told = toldText(report);
  const lines = [
    ...(backlog === undefined || backlog.read === 0 ? [] : [backlogTitle(backlog), ...backlogParts(backlog)]),
    ...healedLines(report, ENDLESS),
    ...baselineLines(report, ENDLESS),
    `Compared: ${compared.join('; ')}.`,
    ...(notCompared.length > 0 ? [`Not compared: ${notCompared.join('; ')}.`] : []),
    ...(told === undefined ? [] : [told]),
  ];
  yield '<section>\n<h2>What the verdict speaks of</h2>\n<ul>\n';
  for (const text of lines) yield line(html`<li>${oneLine(text)}</li>`);
  yield '</ul>\n</section>\n';
}
