// What health found: whether all is well on the first line, each probe with its readings and what to do, and the count last.

import type { HealthReport, ProbeReport } from '../src/health/health-report.ts';
import { type Reading, STATUSES, type Status } from '../src/health/probe.ts';
import type { Answer } from './answer.ts';
import { jsonText } from './json.ts';
import { markdownText } from './markdown.ts';
import { prometheus } from './prometheus.ts';
import { atRight, displayWidth, flow, NARROWEST, oneLine, padEnd, padStart, shortenMiddle, wrap } from './text.ts';
import { type Colours, coloursOf, markPaint } from './theme.ts';
import type { Mark } from './verdict.ts';
import { duration, listed, moment, number, plural } from './words.ts';

export const STATUS_MARKS: Readonly<Record<Status, Mark>> = { ok: '✔', warning: '!', failed: '✖', unknown: '?' };
const LONGEST_NAME = 24;
/** Of a probe that looks at many things only so many that are fine are named. */
const FINE_SHOWN = 8;

export function healthAnswer(report: HealthReport): Answer {
  return {
    render: {
      table: (width, colour) => healthTable(report, width, colour),
      json: () => [`${jsonText(report, 2)}\n`],
      markdown: () => healthMarkdown(report),
      prometheus: () => prometheus({ health: report }),
    },
    mark: markOf(report),
    sentence: sentenceOf(report),
    exitCode: report.exitCode,
  };
}

/** `ages`: by probe, how long it has been in its state; a column of its own. */
export function* healthTable(
  report: HealthReport,
  columns: number,
  colour: boolean,
  ages?: ReadonlyMap<string, string>,
): Iterable<string> {
  const width = Math.max(NARROWEST, columns);
  const colours = coloursOf(colour);
  const mark = markOf(report);
  for (const line of wrap(`${mark} ${sentenceOf(report)}`, width))
    yield `${colours.bold(markPaint(colours, mark)(line))}\n`;
  const facts = factsOf(report).map((fact) => fact.split(' '));
  for (const line of flow(facts, width - 2, ' · ')) yield `${colours.dim(`  ${line}`)}\n`;
  yield '\n';
  const nameWidth = Math.max(0, ...report.probes.map(({ name }) => displayWidth(shownName(name))));
  const ageWidth = Math.max(0, ...[...(ages?.values() ?? [])].map(displayWidth));
  const start = 4 + nameWidth + 2 + (ages === undefined ? 0 : ageWidth + 2);
  for (const probe of report.probes) {
    const age = ages === undefined ? '' : colours.dim(`${padStart(ages.get(probe.name) ?? '', ageWidth)}  `);
    const head = `${padEnd(shownName(probe.name), nameWidth)}  ${age}`;
    yield* probeLines(probe, head, start, width, colours);
  }
  for (const note of report.notes ?? []) {
    for (const [at, line] of wrap(oneLine(note), width - 2).entries()) yield `${at === 0 ? '\n' : ''}  ${line}\n`;
  }
  const counts = countsOf(report);
  yield `\n${atRight(counts, `exit ${report.exitCode}`, width)}\n`;
}

function* probeLines(
  probe: ProbeReport,
  head: string,
  start: number,
  width: number,
  colours: Colours,
): Iterable<string> {
  const blank = ' '.repeat(start);
  const { shown, more } = worstFirst(probe.readings);
  for (const [at, reading] of shown.entries()) {
    const mark = STATUS_MARKS[reading.status];
    const texts = [readingText(reading), ...(reading.hint === undefined ? [] : [oneLine(reading.hint)])];
    const [first, ...rest] = texts.flatMap((text) => wrap(text, width - start));
    yield `  ${markPaint(colours, mark)(mark)} ${at === 0 ? head : blank.slice(4)}${first}\n`;
    for (const line of rest) yield `${blank}${line}\n`;
  }
  if (more > 0) yield `${blank}… ${number(more)} more, all fine\n`;
}

/** `physical_slot_2: inactive for 3 h`. */
export function readingText({ subject, message }: Reading): string {
  return oneLine(subject === undefined ? message : `${subject}: ${message}`);
}

