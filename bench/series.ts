// The measurements as they come, by name, and what can be said of them. No I/O.

import type { Measurement } from './measure.ts';

export type Sample = Pick<Measurement, 'seconds'> & Partial<Measurement>;

/** By name, such as `mongodb check, equal`; the position in a list of samples is the round. */
export type Series = Map<string, { readonly rows: number; readonly samples: Sample[] }>;

export interface Ratio {
  readonly name: string;
  readonly ratio: number;
  /** Such as `<= 0.6`; absent where it is only reported. */
  readonly goal?: string;
}

export interface Timing {
  readonly name: string;
  /** In the replica, or in the window of it. */
  readonly rows: number;
  readonly runs: number;
  /** Seconds. */
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Peak memory, median; absent where it was not measured. */
  readonly megabytes?: number;
  /** Medians; absent where they were not measured. */
  readonly machineBusy?: number;
  readonly mainThreadBusy?: number;
  /** Seconds of the cores for the measuring process. */
  readonly own?: number;
}

export interface Memory {
  /** Such as `mongodb check, equal - drain`. */
  readonly name: string;
  readonly megabytes: number;
  readonly goal: string;
}

/**
 * The median of the ratios of each round, so that a machine that slows down slows both; undefined without a pair. Over
 * several it is that over the slowest of them.
 */
export function ratioOf(series: Series, name: string, ...over: readonly string[]): number | undefined {
  const below = over.map((each) => samplesOf(series, each));
  const ratios = samplesOf(series, name).flatMap(({ seconds }, round) =>
    below.every((samples) => samples[round] !== undefined)
      ? [seconds / Math.max(...below.map((samples) => samples[round]!.seconds))]
      : [],
  );
  return ratios.length === 0 ? undefined : median(ratios);
}

export function timingsOf(series: Series): readonly Timing[] {
  return [...series].map(([name, { rows, samples }]) => {
    const seconds = samples.map((sample) => sample.seconds);
    const range = { min: Math.min(...seconds), max: Math.max(...seconds) };
    return {
      name,
      rows,
      runs: samples.length,
      median: median(seconds),
      ...range,
      megabytes: peakOf(samples),
      machineBusy: medianOf(samples, ({ busy }) => busy?.machine),
      mainThreadBusy: medianOf(samples, ({ busy }) => busy?.mainThread),
      own: medianOf(samples, ({ busy }) => busy?.own),
    };
  });
}

/** How much higher the peak of one is than that of another; undefined when either was not measured. */
export function peakAbove(series: Series, name: string, over: string): number | undefined {
  const peak = peakOf(samplesOf(series, name));
  const base = peakOf(samplesOf(series, over));
  return peak === undefined || base === undefined ? undefined : peak - base;
}

/** How much its peak grew past what its process had taken for a small warm-up. */
export function peakGrowth(series: Series, name: string): number | undefined {
  return medianOf(samplesOf(series, name), ({ megabytes, warmMegabytes }) =>
    megabytes === undefined || warmMegabytes === undefined ? undefined : megabytes - warmMegabytes,
  );
}

export function isMet(value: number, goal: string): boolean {
  const limit = Number(goal.slice(3));
  return goal.startsWith('<=') ? value <= limit : value >= limit;
}

function samplesOf(series: Series, name: string): readonly Sample[] {
  return series.get(name)?.samples ?? [];
}

function peakOf(samples: readonly Sample[]): number | undefined {
  return medianOf(samples, ({ megabytes }) => megabytes);
}

/** Of the samples that have it. */
function medianOf(samples: readonly Sample[], read: (sample: Sample) => number | undefined): number | undefined {
  const values = samples.map(read).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
