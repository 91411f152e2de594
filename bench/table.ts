// The results as text: for a terminal, and as the Markdown of RESULTS.md. It only formats.

import { commonNotes } from './notes.ts';
import type { Machine, PartResults, Results } from './results.ts';
import { isMet, type Timing } from './series.ts';

interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

type Layout = (table: Table) => string;

export function terminalText(results: Results): string {
  const { parts, ratios, memory, timings } = tablesOf(results);
  const tables = [parts, ratios, memory, timings].filter(({ rows }) => rows.length > 0).map(aligned);
  const machines = machinesOf(results).map(({ words, lines }) => [words, ...lines].join('\n'));
  return `${[...tables, ...machines, notesOf(results).join('\n'), summary(results)].join('\n\n')}\n`;
}

export function markdownText(results: Results): string {
  const { parts, ratios, memory, timings } = tablesOf(results);
  return `${[
    '# Results of the benchmark',
    'Written by `npm run bench -- --write`; no figure is written by hand. A part that is measured anew takes the place of what it was; its own rounds are all of one run.',
    piped(parts),
    piped(ratios),
    summary(results),
    '## Times',
    piped(timings),
    ...(memory.rows.length === 0 ? [] : ['## Memory', piped(memory)]),
    '## Machine',
    ...machinesOf(results).flatMap(({ words, lines }) => [`${words}:`, bullets(lines)]),
    '## How it was measured',
    bullets(notesOf(results)),
  ].join('\n\n')}\n`;
}

function tablesOf(results: Results): Readonly<Record<'parts' | 'ratios' | 'memory' | 'timings', Table>> {
  const all = Object.values(results.parts);
  const marked = (value: number, goal: string | undefined) =>
    goal === undefined ? ['', ''] : [goal.replace('<=', '≤').replace('>=', '≥'), isMet(value, goal) ? '✔' : '✖'];
  return {
    parts: {
      head: ['part', 'rows', 'rounds after one warm-up', 'measured on'],
      rows: Object.entries(results.parts).map(([part, { rows, runs, date }]) => [
        part,
        rows.toLocaleString('en'),
        String(runs),
        date,
      ]),
    },
    ratios: {
      head: ['ratio', '', 'goal', ''],
      rows: all.flatMap(({ ratios }) =>
        ratios.map(({ name, ratio, goal }) => [name, significant(ratio), ...marked(ratio, goal)]),
      ),
    },
    memory: {
      head: ['peak memory above that of the drain, of the warm-up', 'MB', 'goal', ''],
      rows: all.flatMap(({ memory }) =>
        memory.map(({ name, megabytes, goal }) => [name, megabytes.toFixed(0), ...marked(megabytes, goal)]),
      ),
    },
    timings: {
      head: [
        '',
        'rows',
        'median',
        'min–max',
        'rounds',
        'peak memory',
        'cores busy',
        'of them for us',
        'main thread busy',
      ],
      rows: all.flatMap(({ timings, machine }) => timings.map((timing) => timingCells(timing, machine))),
    },
  };
}

function timingCells(timing: Timing, { cores }: Machine): readonly string[] {
  const { name, rows, median, min, max, runs, megabytes, machineBusy, own, mainThreadBusy } = timing;
  return [
    name,
    rows.toLocaleString('en'),
    `${significant(median)} s`,
    `${significant(min)}–${significant(max)} s`,
    String(runs),
    megabytes === undefined ? '' : `${megabytes.toFixed(0)} MB`,
    machineBusy === undefined ? '' : `${(machineBusy * cores).toFixed(2)} of ${cores}`,
    own === undefined ? '' : (own / median).toFixed(2),
    mainThreadBusy === undefined ? '' : `${(100 * mainThreadBusy).toFixed(0)} %`,
  ];
}

function summary({ parts }: Results): string {
  const all = Object.values(parts).flatMap(({ ratios, memory }) => [
    ...ratios.flatMap(({ name, ratio, goal }) => (goal === undefined ? [] : [{ name, value: ratio, goal }])),
    ...memory.map(({ name, megabytes, goal }) => ({ name: `memory of ${name}`, value: megabytes, goal })),
  ]);
  const missed = all.filter(({ value, goal }) => !isMet(value, goal));
  const answers = 'Every check reported exactly what was planted.';
  if (all.length === 0) return answers;
  return missed.length === 0
    ? `${answers} All ${all.length} goals are met.`
    : `${answers} ${missed.length} of ${all.length} goals are missed: ${missed.map(({ name }) => name).join('; ')}.`;
}

/** Parts that were measured on one machine stand together, with the servers of all of them. */
function machinesOf({ parts }: Results): readonly { readonly words: string; readonly lines: readonly string[] }[] {
  const groups = new Map<string, (readonly [part: string, results: PartResults])[]>();
  for (const [part, results] of Object.entries(parts)) {
    const name = JSON.stringify([results.date, results.machine]);
    groups.set(name, [...(groups.get(name) ?? []), [part, results]]);
  }
  return [...groups.values()].map((group) => {
    const [[, { date, machine }]] = group as [(typeof group)[number]];
    const { cpu, cores, memory, system, node } = machine;
    const servers = new Set(group.flatMap(([, results]) => results.servers));
    return {
      words: `${group.map(([part]) => part).join(', ')} on ${date}`,
      lines: [`${cpu}, ${cores} cores, ${memory} GiB, ${system}`, `Node ${node}`, ...servers],
    };
  });
}

function notesOf(results: Results): readonly string[] {
  return [...new Set([...commonNotes(results), ...Object.values(results.parts).flatMap(({ notes }) => notes)])];
}

const aligned: Layout = ({ head, rows }) => {
  const lines = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...lines.map((cells) => cells[i]!.length)));
  const text = lines.map((cells) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  return text.join('\n');
};

const piped: Layout = ({ head, rows }) => {
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
};

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
