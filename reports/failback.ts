// What a failback found and did, for people and for programs: the tables, rows that a person has to decide, sequences, checks, what to do next.

import type { DecisionLine, SideDifference } from '../src/failback/decision.ts';
import type { FailbackReport, Planned, TableReport } from '../src/failback/report.ts';
import { SIDES, type Side } from '../src/failback/sides.ts';
import type { Answer } from './answer.ts';
import { type Cell, inColumns } from './columns.ts';
import { jsonText } from './json.ts';
import { markdownText } from './markdown.ts';
import { displayWidth, NARROWEST, oneLine, shortenMiddle, wrap } from './text.ts';
import { type Colours, coloursOf, markPaint } from './theme.ts';
import type { Mark } from './verdict.ts';
import { duration, keyWords, listed, moment, number, plural, valuePair } from './words.ts';

const SHOWN = 5;
const FIELDS = 4;
const LONGEST_NAME = 32;
const SHORTEST_NAME = 8;

export function failbackAnswer(report: FailbackReport): Answer {
  return {
    render: {
      table: (width, colour) => failbackTable(report, width, colour),
      json: () => [`${jsonText(report, 2)}\n`],
      markdown: () => failbackMarkdown(report),
    },
    mark: markOf(report),
    sentence: sentenceOf(report),
    exitCode: report.exitCode,
  };
}

export function* failbackTable(report: FailbackReport, columns: number, colour: boolean): Iterable<string> {
  const width = Math.max(NARROWEST, columns);
  const colours = coloursOf(colour);
  const mark = markOf(report);
  for (const line of wrap(`${mark} ${sentenceOf(report)}`, width))
    yield `${colours.bold(markPaint(colours, mark)(line))}\n`;
  for (const line of wrap(factsOf(report).join(' · '), width - 2)) yield `${colours.dim(`  ${line}`)}\n`;
  const differing = report.tables.filter(isDifferent);
  if (report.tables.length > 0) {
    yield '\n';
    if (differing.length > 0) for (const line of tableLines(differing, report, width)) yield `${line}\n`;
    const same = report.tables.filter((table) => !isDifferent(table)).map(({ name }) => oneLine(name));
    if (same.length > 0) for (const line of wrap(`Equal: ${listed(same)}.`, width - 2)) yield `  ${line}\n`;
  }
  for (const table of differing) yield* rowLines(table, report, width, colours);
  const rest = [...sequenceLines(report), ...checkLines(report), ...report.notes.map((note) => `Note: ${note}.`)];
  if (rest.length > 0) yield '\n';
  for (const text of rest) for (const line of wrap(oneLine(text), width - 2)) yield `  ${line}\n`;
  for (const { where, message, hint } of report.problems) {
    yield '\n';
    for (const text of message.split('\n'))
      for (const line of wrap(oneLine(placed(where, text)), width - 2)) yield `  ${line}\n`;
    for (const line of wrap(oneLine(hint ?? ''), width - 4)) if (line !== '') yield `    ${line}\n`;
  }
  const next = nextOf(report);
  yield '\n';
  for (const line of next.slice(0, -1)) yield `${line}\n`;
  const last = next.at(-1) ?? '';
  const exit = `exit ${report.exitCode}`;
  const blanks = width - displayWidth(last);
  if (blanks >= exit.length + 2) yield `${last}${exit.padStart(blanks)}\n`;
  else yield `${last}\n${exit.padStart(width)}\n`;
}

function* failbackMarkdown(report: FailbackReport): Iterable<string> {
  yield `### ${markOf(report)} Plumbline failback: ${markdownText(sentenceOf(report))}\n`;
  yield `\n${markdownText(factsOf(report).join(' · '))} · **exit ${report.exitCode}**\n`;
  const line = (cells: readonly Cell[]) => `| ${cells.map(({ text }) => markdownText(text)).join(' | ')} |\n`;
  const head = headCells(report);
  if (report.tables.length > 0) {
    yield `\n${line(head)}|${head.map((cell) => (cell.right ? ' --: |' : ' :-- |')).join('')}\n`;
    for (const table of report.tables) yield line(cellsOf(table, report));
  }
  for (const table of report.tables.filter(isDifferent)) {
    yield `\n`;
    for (const row of table.shown.slice(0, SHOWN))
      yield `- ${markdownText(`${table.name} ${keyWords(row.key)}: ${takeWords(row)}; ${whyOf(row, 200)}`)}\n`;
  }
  const rest = [...sequenceLines(report), ...checkLines(report), ...report.notes.map((note) => `Note: ${note}.`)];
  const problems = report.problems.map(({ where, message, hint }) =>
    [placed(where, message), hint].filter(Boolean).join(' '),
  );
  if (rest.length + problems.length > 0) yield '\n';
  for (const text of [...rest, ...problems]) yield `- ${markdownText(text)}\n`;
}

