// Drift over time, for people and for programs: a line a run, then a line a replica with a small chart.

import type { History, HistoryRun, ReplicaTrend } from '../src/report/history.ts';
import type { Answer } from './answer.ts';
import { type Cell, inColumns } from './columns.ts';
import { jsonText } from './json.ts';
import { NARROWEST, oneLine, shortenMiddle } from './text.ts';
import { type Colours, coloursOf, markPaint } from './theme.ts';
import type { Mark } from './verdict.ts';
import { duration, moment, number, plural } from './words.ts';

/** Runs that a chart shows. */
const CHARTED = 30;
const BARS = '▁▂▃▄▅▆▇█';
/** The letters of an id that tell it from others. */
const END_OF_ID = 4;

export function historyAnswer(history: History): Answer {
  return {
    render: {
      table: (width, colour) => historyTable(history, width, colour),
      json: () => [`${jsonText(history, 2)}\n`],
    },
    mark: markOf(history.runs.at(-1)),
    sentence: sentenceOf(history),
    exitCode: 0,
  };
}

export function* historyTable(history: History, columns: number, colour: boolean): Iterable<string> {
  const width = Math.max(NARROWEST, columns);
  const colours = coloursOf(colour);
  const mark = markOf(history.runs.at(-1));
  yield `${colours.bold(markPaint(colours, mark)(`${mark} ${sentenceOf(history)}`))}\n`;
  yield `${colours.dim(`  ${shortenMiddle(oneLine(history.config), width - 2)}`)}\n`;
  if (history.runs.length === 0) return;
  yield '\n';
  for (const line of inColumns(runRows(history.runs, colours), '  ')) yield `${line}\n`;
  const trends = inColumns(trendRows(history.replicas, width), '  ');
  if (trends.length > 0) yield `\n${colours.bold('Drifted records by run, the newest at the right')}\n`;
  for (const line of trends) yield `${line}\n`;
  yield `\nOne of them: plumbline report ${endOf(history.runs.at(-1)!.run)}\n`;
}

function runRows(runs: readonly HistoryRun[], colours: Colours): Cell[][] {
  const heads: readonly (readonly [string, boolean])[] = [
    ['began', false],
    ['run', false],
    ['command', false],
    ['came to', false],
    ['found', true],
    ['repaired', true],
    ['left', true],
    ['time', true],
  ];
  return [
    heads.map(([text, right]) => ({ text, right, paint: colours.dim })),
    ...runs.map((run): Cell[] => {
      const mark = markOf(run);
      const counted = run.undone === undefined && run.unproven < Math.max(1, run.replicas);
      const count = (value: number): Cell => ({ text: counted ? number(value) : '–', right: true });
      return [
        { text: moment(run.startedAt).slice(0, 16) },
        { text: endOf(run.run) },
        { text: run.command },
        { text: `${mark} ${wordsOf(run)}`, paint: markPaint(colours, mark) },
        count(run.found),
        count(run.repaired),
        count(run.remaining),
        { text: duration(run.seconds), right: true },
      ];
    }),
  ];
}

function wordsOf({ verdict, undone, unproven, found, remaining, replicas }: HistoryRun): string {
  if (undone !== undefined) return `${number(undone.restored)} put back of ${endOf(undone.run)}`;
  if (verdict === 'incomplete' && unproven > 0) return `${unproven} of ${replicas} unproven`;
  if (verdict === 'in sync' && found > 0) return remaining === 0 ? 'repaired' : 'drift, allowed';
  return verdict!;
}

function trendRows(replicas: readonly ReplicaTrend[], width: number): Cell[][] {
  return replicas.map(({ name, runs }) => {
    const shown = runs.slice(-CHARTED);
    const most = Math.max(...shown.map(({ found }) => found));
    const drifted = shown.filter(({ found }) => found > 0).length;
    const unproven = shown.filter(({ proven }) => !proven).length;
    const facts = [
      drifted === 0
        ? 'never drifted'
        : `drifted in ${number(drifted)} of ${number(shown.length)}, ${number(most)} at most`,
      ...(unproven > 0 ? [`${number(unproven)} unproven`] : []),
    ];
    return [
      { text: shortenMiddle(oneLine(name), Math.floor(width / 3)) },
      { text: shown.map(({ proven, found }) => (proven ? barOf(found, most) : '?')).join('') },
      { text: facts.join('; ') },
    ];
  });
}

/** A dot for none; the height of the others grows with the logarithm, so that a handful is seen beside a flood. */
function barOf(found: number, most: number): string {
  if (found === 0) return '·';
  const share = Math.log1p(found) / Math.log1p(most);
  return BARS[Math.min(BARS.length - 1, Math.floor(share * BARS.length))]!;
}

function sentenceOf({ runs }: History): string {
  const last = runs.at(-1);
  if (last === undefined) return 'No run is kept of these replicas.';
  const drifted = runs.filter(({ found }) => found > 0).length;
  const words = drifted === 0 ? 'none found drift' : `${number(drifted)} found drift`;
  return `${plural(runs.length, 'run')}, ${words}; the last one: ${wordsOf(last)}.`;
}

function markOf(run: HistoryRun | undefined): Mark {
  if (run === undefined) return '?';
  return ({ 0: '✔', 1: '✖', 3: '?' } as const)[run.exitCode as 0 | 1 | 3] ?? '!';
}

function endOf(run: string): string {
  return oneLine(run).slice(-END_OF_ID);
}
