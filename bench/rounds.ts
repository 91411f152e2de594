// The order of the measurements: in every round each contestant once, so that drift of the machine's speed falls on
// all of them alike. The first round is thrown away; it warms the servers.

import { type CopyName, copyOf, type StoreKind } from './copies.ts';
import { measure } from './fork-measure.ts';
import { plantDrift } from './native.ts';
import { RELADIFF_THREADS, type ReladiffThreads, runReladiff } from './reladiff.ts';
import type { Sample, Series } from './series.ts';
import type { Servers } from './servers.ts';
import type { Pair, VariantName } from './variants.ts';

export interface Rounds {
  readonly rows: number;
  readonly runs: number;
  readonly reladiff: boolean;
  readonly onProgress: (line: string) => void;
}

interface Step {
  readonly name: string;
  readonly most: number;
  readonly take: () => Promise<Sample>;
}

const RELADIFF_RUNS = 2;
const REPAIR_RUNS = 3;

export async function measureRounds(servers: Servers, options: Rounds): Promise<Series> {
  const series: Series = new Map();
  const kinds = [...servers.stores.keys()];
  const steps = kinds.flatMap((store) => readingSteps(servers, store, options));
  for (let round = 0; round <= options.runs; round += 1) await runRound(steps, round, series, options);
  // Only now, because a repair changes the drifted copy.
  const repairs = kinds.flatMap((store) => repairSteps(servers, store, options));
  const repairRounds = Math.min(options.runs, REPAIR_RUNS);
  for (let round = 1; round <= repairRounds; round += 1) await runRound(repairs, round, series, options);
  const empty = kinds.map((store) => step(servers, store, 'check', 'empty', options));
  await runRound(empty, 1, series, options);
  return series;
}

async function runRound(steps: readonly Step[], round: number, series: Series, options: Rounds): Promise<void> {
  for (const { name, most, take } of steps) {
    if (round > most) continue;
    const sample = await take();
    const memory = sample.megabytes === undefined ? '' : `, ${sample.megabytes.toFixed(0)} MB`;
    const where = round === 0 ? 'warm-up' : `round ${round}`;
    options.onProgress(`${where}: ${name}: ${sample.seconds.toFixed(3)} s${memory}`);
    if (round === 0) continue;
    const samples = series.get(name) ?? [];
    samples.push(sample);
    series.set(name, samples);
  }
}

function readingSteps(servers: Servers, store: StoreKind, options: Rounds): readonly Step[] {
  const drain = step(servers, store, 'drain', 'equal', options);
  const checks = (['equal', 'drifted'] as const).map((copy) => [
    step(servers, store, 'check', copy, options),
    ...(store === 'postgres' && options.reladiff
      ? RELADIFF_THREADS.map((threads) => reladiffStep(servers, copy, threads, options))
      : []),
  ]);
  return [drain, ...checks.flat()];
}

function repairSteps(servers: Servers, store: StoreKind, options: Rounds): readonly Step[] {
  const copy = copyOf('drifted', options.rows);
  // Both end with an equal copy, and both need it drifted: at the start it is.
  let drifted = true;
  return (['bulk write', 'repair'] as const).map((variant) => {
    const bare = step(servers, store, variant, 'drifted', options);
    const take = async () => {
      if (!drifted) await plantDrift(store, servers.stores.get(store)!, copy);
      drifted = false;
      return bare.take();
    };
    return { ...bare, take };
  });
}

export function nameOf(store: StoreKind, variant: VariantName, copy: CopyName): string {
  return variant === 'check' ? `${store} check, ${copy}` : `${store} ${variant}`;
}

export function reladiffName(copy: CopyName, threads: ReladiffThreads): string {
  return `reladiff${threads === 1 ? '' : ` with ${threads} threads`}, ${copy}`;
}

function step(servers: Servers, store: StoreKind, variant: VariantName, copy: CopyName, { rows }: Rounds): Step {
  const job = { variant, store, copy, rows, pair: pairOf(servers, store) };
  return { name: nameOf(store, variant, copy), most: Number.POSITIVE_INFINITY, take: () => measure(job) };
}

function reladiffStep(servers: Servers, copy: CopyName, threads: ReladiffThreads, { rows }: Rounds): Step {
  const pair = pairOf(servers, 'postgres');
  return {
    name: reladiffName(copy, threads),
    most: RELADIFF_RUNS,
    take: async () => ({ seconds: await runReladiff(pair, copyOf(copy, rows), threads) }),
  };
}

function pairOf(servers: Servers, store: StoreKind): Pair {
  const standIn = servers.engines.some((engine) => engine.kind === store && engine.standIn);
  return { source: servers.source, store: servers.stores.get(store)!, standIn };
}
