// The flags of npm run bench and what follows from them.

import { parseArgs } from 'node:util';
import { DEFAULT_ROWS, GOAL_ROWS, STORE_KINDS, type StoreKind } from './copies.ts';
import { TOGETHER_ROWS } from './together.ts';
import { type Scales, scalesOf } from './window/measure-window.ts';

const MORE_PARTS = ['together', 'threads', 'window'] as const;
export type Part = StoreKind | (typeof MORE_PARTS)[number];
/** In the order in which they are measured and shown. */
export const PARTS: readonly Part[] = [...STORE_KINDS, ...MORE_PARTS];

const SLOW = STORE_KINDS.filter((kind) => DEFAULT_ROWS[kind] < GOAL_ROWS)
  .map((kind) => `${kind} ${DEFAULT_ROWS[kind]}`)
  .join(', ');

export const USAGE = `npm run bench -- [options]
  --rows N       incidents in the source and in each full replica, and reservations in the larger reservas, at least 1000
                 (default ${GOAL_ROWS}; ${SLOW}; four together ${TOGETHER_ROWS}, which N only lowers)
  --runs K       rounds after the warm-up (default 5)
  --only A,B     measure only these: ${PARTS.join(', ')}
  --json         print the results as JSON and nothing else
  --write        keep the results of these parts in bench/results.json, and write bench/RESULTS.md from all that is kept`;

export interface Options {
  readonly parts: ReadonlySet<Part>;
  /** The parts that are one kind of store. */
  readonly kinds: readonly StoreKind[];
  readonly rowsOf: (kind: StoreKind) => number;
  readonly togetherRows: number;
  readonly threadsRows: number;
  readonly scales: Scales;
  readonly runs: number;
  readonly json: boolean;
  readonly write: boolean;
}

export class UsageError extends Error {}

/** Throws a UsageError, or what `parseArgs` throws. */
export function readFlags(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string' },
      runs: { type: 'string', default: '5' },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const { only, json, write } = values;
  const parts = new Set(only === undefined ? PARTS : only.split(',').map(partOf));
  const rows = values.rows === undefined ? undefined : wholeNumber('rows', values.rows, 1000);
  return {
    parts,
    kinds: STORE_KINDS.filter((kind) => parts.has(kind)),
    rowsOf: (kind) => rows ?? DEFAULT_ROWS[kind],
    togetherRows: Math.min(rows ?? TOGETHER_ROWS, TOGETHER_ROWS),
    threadsRows: rows ?? GOAL_ROWS,
    scales: scalesOf(rows ?? GOAL_ROWS),
    runs: wholeNumber('runs', values.runs, 1),
    json,
    write,
  };
}

export function isUsage(error: unknown): error is Error {
  return error instanceof UsageError || String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
}

function partOf(text: string): Part {
  const part = PARTS.find((each) => each === text.trim());
  if (part === undefined) throw new UsageError(`--only names "${text.trim()}", but knows ${PARTS.join(', ')}`);
  return part;
}

function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${flag} is "${text}", but must be a whole number from ${least} on`);
  return value;
}
