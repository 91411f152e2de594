// The measurements as they come, by name, and what can be said of them. No I/O.

import type { Measurement } from './measure.ts';

export type Sample = Pick<Measurement, 'seconds'> & Partial<Measurement>;

/** Samples by name, such as `mongodb check, equal`; the position in a list is the round. */
export type Series = Map<string, Sample[]>;

export interface Ratio {
  readonly name: string;
  readonly ratio: number;
  /** Such as `<= 0.6`. */
  readonly goal: string;
}

export interface Timing {
  readonly name: string;
  readonly runs: number;
  /** Seconds. */
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Peak memory, median; absent where it was not measured. */
  readonly megabytes?: number;
}

export interface Memory {
  /** Such as `mongodb check, equal - drain`. */
  readonly name: string;
  readonly megabytes: number;
  readonly goal: string;
}

/** The median of the ratios of each round, so that a machine that slows down slows both; undefined without a pair. */
export function ratioOf(series: Series, name: string, over: string): number | undefined {
  const below = series.get(over) ?? [];
  const ratios = (series.get(name) ?? []).flatMap(({ seconds }, round) =>
    below[round] === undefined ? [] : [seconds / below[round].seconds],
  );
  return ratios.length === 0 ? undefined : median(ratios);
}

export function timingsOf(series: Series): readonly Timing[] {
  return [...series].map(([name, samples]) => {
    const seconds = samples.map((sample) => sample.seconds);
    const range = { min: Math.min(...seconds), max: Math.max(...seconds) };
    return { name, runs: samples.length, median: median(seconds), ...range, megabytes: peakOf(samples) };
  });
}

/** How much higher the peak of one is than that of another; undefined when either was not measured. */
export function peakAbove(series: Series, name: string, over: string): number | undefined {
  const peak = peakOf(series.get(name) ?? []);
  const base = peakOf(series.get(over) ?? []);
  return peak === undefined || base === undefined ? undefined : peak - base;
}

/** How much its peak grew past what its process had taken for a small warm-up. */
export function peakGrowth(series: Series, name: string): number | undefined {
  const grown = (series.get(name) ?? []).flatMap(({ megabytes, warmMegabytes }) =>
    megabytes === undefined || warmMegabytes === undefined ? [] : [megabytes - warmMegabytes],
  );
  return grown.length === 0 ? undefined : median(grown);
}

export function isMet(value: number, goal: string): boolean {
  const limit = Number(goal.slice(3));
  return goal.startsWith('<=') ? value <= limit : value >= limit;
}

function peakOf(samples: readonly Sample[]): number | undefined {
  const peaks = samples.flatMap(({ megabytes }) => (megabytes === undefined ? [] : [megabytes]));
  return peaks.length === 0 ? undefined : median(peaks);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