function placed(where: string, message: string): string {
  return where === 'limits' || message.startsWith(`${where}: `) ? message : `${where}: ${message}`;
}

function factsOf(report: FailbackReport): string[] {
  const { servers, parted, margin, policy, run, seconds } = report;
  const at =
    parted.at === null
      ? 'when they parted is not known'
      : `parted ${moment(parted.at)}${margin > 0 ? `, margin ${duration(margin / 1000)}` : ''}`;
  return [
    ...(servers === null
      ? []
      : [...SIDES.map((side) => `${side} ${servers[side].product} ${servers[side].database}`), at]),
    `policy ${policy}`,
    `run ${run}`,
    `took ${duration(seconds)}`,
  ].map(oneLine);
}

function isDifferent({ onlyHere, onlyThere, conflicts, rows }: TableReport): boolean {
  return rows === null || onlyHere + onlyThere + conflicts > 0;
}

/** Names are shortened as far as the rest of a line wants it. */
function tableLines(tables: readonly TableReport[], report: FailbackReport, width: number): string[] {
  const lines = (most: number) =>
    inColumns([headCells(report), ...tables.map((table) => cellsOf(table, report, most))], '  ').map((line) =>
      line.trimEnd(),
    );
  const longest = (all: readonly string[]) => Math.max(...all.map(displayWidth));
  const whole = lines(LONGEST_NAME);
  if (longest(whole) <= width) return whole;
  const names = Math.max(...tables.map(({ name }) => Math.min(displayWidth(name), LONGEST_NAME)));
  return lines(Math.max(SHORTEST_NAME, names - (longest(whole) - width)));
}

function headCells({ both }: FailbackReport): Cell[] {
  const names = ['equal', 'only here', 'only there', 'conflict', 'open'];
  return [
    { text: 'table' },
    ...names.map((text) => ({ text, right: true })),
    ...writtenSides(both).map((side) => ({ text: `+~- ${side}` })),
  ];
}

function writtenSides(both: boolean): readonly Side[] {
  return both ? SIDES : ['here'];
}

function cellsOf(table: TableReport, { applied, both }: FailbackReport, most = LONGEST_NAME): Cell[] {
  const { name, equal, onlyHere, onlyThere, conflicts, open, planned } = table;
  return [
    { text: shortenMiddle(oneLine(name), most) },
    ...[equal, onlyHere, onlyThere, conflicts, open].map((count) => ({
      text: count === null ? '?' : number(count),
      right: true,
    })),
    ...writtenSides(both).map((side) => ({
      text: applied ? outcomeWords(table, side) : plannedWords(planned[side]),
    })),
  ];
}

function plannedWords({ insert, update, delete: deletes }: Planned): string {
  const parts = [
    [insert, '+'],
    [update, '~'],
    [deletes, '-'],
  ] as const;
  return parts.flatMap(([count, sign]) => (count > 0 ? [`${sign}${number(count)}`] : [])).join(' ') || 'nothing';
}

function outcomeWords({ outcomes, unexplained, planned }: TableReport, side: Side): string {
  const { written = 0, moved = 0, refused = 0, unchanged = 0 } = outcomes?.[side] ?? {};
  const parts = [
    ...(written > 0 ? [plannedWords(planned[side])] : []),
    ...(unchanged > 0 ? [`${number(unchanged)} already`] : []),
    ...(moved > 0 ? [`${number(moved)} moved`] : []),
    ...(refused > 0 ? [`${number(refused)} taken back`] : []),
    ...((unexplained ?? 0) > 0 ? [`${number(unexplained!)} still differ`] : []),
  ];
  return parts.join(', ') || 'nothing';
}

function* rowLines(table: TableReport, report: FailbackReport, width: number, colours: Colours): Iterable<string> {
  const { shown, onlyHere, onlyThere, conflicts, evidence } = table;
  if (shown.length === 0) return;
  yield `\n${colours.bold(oneLine(table.name))}${colours.dim(`  told by ${oneLine(evidence)}`)}\n`;
  for (const row of shown.slice(0, SHOWN)) {
    const start = `  ${takeWords(row).padEnd(10)}  `;
    const key = shortenMiddle(keyWords(row.key), 36);
    const [first, ...more] = wrap(`${key}: ${whyOf(row, width - 20)}`, width - start.length);
    const paint = row.take === null ? colours.yellow : (text: string) => text;
    yield `${paint(start)}${first}\n`;
    for (const line of more) yield `${' '.repeat(start.length)}${line}\n`;
  }
  const rest = onlyHere + onlyThere + conflicts - Math.min(SHOWN, shown.length);
  if (rest > 0) yield `  … ${number(rest)} more in runs/${oneLine(report.run)}/rows.ndjson\n`;
}

