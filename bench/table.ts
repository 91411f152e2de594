// The results as text: for a terminal, and as the Markdown of RESULTS.md. It only formats.

import type { Machine, Results } from './results.ts';
import { isMet, type Timing } from './series.ts';

interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

type Layout = (table: Table) => string;

export function terminalText(results: Results): string {
  const tables = Object.values(tablesOf(results)).filter(({ rows }) => rows.length > 0);
  const parts = [title(results), ...tables.map(aligned), machineLines(results.machine).join('\n')];
  return `${[...parts, results.notes.join('\n'), summary(results)].join('\n\n')}\n`;
}

export function markdownText(results: Results, date: string): string {
  const { ratios, memory, timings } = tablesOf(results);
  return `${[
    '# Results of the benchmark',
    `Written by \`npm run bench -- --write\` on ${date}; no figure is written by hand. ${title(results)}.`,
    piped(ratios),
    summary(results),
    '## Times',
    piped(timings),
    ...(memory.rows.length === 0 ? [] : ['## Memory', piped(memory)]),
    '## Machine',
    bullets(machineLines(results.machine)),
    '## How it was measured',
    bullets(results.notes),
  ].join('\n\n')}\n`;
}

/** `Georiesgo incidents: 1,000,000 in mongodb and postgres, 200,000 in neo4j; 5 runs after one warm-up` */
function title({ rowsByKind, runs }: Results): string {
  const kinds = Object.entries(rowsByKind);
  const sizes = [...new Set(kinds.map(([, rows]) => rows))].sort((a, b) => b - a);
  const list = sizes.map((size) => {
    const names = kinds.flatMap(([kind, rows]) => (rows === size ? [kind] : []));
    return `${size.toLocaleString('en')} in ${names.join(' and ')}`;
  });
  const incidents = list.length === 0 ? '' : `Georiesgo incidents: ${list.join(', ')}; `;
  return `${incidents}${runs} runs after one warm-up`;
}

function tablesOf({ ratios, memory, timings }: Results): Readonly<Record<'ratios' | 'memory' | 'timings', Table>> {
  const marked = (value: number, goal: string | undefined) =>
    goal === undefined ? ['', ''] : [goal.replace('<=', '≤').replace('>=', '≥'), isMet(value, goal) ? '✔' : '✖'];
  return {
    ratios: {
      head: ['ratio', '', 'goal', ''],
      rows: ratios.map(({ name, ratio, goal }) => [name, significant(ratio), ...marked(ratio, goal)]),
    },
    memory: {
      head: ['peak memory above that of the drain, of the warm-up', 'MB', 'goal', ''],
      rows: memory.map(({ name, megabytes, goal }) => [name, megabytes.toFixed(0), ...marked(megabytes, goal)]),
    },
    timings: { head: ['', 'rows', 'median', 'min–max', 'runs', 'peak memory'], rows: timings.map(timingCells) },
  };
}

function timingCells({ name, rows, median, min, max, runs, megabytes }: Timing): readonly string[] {
  const range = `${significant(min)}–${significant(max)} s`;
  return [
    name,
    rows.toLocaleString('en'),
    `${significant(median)} s`,
    range,
    String(runs),
    megabytes === undefined ? '' : `${megabytes.toFixed(0)} MB`,
  ];
}

function summary({ ratios, memory }: Results): string {
  const all = ratios.flatMap(({ name, ratio, goal }) => (goal === undefined ? [] : [{ name, value: ratio, goal }]));
  for (const { name, megabytes, goal } of memory) all.push({ name: `memory of ${name}`, value: megabytes, goal });
  const missed = all.filter(({ value, goal }) => !isMet(value, goal));
  const answers = 'Every check reported exactly what was planted.';
  if (all.length === 0) return answers;
  return missed.length === 0
    ? `${answers} All ${all.length} goals are met.`
    : `${answers} ${missed.length} of ${all.length} goals are missed: ${missed.map(({ name }) => name).join('; ')}.`;
}

function machineLines(machine: Machine): readonly string[] {
  const { cpu, cores, memory, system, node, servers, reladiff } = machine;
  const peer = reladiff === null ? [] : [`reladiff ${reladiff.replace(/^v/, '')}`];
  return [`${cpu}, ${cores} cores, ${memory} GiB, ${system}`, `Node ${node}`, ...servers, ...peer];
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
