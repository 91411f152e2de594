// What an undo did, for people and for programs: the answer, each replica, what was left alone and why.

import type { UndoneReplica, UndoReport } from '../src/undo/undo-report.ts';
import type { Answer } from './answer.ts';
import { inColumns } from './columns.ts';
import { jsonText } from './json.ts';
import { atRight, NARROWEST, oneLine, shortenMiddle, wrap } from './text.ts';
import { type Colours, coloursOf, markPaint } from './theme.ts';
import type { Mark } from './verdict.ts';
import { duration, keyWords, number, plural } from './words.ts';

const SHOWN = 5;

export function undoAnswer(report: UndoReport): Answer {
  return {
    render: {
      table: (width, colour) => undoTable(report, width, colour),
      json: () => [`${jsonText(report, 2)}\n`],
    },
    mark: markOf(report),
    sentence: sentenceOf(report),
    exitCode: report.exitCode,
  };
}

export function* undoTable(report: UndoReport, columns: number, colour: boolean): Iterable<string> {
  const width = Math.max(NARROWEST, columns);
  const colours = coloursOf(colour);
  const mark = markOf(report);
  for (const line of wrap(`${mark} ${sentenceOf(report)}`, width))
    yield `${colours.bold(markPaint(colours, mark)(line))}\n`;
  yield `${colours.dim(`  undo of ${oneLine(report.undone)} · run ${oneLine(report.run)} · ${duration(report.seconds)}`)}\n\n`;
  const rows = report.replicas.map((replica) => [
    { text: shortenMiddle(oneLine(replica.name), 40) },
    { text: partsOf(replica, report.applied).join(', ') },
  ]);
  for (const line of inColumns(rows, '  ')) yield `${line}\n`;
  for (const { where, message, hint } of report.problems) {
    for (const line of [
      ...wrap(oneLine(message.startsWith(`${where}: `) ? message : `${where}: ${message}`), width - 4),
      ...wrap(oneLine(hint ?? ''), width - 4),
    ])
      if (line !== '') yield `    ${line}\n`;
  }
  for (const replica of report.replicas) yield* leftLines(replica, report, width, colours);
  const next = nextOf(report);
  yield `\n${atRight(next, `exit ${report.exitCode}`, width)}\n`;
}

function* leftLines(replica: UndoneReplica, report: UndoReport, width: number, colours: Colours): Iterable<string> {
  const { left, outcomes } = replica;
  if (left.length === 0) return;
  yield `\n${colours.bold(oneLine(replica.name))}: left alone\n`;
  for (const { key, outcome, why } of left.slice(0, SHOWN)) {
    const [first, ...more] = wrap(`${shortenMiddle(keyWords(key), 48)}: ${oneLine(why)}`, width - 11);
    yield `  ${outcome.padEnd(7)}  ${first}\n`;
    for (const line of more) yield `           ${line}\n`;
  }
  const rest = outcomes.moved + outcomes.refused - Math.min(SHOWN, left.length);
  if (rest > 0)
    yield `  … ${number(rest)} more${report.folder === null ? '' : ` in ${oneLine(report.folder)}/left.ndjson`}\n`;
}

function partsOf({ outcomes, anew = 0 }: UndoneReplica, applied: boolean): string[] {
  const parts: readonly (readonly [number, string])[] = [
    [outcomes.restored, applied ? 'put back' : 'to put back'],
    [outcomes.unchanged, 'as it was already'],
    [anew, 'left: cached results are made anew'],
    [outcomes.moved, 'changed since, left alone'],
    [outcomes.refused, 'not possible'],
  ];
  const some = parts.filter(([count]) => count > 0).map(([count, words]) => `${number(count)} ${words}`);
  return some.length > 0 ? some : ['nothing'];
}

function sentenceOf(report: UndoReport): string {
  const total = (name: 'restored' | 'moved' | 'refused') =>
    report.replicas.reduce((sum, { outcomes }) => sum + outcomes[name], 0);
  const [restored, left] = [total('restored'), total('moved') + total('refused')];
  const done = report.applied ? `${plural(restored, 'record')} put back` : `${plural(restored, 'record')} to put back`;
  const words = [
    done,
    ...(left > 0 ? [`${number(left)} left alone`] : []),
    ...(report.problems.length > 0 ? ['not done to the end'] : []),
  ];
  return `${words.join(', ')}.`;
}

function markOf({ exitCode }: UndoReport): Mark {
  return exitCode === 0 ? '✔' : exitCode === 1 ? '!' : '✖';
}

function nextOf(report: UndoReport): string {
  if (report.problems.length > 0) return `Again: plumbline undo ${report.undone}${report.applied ? ' --apply' : ''}`;
  if (!report.applied) return `Put it back: plumbline undo ${report.undone} --apply`;
  return `Take it back: plumbline undo ${report.run}`;
}