/** What a probe comes to in one line: its worst reading. */
export function worstReading({ readings }: ProbeReport): Reading {
  return worstFirst(readings).shown[0]!;
}

function worstFirst(readings: readonly Reading[]): { readonly shown: readonly Reading[]; readonly more: number } {
  const rank = ({ status }: Reading) => STATUSES.indexOf(status);
  const sorted = readings.toSorted((a, b) => rank(b) - rank(a));
  const troubles = sorted.filter(({ status }) => status !== 'ok').length;
  const shown = sorted.slice(0, troubles + FINE_SHOWN);
  return { shown, more: sorted.length - shown.length };
}

function namesOf(report: HealthReport, status: Status): string[] {
  return report.probes.filter((probe) => probe.status === status).map(({ name }) => name);
}

function markOf(report: HealthReport): Mark {
  const worst = (['failed', 'unknown', 'warning'] as const).find((status) => namesOf(report, status).length > 0);
  return STATUS_MARKS[worst ?? 'ok'];
}

/** The answer to "is all well?". */
function sentenceOf(report: HealthReport): string {
  const all = report.probes.length;
  const [failing, unknown, warning] = [
    namesOf(report, 'failed'),
    namesOf(report, 'unknown'),
    namesOf(report, 'warning'),
  ];
  const parts = [
    ...(failing.length > 0
      ? [`${failing.length} of ${plural(all, 'probe')} ${failing.length === 1 ? 'fails' : 'fail'} (${few(failing)})`]
      : []),
    ...(unknown.length > 0 ? [`${unknown.length} unknown (${few(unknown)})`] : []),
  ];
  if (parts.length > 0) return `Not healthy: ${parts.join(', ')}.`;
  if (warning.length > 0) {
    const warnings = `${plural(warning.length, 'warning')} (${few(warning)})`;
    return report.exitCode === 0 ? `Healthy, with ${warnings}.` : `Not healthy: ${warnings}, and --strict allows none.`;
  }
  return `Healthy: ${all === 1 ? 'its one probe is' : `all ${number(all)} probes are`} fine.`;
}

function few(names: readonly string[]): string {
  const more = names.length > 3 ? [`${number(names.length - 3)} more`] : [];
  return listed([...names.slice(0, 3).map(shownName), ...more]);
}

function shownName(name: string): string {
  return shortenMiddle(oneLine(name), LONGEST_NAME);
}

function factsOf({ config, startedAt, probes, seconds }: HealthReport): string[] {
  return [oneLine(config), moment(startedAt), `${plural(probes.length, 'probe')} in ${duration(seconds)}`];
}

/** `2 failing, 1 warning, 1 unknown, 9 fine.` */
function countsOf(report: HealthReport): string {
  const count = (status: Status) => namesOf(report, status).length;
  const parts = [
    `${number(count('failed'))} failing`,
    plural(count('warning'), 'warning'),
    `${number(count('unknown'))} unknown`,
    `${number(count('ok'))} fine`,
  ];
  return `${parts.filter((part) => !part.startsWith('0 ')).join(', ')}.`;
}

function* healthMarkdown(report: HealthReport): Iterable<string> {
  yield `### ${markOf(report)} Plumbline health: ${markdownText(sentenceOf(report))}\n`;
  yield `\n${markdownText(factsOf(report).join(' · '))} · **exit ${report.exitCode}**\n`;
  yield '\n| probe | state | what |\n| :-- | :-- | :-- |\n';
  for (const { name, readings } of report.probes) {
    const { shown, more } = worstFirst(readings);
    for (const [at, reading] of shown.entries()) {
      const what = [readingText(reading), ...(reading.hint === undefined ? [] : [reading.hint])].map(markdownText);
      const rest = at === shown.length - 1 && more > 0 ? [`… ${number(more)} more, all fine`] : [];
      const state = `${STATUS_MARKS[reading.status]} ${reading.status}`;
      yield `| ${at === 0 ? markdownText(name) : ''} | ${state} | ${[...what, ...rest].join('<br>')} |\n`;
    }
  }
  for (const note of report.notes ?? []) yield `\n${markdownText(note)}\n`;
}
