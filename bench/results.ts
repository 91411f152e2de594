// The results of a run: ratios and peaks with their goals, all timings, and the machine that they were measured on.

import { availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import type { StoreKind } from './copies.ts';
import { notesOf } from './notes.ts';
import type { Options } from './options.ts';
import { memoryOf, ratiosOf } from './ratios.ts';
import { type Memory, type Ratio, type Series, type Timing, timingsOf } from './series.ts';
import type { Census } from './servers.ts';

/** With --json this is what is printed; fields are only ever added. */
export interface Results {
  readonly ratios: readonly Ratio[];
  readonly memory: readonly Memory[];
  readonly timings: readonly Timing[];
  readonly machine: Machine;
  /** The most that a copy has. */
  readonly rows: number;
  readonly rowsByKind: Readonly<Partial<Record<StoreKind, number>>>;
  readonly runs: number;
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
  readonly servers: readonly string[];
  readonly reladiff: string | null;
}

export interface Measured {
  readonly series: Series;
  readonly census: Census;
  readonly options: Options;
  /** Its version, where it took part. */
  readonly reladiff: string | undefined;
}

export function resultsOf({ series, census, options, reladiff }: Measured): Results {
  const { kinds, rowsOf, scales, runs } = options;
  const engines = [...census.engines.values()];
  const byKind = kinds.map((kind): [StoreKind, number] => [kind, rowsOf(kind)]);
  const together = options.parts.has('together') ? options.togetherRows : undefined;
  return {
    ratios: ratiosOf(series, kinds, scales),
    memory: memoryOf(series, rowsOf),
    timings: timingsOf(series),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memory: Math.round(totalmem() / 2 ** 30),
      system: `${platform()} ${release()}`,
      node: process.version,
      servers: engines.map(({ name, version, standIn }) => `${name}: ${version}${standIn ? ', a stand-in' : ''}`),
      reladiff: reladiff ?? null,
    },
    rows: Math.max(...byKind.map(([, rows]) => rows), together ?? 0),
    rowsByKind: Object.fromEntries(byKind),
    runs,
    notes: notesOf({
      kinds,
      rowsOf,
      standIns: new Set(engines.filter(({ standIn }) => standIn).map(({ kind }) => kind)),
      settings: [...census.settings.values()],
      reladiff,
      together,
      scales: options.parts.has('window') ? scales : undefined,
    }),
  };
}
