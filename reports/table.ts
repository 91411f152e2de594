// The report for people: the answer first, then the evidence, and what to type next on the last line.

import {
  driftOf,
  FINDING_CLASSES,
  type FindingClass,
  type ReplicaReport,
  type Report,
  remainingDrift,
} from '../src/report/report.ts';
import { type Cell, columnWidths, inColumns } from './columns.ts';
import { findingsLines } from './findings.ts';
import type { RenderOptions } from './renderer.ts';
import {
  backlogLines,
  baselineLines,
  closingLines,
  coverageLines,
  factsLines,
  healedLines,
  problemLines,
  repairLines,
  toldLines,
} from './sections.ts';
import { displayWidth, NARROWEST, oneLine, shortenMiddle } from './text.ts';
import { type Colours, coloursOf, markPaint } from './theme.ts';
import { standingOf, totalsOf, verdictMark, verdictText } from './verdict.ts';
import { verifySync } from './verify-sync.ts';
import { duration, number } from './words.ts';

const SHORTEST_NAME = 12;
/** Columns are given up before names are cut to less. */
const READABLE_NAME = 24;

export function* table(report: Report, io: RenderOptions): Iterable<string> {
  const width = Math.max(NARROWEST, io.width);
  const colours = coloursOf(io.colour);
  const sections = report.command === 'verify-sync' ? verifySync : runSections;
  let first = true;
  for (const lines of sections(report, width, colours)) {
    if (lines.length === 0) continue;
    yield `${first ? '' : '\n'}${lines.join('\n')}\n`;
    first = false;
  }
}

/** Blocks of lines; an empty line goes between them. */
function* runSections(report: Report, width: number, colours: Colours): Iterable<readonly string[]> {
  const mark = verdictMark(report);
  yield [
    colours.bold(markPaint(colours, mark)(`${mark} ${verdictText(report)}.`)),
    ...factsLines(report, width, colours),
  ];
  yield problemLines(report, width, colours);
  if (report.replicas.length > 0) yield replicaTable(report, width, colours);
  for (const replica of report.replicas) {
    if (driftOf(replica.counts) + replica.counts.unread > 0) yield findingsLines(report, replica, width, colours);
  }
  yield repairLines(report, width, colours);
  yield backlogLines(report, width, colours);
  const compared =
    report.replicas.length > 0
      ? [...healedLines(report, width), ...baselineLines(report, width), ...coverageLines(report, width)]
      : [];
  yield [...compared, ...toldLines(report, width)];
  yield closingLines(report, width, colours);
}

interface Column {
  readonly head: string;
  cell(replica: ReplicaReport): Cell;
}

function replicaTable(report: Report, width: number, colours: Colours): string[] {
  const longest = Math.max(...report.replicas.map((replica) => displayWidth(oneLine(replica.name))));
  const full = numberColumns(report, colours, false);
  const brief = numberColumns(report, colours, true);
  const choices = [full, brief, brief.slice(0, -1)];
  const needed = Math.min(longest, READABLE_NAME);
  const columns = choices.find((choice) => roomForNames(report, choice, width) >= needed) ?? choices[2]!;
  const room = Math.max(SHORTEST_NAME, roomForNames(report, columns, width));
  const head = ['', '', ...columns.map((column) => column.head)];
  const rows = [
    head.map((text, at) => ({ text, right: at > 1, paint: colours.dim })),
    ...report.replicas.map((replica): Cell[] => {
      const { mark, word } = standingOf(replica);
      return [
        { text: shortenMiddle(oneLine(replica.name), room) },
        { text: word, paint: markPaint(colours, mark) },
        ...columns.map((column) => column.cell(replica)),
      ];
    }),
  ];
  return inColumns(rows, '').map((line, at) => {
    const { mark } = at === 0 ? { mark: undefined } : standingOf(report.replicas[at - 1]!);
    return `  ${mark ? markPaint(colours, mark)(mark) : ' '} ${line}`;
  });
}

/** What is left of a line for names: less the indent, mark, state and the blanks between. */
function roomForNames(report: Report, columns: readonly Column[], width: number): number {
  const cells = report.replicas.map((replica) => columns.map((column) => column.cell(replica)));
  const numbers = columnWidths([columns.map((column) => ({ text: column.head })), ...cells]);
  const states = report.replicas.map((replica) => standingOf(replica).word.length);
  return width - numbers.reduce((total, column) => total + column + 2, 0) - 6 - Math.max(...states);
}

/** Only classes that occur get a column, so that their numbers stand out; `brief` folds them into one. */
function numberColumns(report: Report, colours: Colours, brief: boolean): Column[] {
  const plain = (head: string, text: (replica: ReplicaReport) => string): Column => ({
    head,
    cell: (replica) => ({ text: text(replica), right: true }),
  });
  const counted = (head: string, count: (replica: ReplicaReport) => number, orphan = false): Column => ({
    head,
    cell: (replica) => {
      const found = count(replica);
      if (found > 0) return { text: number(found), right: true, paint: colours.bold };
      // A nought would be a promise that nobody made.
      const seen = replica.sourceRows !== null && !replica.error && !(orphan && !replica.coverage.orphans);
      return { text: seen ? '0' : '–', right: true, paint: colours.dim };
    },
  });
  const classes = FINDING_CLASSES.filter((name) => report.replicas.some((replica) => replica.counts[name] > 0));
  const ofClass = (name: FindingClass) => counted(name, (replica) => replica.counts[name], name === 'orphan');
  const drift = (head: string) => counted(head, (replica) => driftOf(replica.counts));
  const unread = classes.includes('unread') ? [ofClass('unread')] : [];
  let findings: readonly Column[] = classes.map(ofClass);
  if (brief || classes.length === 0) findings = [drift('drift'), ...unread];
  if (totalsOf(report).applied) findings = [drift('found'), counted('left', remainingDrift), ...unread];
  const rows = (count: number | null) => (count === null ? '–' : number(count));
  return [
    plain('in source', (replica) => rows(replica.sourceRows)),
    plain('in replica', (replica) => rows(replica.replicaRows)),
    ...findings,
    plain('time', (replica) => duration(replica.seconds)),
  ];
}