function takeWords({ take }: DecisionLine): string {
  return take === null ? 'open' : `take ${take}`;
}

function whyOf({ state, fields, why }: DecisionLine, width: number): string {
  const shown = fields.slice(0, FIELDS).map((field) => fieldWords(field, width));
  const more = fields.length > FIELDS ? [`… ${plural(fields.length - FIELDS, 'more column')}`] : [];
  return oneLine([state === 'conflict' ? [...shown, ...more].join(', ') : state, why].join('; '));
}

function fieldWords({ name, here, there, sensitive }: SideDifference, width: number): string {
  if (sensitive) return `${name} differs (sensitive)`;
  const [mine, theirs] = valuePair(here ?? null, there ?? null, Math.max(16, Math.floor(width / 3)));
  return `${name} ${mine} | ${theirs}`;
}

function sequenceLines({ sequences, applied, both }: FailbackReport): string[] {
  return writtenSides(both).flatMap((side) => {
    if (sequences[side].length === 0) return [];
    const words = sequences[side].map(({ name, from, to }) => `${name} ${from ?? 'unused'} → ${to}`);
    return [`Sequences ${applied ? 'moved' : 'to move'} ${side}: ${words.join(', ')}.`];
  });
}

function checkLines({ checks, takenBack }: FailbackReport): string[] {
  const wrong = checks.wrong.map(
    ({ side, kind, table, name, wrong: count, example }) =>
      `${side}: ${plural(count, 'row')} of ${table} would break ${kind} ${name}${example === undefined ? '' : `, such as ${example}`}.`,
  );
  const back = takenBack.map(
    ({ side, tables, errors }) => `${side}: ${listed(tables)} taken back: ${errors.slice(0, 5).join('; ')}.`,
  );
  const made =
    checks.made > 0
      ? [
          `${plural(checks.made, 'constraint and count', 'constraints and counts')} checked before the commit, ${wrong.length === 0 ? 'all hold' : `${wrong.length} did not hold`}.`,
        ]
      : [];
  return [...back, ...wrong, ...made];
}

function sentenceOf({ verdict, applied, tables, both }: FailbackReport): string {
  const sum = (of: (table: TableReport) => number) => tables.reduce((total, table) => total + of(table), 0);
  const planned = sum(({ planned: { here, there } }) => count(here) + (both ? count(there) : 0));
  const written = sum(({ outcomes = {} }) =>
    Object.values(outcomes).reduce((total, one) => total + one.written + one.unchanged, 0),
  );
  const open = sum((table) => table.open);
  const left = sum(
    ({ outcomes = {}, unexplained = 0 }) =>
      unexplained + Object.values(outcomes).reduce((total, { moved, refused }) => total + moved + refused, 0),
  );
  if (verdict === 'refused') return 'Refused before the first write.';
  if (verdict === 'incomplete')
    return applied ? 'Not merged to the end.' : 'Not compared to the end, so nothing was written.';
  const words = [
    applied
      ? `${plural(written, 'row')} merged`
      : planned === 0
        ? 'nothing to merge'
        : `${plural(planned, 'row')} to merge`,
    ...(open > 0 ? [`${number(open)} for a person to decide`] : []),
    ...(left > 0 ? [`${number(left)} not as decided`] : []),
  ];
  const text = `${words.join(', ')}.`;
  const end = applied && verdict === 'merged' ? (both ? ' Both sides are equal.' : ' Here holds everything.') : '';
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${end}`;
}

function count({ insert, update, delete: deletes }: Planned): number {
  return insert + update + deletes;
}

function markOf({ verdict }: FailbackReport): Mark {
  return { merged: '✔', 'to merge': '!', open: '!', incomplete: '✖', refused: '✖' }[verdict] as Mark;
}

function nextOf(report: FailbackReport): string[] {
  const { verdict, applied, both, run, tables } = report;
  const flags = both ? ' --both' : '';
  if (verdict === 'refused') return ['Nothing was written.'];
  if (verdict === 'incomplete')
    return [applied ? `Go on: plumbline failback --resume --run ${run}` : 'Nothing was written.'];
  const open = tables.some((table) => table.open > 0);
  const decide = open ? [`Decide: plumbline failback${flags} --write-plan plan.ndjson`] : [];
  if (!applied) return verdict === 'to merge' || open ? [...decide, `Merge: plumbline failback${flags} --apply`] : [''];
  return [...decide, `Take it back: plumbline undo ${run}`];
}
