// From the measurements to what is promised: the ratios and peaks of DESIGN's section 8 with their goals, and the
// machine that they were measured on.

import { availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import type { Engine } from '../engines/engines.ts';
import type { StoreKind } from './copies.ts';
import { RELADIFF_HINT, RELADIFF_THREADS } from './reladiff.ts';
import { nameOf, reladiffName } from './rounds.ts';
import {
  type Memory,
  peakAbove,
  peakGrowth,
  type Ratio,
  ratioOf,
  type Series,
  type Timing,
  timingsOf,
} from './series.ts';

/** With --json this is what is printed; fields are only ever added. */
export interface Results {
  readonly ratios: readonly Ratio[];
  readonly memory: readonly Memory[];
  readonly timings: readonly Timing[];
  readonly machine: Machine;
  readonly rows: number;
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
  readonly kinds: readonly StoreKind[];
  readonly engines: readonly Engine[];
  /** Of each PostgreSQL server, as it says itself. */
  readonly settings: readonly string[];
  readonly rows: number;
  readonly runs: number;
  /** Its version, where it took part. */
  readonly reladiff: string | undefined;
}

const GOAL_ROWS = 1_000_000;
/** Of a drain by the official driver. */
const CHECK_GOALS: Readonly<Record<StoreKind, string>> = { postgres: '<= 0.15', mongodb: '<= 0.6' };

export function resultsOf(measured: Measured): Results {
  const { series, kinds, rows, runs } = measured;
  const ratio = (name: string, above: string, below: string, goal: string): readonly Ratio[] => {
    const value = ratioOf(series, above, below);
    return value === undefined ? [] : [{ name, ratio: value, goal }];
  };
  const ratios = kinds.flatMap((store) => {
    const equal = nameOf(store, 'check', 'equal');
    const drifted = nameOf(store, 'check', 'drifted');
    return [
      ...ratio(`${store} check / drain`, equal, nameOf(store, 'drain', 'equal'), CHECK_GOALS[store]),
      ...ratio(`${store} drift / equal`, drifted, equal, '<= 1.3'),
      ...ratio(
        `${store} repair / bulk write`,
        nameOf(store, 'repair', 'drifted'),
        nameOf(store, 'bulk write', 'drifted'),
        '<= 1.5',
      ),
    ];
  });
  const peers = RELADIFF_THREADS.flatMap((threads) => {
    const [equal, drifted] = [reladiffName('equal', threads), reladiffName('drifted', threads)];
    const peer = equal.replace(/, equal$/, '');
    return [
      ...ratio(`${peer} / postgres check, equal`, equal, nameOf('postgres', 'check', 'equal'), '>= 8'),
      ...ratio(`${peer} / postgres check, drift`, drifted, nameOf('postgres', 'check', 'drifted'), '>= 15'),
    ];
  });
  return {
    ratios: [...ratios, ...peers],
    memory: kinds.flatMap((store) => memoryOf(series, store, rows)),
    timings: timingsOf(series),
    machine: machineOf(measured),
    rows,
    runs,
    notes: notesOf(measured),
  };
}

function memoryOf(series: Series, store: StoreKind, rows: number): readonly Memory[] {
  // 64 bytes a row; below the goals' million what a process needs anyway would be larger than that.
  const goal = `<= ${Math.ceil((64 * Math.max(rows, GOAL_ROWS)) / 1e6)}`;
  return (['equal', 'drifted', 'empty'] as const).flatMap((copy) => {
    const name = nameOf(store, 'check', copy);
    const values = {
      [`${name} - drain`]: peakAbove(series, name, nameOf(store, 'drain', 'equal')),
      [`${name} - warm-up`]: peakGrowth(series, name),
    };
    return Object.entries(values).flatMap(([words, megabytes]) =>
      megabytes === undefined ? [] : [{ name: words, megabytes, goal }],
    );
  });
}

function machineOf({ engines, reladiff }: Measured): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    servers: engines.map(({ name, version, standIn }) => `${name}: ${version}${standIn ? ', a stand-in' : ''}`),
    reladiff: reladiff ?? null,
  };
}

function notesOf({ engines, settings, kinds, rows, reladiff }: Measured): readonly string[] {
  const notes = [
    'Every measurement has a process of its own and takes its turn in every round; a ratio is the median of the rounds’ ratios.',
    'A drain and a check are timed from before connecting to after closing, and a check reads the source as well. A repair is timed from the end of its comparison to the end of the run; the bulk write has its records in memory and its connection open.',
    'Memory is the peak resident set of the measuring process: against that of the bare drain, and against its own after a warm-up with a thousand rows.',
    'maxLag is the default of 500 ms: a check that finds drift can’t end sooner after its snapshot.',
    new Set(settings).size === 1
      ? `All PostgreSQL servers run with ${settings[0]}, for every contestant alike.`
      : `The PostgreSQL servers are NOT tuned alike: ${settings.join('; ')}.`,
  ];
  if (rows < GOAL_ROWS) {
    const words = GOAL_ROWS.toLocaleString('en');
    notes.push(
      `The goals are for ${words} rows or more: with fewer, what does not grow with the rows weighs too much.`,
    );
  }
  if (engines.some(({ kind, standIn }) => kind === 'mongodb' && standIn))
    notes.push(
      'MongoDB is a stand-in that speaks its protocol: how fast it drains is its own, not MongoDB’s. The drain asks it for 1,000 documents at a time: left to itself it sends all at once, which takes twice as long.',
    );
  if (!kinds.includes('postgres')) return notes;
  if (reladiff === undefined) notes.push(`${RELADIFF_HINT}.`);
  else
    notes.push(
      'reladiff is timed as a command, Python’s start included, and gets PGTZ=UTC, without which it errs here.',
    );
  return notes;
}
