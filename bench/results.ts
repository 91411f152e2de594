// The results of a run, part by part, so that a part that is measured anew takes the place of what it was: ratios and peaks with their goals,
// all timings, and the machine that they were measured on.

import { availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import type { StoreKind } from './copies.ts';
import { partNotes } from './notes.ts';
import type { Options, Part } from './options.ts';
import { memoryOf, ratiosOf } from './ratios.ts';
import { type Memory, type Ratio, type Series, type Timing, timingsOf } from './series.ts';
import type { Census } from './servers.ts';

/** What is kept in results.json and printed with --json; of a part that was not measured there is nothing. */
export interface Results {
  readonly parts: Readonly<Partial<Record<Part, PartResults>>>;
}

export interface PartResults {
  /** Such as 2026-11-22. */
  readonly date: string;
  readonly machine: Machine;
  readonly servers: readonly string[];
  /** In a full copy, or reservations in the larger reservas. */
  readonly rows: number;
  readonly runs: number;
  readonly ratios: readonly Ratio[];
  readonly memory: readonly Memory[];
  readonly timings: readonly Timing[];
  /** What a reader must know beside the figures, one sentence each. */
  readonly notes: readonly string[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** GiB. */
  readonly memory: number;
  readonly system: string;
  readonly node: string;
}

export interface Measured {
  readonly series: Series;
  readonly census: Census;
  readonly options: Options;
  /** Its version, where it took part. */
  readonly reladiff: string | undefined;
}

export function partResults(part: Part, { series, census, options, reladiff }: Measured): PartResults {
  const { scales, runs } = options;
  const engines = [...census.engines.values()];
  const peer = part === 'postgres' && reladiff !== undefined ? [`reladiff ${reladiff.replace(/^v/, '')}`] : [];
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    servers: [
      ...engines.map(({ name, version, standIn }) => `${name}: ${version}${standIn ? ', a stand-in' : ''}`),
      ...peer,
    ],
    rows: rowsOf(part, options),
    runs,
    ratios: ratiosOf(part, series, scales),
    memory: memoryOf(part, series, options.rowsOf),
    timings: timingsOf(series),
    notes: partNotes(part, {
      standIns: new Set(engines.filter(({ standIn }) => standIn).map(({ kind }) => kind)),
      settings: [...census.settings.values()],
      reladiff,
      together: options.togetherRows,
      scales,
    }),
  };
}

function rowsOf(part: Part, { rowsOf, togetherRows, threadsRows, scales }: Options): number {
  const others = { together: togetherRows, threads: threadsRows, window: scales.many };
  return part in others ? others[part as keyof typeof others] : rowsOf(part as StoreKind);
}

function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
  };
}
